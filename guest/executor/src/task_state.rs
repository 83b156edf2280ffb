//! What futures reach of their task, and the C interface to it.

#![expect(unsafe_code, reason = "is called through the C interface to component-model tasks")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crate::abi::{Callback, TaskV1, TaskV3, VtableV2, VtableV3, WITH_SPAWN};
use crate::futures::BoxFuture;
use crate::intrinsics::wasip3_task_set;
use crate::run_queue::RunQueue;
use crate::waitables::{Stay, Waitables};

/// The part of a task that its futures reach. It may outlive the task, and serves the next one then.
#[derive(Default)]
pub(crate) struct TaskState {
    pub(crate) waitables: Waitables,
    pub(crate) queue: Arc<RunQueue>,
    /// Futures that the executor has not taken over yet.
    pub(crate) spawned: RefCell<Vec<BoxFuture>>,
    /// Who is to be woken after the host's next turn.
    pub(crate) later: RefCell<Vec<Waker>>,
}

impl TaskState {
    /// Makes this the task that runs now, and calls `f`.
    pub(crate) fn enter<R>(self: &Rc<Self>, f: impl FnOnce() -> R) -> R {
        let task = TaskV3 {
            v1: TaskV1 {
                version: WITH_SPAWN,
                task: Rc::as_ptr(self).cast_mut().cast(),
                register: VTABLE.v2.register,
                unregister: VTABLE.v2.unregister,
            },
            vtable: &VTABLE,
        };
        let _entered = Entered::new(&task);
        f()
    }

    /// What `task` is, if `vtable` says that it is one of this crate's.
    ///
    /// # Safety
    /// `task` and `vtable` are of one task, which is alive as long as the result is used.
    pub(crate) unsafe fn of<'a>(task: *mut c_void, vtable: &VtableV2) -> Option<&'a Self> {
        // SAFETY: this vtable comes with pointers that `enter` and `clone` below have given, and those are to a `TaskState`;
        // that it is alive is the caller's promise.
        ptr::eq(vtable, &VTABLE.v2).then(|| unsafe { &*task.cast::<Self>() })
    }

    /// As [`Waitables::unregister`]. A task that rests is resumed: the host may be about to deliver the event that has left the set
    /// with the waitable, and wasmtime (48) ends the program if it finds none; or there was nothing else that the task rests for.
    fn unregister(&self, waitable: u32) -> *mut c_void {
        let data = self.waitables.unregister(waitable);
        self.queue.resume();
        data
    }
}

/// A task is the one that runs now as long as this lives.
struct Entered<'a> {
    before: *mut TaskV1,
    task: PhantomData<&'a TaskV3>,
}

impl<'a> Entered<'a> {
    fn new(task: &'a TaskV3) -> Self {
        // SAFETY: the task is a `TaskV3`, as its version says, and lives longer than this, whose drop puts back what was there
        // before. Whoever asks for it only reads it.
        let before = unsafe { wasip3_task_set(ptr::from_ref(task).cast_mut().cast()) };
        Self { before, task: PhantomData }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // SAFETY: whose task runs around this one has promised that it is alive until it takes it back.
        unsafe { wasip3_task_set(self.before) };
    }
}

static VTABLE: VtableV3 =
    VtableV3 { v2: VtableV2 { register, unregister, clone, drop: release }, rust_spawn: Some(spawn) };

/// # Safety
/// `task` is one with [`VTABLE`], alive; the rest as in [`Waitables::register`].
unsafe extern "C" fn register(task: *mut c_void, waitable: u32, callback: Callback, data: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { (*task.cast::<TaskState>()).waitables.register(waitable, callback, data, Stay::No) }
}

/// # Safety
/// `task` is one with [`VTABLE`], alive.
unsafe extern "C" fn unregister(task: *mut c_void, waitable: u32) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { &*task.cast::<TaskState>() }.unregister(waitable)
}

/// # Safety
/// `task` is one with [`VTABLE`], alive.
unsafe extern "C" fn clone(task: *mut c_void) -> *mut c_void {
    // SAFETY: the caller's promise. All these pointers come from `Rc::as_ptr` in `enter`.
    unsafe { Rc::increment_strong_count(task.cast_const().cast::<TaskState>()) };
    task
}

/// # Safety
/// `task` is what [`clone`] gave, and is not used after this.
unsafe extern "C" fn release(task: *mut c_void) {
    // SAFETY: the caller's promise: this takes back the count of one `clone`.
    unsafe { Rc::decrement_strong_count(task.cast_const().cast::<TaskState>()) };
}

/// # Safety
/// `task` is one with [`VTABLE`], alive.
unsafe fn spawn(task: *mut c_void, future: Box<dyn Future<Output = ()>>) {
    // SAFETY: the caller's promise.
    unsafe { &*task.cast::<TaskState>() }.spawned.borrow_mut().push(Pin::from(future));
}

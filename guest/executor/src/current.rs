//! The component-model task that runs now, whoever runs it.

#![expect(unsafe_code, reason = "talks the C interface to component-model tasks")]

use std::ffi::c_void;
use std::ptr;
use std::task::Waker;

use crate::abi::{Callback, TaskV2, VtableV2, WITH_CLONE};
use crate::intrinsics::wasip3_task_set;
use crate::task_state::TaskState;
use crate::waitables::Stay;

/// Calls `f` with the task that runs now, or none: in a synchronous export no task does. `f` polls nothing.
fn with_current<R>(f: impl FnOnce(Option<&TaskV2>) -> R) -> R {
    // SAFETY: the interface's one function both reads and sets, so the value is put back at once.
    let task = unsafe {
        let task = wasip3_task_set(ptr::null_mut());
        wasip3_task_set(task);
        task
    };
    // SAFETY: a task that is not null is valid while it runs, which is longer than `f` does; and from the version on that is
    // checked here it has the layout of `TaskV2`.
    let task = unsafe { task.as_ref().filter(|task| task.version >= WITH_CLONE).map(|_| &*task.cast::<TaskV2>()) };
    f(task)
}

/// As [`with_current`], with one of this crate's tasks.
fn with_ours<R>(f: impl FnOnce(Option<&TaskState>) -> R) -> R {
    // SAFETY: both are of the task that runs now, and so is alive while `f` runs.
    with_current(|task| f(task.and_then(|task| unsafe { TaskState::of(task.v1.task, task.vtable) })))
}

/// Whether a component-model task runs now, so that futures can be spawned and waited for.
pub fn runs() -> bool {
    with_current(|task| task.is_some())
}

/// Whether the task that runs now takes all events that are there by itself, now and then: those of this crate do.
pub fn is_fair() -> bool {
    with_ours(|task| task.is_some())
}

/// Has `waker` woken after the host, and so every other task that can run, has had a turn. False: the task that runs now is none
/// of this crate's, and nothing was done.
#[must_use]
pub fn give_way(waker: &Waker) -> bool {
    with_ours(|task| task.inspect(|task| task.later.borrow_mut().push(waker.clone())).is_some())
}

/// A component-model task, kept beyond the moment that it was found in.
///
/// When a task of this crate's has ended, another may take its place: then both are the same in the sense of
/// [`Task::is`] and [`Task::is_current`]. Nothing of the ended one is registered any more.
pub struct Task {
    /// Came from `vtable`'s `clone`, and so is alive until it is given to its `drop`.
    task: *mut c_void,
    vtable: &'static VtableV2,
}

impl Task {
    /// The task that runs now, if one does.
    pub fn current() -> Option<Self> {
        // SAFETY: the task that runs now is alive.
        with_current(|task| task.map(|task| unsafe { Self::cloned(task.v1.task, task.vtable) }))
    }

    /// # Safety
    /// `task` and `vtable` are of one task, which is alive.
    unsafe fn cloned(task: *mut c_void, vtable: &'static VtableV2) -> Self {
        // SAFETY: the caller's promise.
        Self { task: unsafe { (vtable.clone)(task) }, vtable }
    }

    /// Whether this is the task that runs now; none if none does.
    pub fn is_current(&self) -> Option<bool> {
        with_current(|current| current.map(|current| current.v1.task == self.task))
    }

    /// Whether both are the same task.
    pub fn is(&self, other: &Self) -> bool {
        self.task == other.task
    }

    /// Has the task call `callback` with `data` when the operation on `waitable` ends, once. The waitable may stay in the
    /// task's set after that: [`Task::unregister`] takes it out.
    ///
    /// # Safety
    /// `waitable` has an operation in flight and is registered nowhere else; `data` is valid for the callback until it is called
    /// or [`Task::unregister`] hands it back. [`Task::unregister`] is called before the waitable is dropped, given away or
    /// used in a call that blocks.
    pub unsafe fn register(&self, waitable: u32, callback: Callback, data: *mut c_void) {
        // What was registered before is null: its callback was called, or it is registered nowhere.
        // SAFETY: the task is alive as long as `self`; the rest is the caller's promise.
        unsafe {
            match TaskState::of(self.task, self.vtable) {
                Some(ours) => _ = ours.waitables.register(waitable, callback, data, Stay::Yes),
                None => _ = (self.vtable.register)(self.task, waitable, callback, data),
            }
        }
    }

    /// Takes the waitable out of the task's set, and gives back what was registered; null if the callback was called.
    pub fn unregister(&self, waitable: u32) -> *mut c_void {
        // SAFETY: the task is alive as long as `self`.
        unsafe { (self.vtable.unregister)(self.task, waitable) }
    }
}

impl Clone for Task {
    fn clone(&self) -> Self {
        // SAFETY: the task is alive as long as `self`.
        unsafe { Self::cloned(self.task, self.vtable) }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: `task` came from this vtable's `clone` and is dropped once.
        unsafe { (self.vtable.drop)(self.task) }
    }
}

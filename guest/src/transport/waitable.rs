//! Waiting for one stream operation that is in flight, from whichever task cares at the moment.
//!
//! A component instance runs many component-model tasks: every call of an async export is one. A waitable (here: the end
//! of a stream with an operation in flight) can belong to the waitable set of one task at a time. wit-bindgen's futures
//! tie an operation to the future that polls it, and dropping that future cancels the operation, with the bytes. Here the
//! operation belongs to the connection instead, and a task that waits registers for its end, or withdraws:
//!
//! 1. The operation outlives whoever waits for it. A cancelled read leaves it in flight; its end is found by the next.
//! 2. At most one task is registered at a time. A task that polls takes the registration over.
//! 3. Polled where no task runs, in a synchronous export, an operation is registered with the keeper: the task that stays.
//! 4. A registered task is told through `wasip3_task`, the C interface that all versions of wit-bindgen share (its
//!    documentation is wit-bindgen's `src/rt/async_support/cabi.rs`).

#![expect(unsafe_code, reason = "talks the C interface between component-model tasks and what they wait for")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

type Callback = unsafe extern "C" fn(*mut c_void, u32);

/// `struct wasip3_task`, version 1.
#[repr(C)]
struct TaskV1 {
    version: u32,
    task: *mut c_void,
    register: unsafe extern "C" fn(*mut c_void, u32, Callback, *mut c_void) -> *mut c_void,
    unregister: unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void,
}

/// `struct wasip3_task_v2`: what later versions also begin with.
#[repr(C)]
struct TaskV2 {
    v1: TaskV1,
    vtable: &'static TaskVtable,
}

/// `struct wasip3_task_vtable`.
#[repr(C)]
struct TaskVtable {
    register: unsafe extern "C" fn(*mut c_void, u32, Callback, *mut c_void) -> *mut c_void,
    unregister: unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void,
    clone: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    drop: unsafe extern "C" fn(*mut c_void),
}

/// The version of `wasip3_task` from which on a task can be cloned. wit-bindgen has it since 0.60.
const VERSION_WITH_CLONE: u32 = 2;

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    fn wasip3_task_set(task: *mut TaskV1) -> *mut TaskV1;
}

/// There are no tasks outside of a component.
#[cfg(not(target_family = "wasm"))]
unsafe fn wasip3_task_set(_: *mut TaskV1) -> *mut TaskV1 {
    ptr::null_mut()
}

/// Calls `f` with the task that runs now, or none: in a synchronous export no task does.
fn with_current<R>(f: impl FnOnce(Option<&TaskV2>) -> R) -> R {
    // SAFETY: the interface's one function both reads and sets; the value is put back before anything else can run,
    // since `f` below does not call out of this module.
    let task = unsafe {
        let task = wasip3_task_set(ptr::null_mut());
        wasip3_task_set(task);
        task
    };
    // SAFETY: a task that is not null is valid while it runs, and from the version on that is checked here it has the
    // layout of `TaskV2`.
    let task =
        unsafe { task.as_ref().filter(|task| task.version >= VERSION_WITH_CLONE).map(|_| &*task.cast::<TaskV2>()) };
    f(task)
}

thread_local! {
    /// The task that is told of what nobody else waits for.
    static KEEPER: RefCell<Option<Task>> = const { RefCell::new(None) };
}

/// Makes the task that runs now the one that is told of operations which are polled where no task runs. It must stay.
#[cfg(feature = "component")]
pub(crate) fn keep_with_current() {
    with_current(|current| {
        if let Some(current) = current {
            KEEPER.with(|keeper| keeper.replace(Some(current.keep())));
        }
    });
}

/// Whether a component-model task runs now, so that futures can be spawned and waited for.
pub(crate) fn in_task() -> bool {
    with_current(|task| task.is_some())
}

/// A task, kept beyond the call that it was found in.
struct Task {
    task: *mut c_void,
    vtable: &'static TaskVtable,
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: `task` came from this vtable's `clone` and is dropped once.
        unsafe { (self.vtable.drop)(self.task) }
    }
}

impl TaskV2 {
    fn keep(&self) -> Task {
        // SAFETY: this task is alive; what `clone` gives is owned by `Task`.
        Task { task: unsafe { (self.vtable.clone)(self.v1.task) }, vtable: self.vtable }
    }
}

impl Clone for Task {
    fn clone(&self) -> Self {
        // SAFETY: the task is alive, since it was cloned before.
        Self { task: unsafe { (self.vtable.clone)(self.task) }, vtable: self.vtable }
    }
}

/// The end of one operation that was started and is in flight.
pub(crate) struct Waitable {
    inner: Rc<Inner>,
}

struct Inner {
    handle: u32,
    /// The code that the operation ended with, until it is taken.
    code: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    /// Whom the end is told to. While this is some, that task owns one count of the `Rc` around this value.
    registered: RefCell<Option<Task>>,
}

impl Waitable {
    /// `handle` is the stream end whose operation has just been started and has blocked.
    pub(crate) fn new(handle: u32) -> Self {
        let inner = Inner { handle, code: Cell::default(), waker: RefCell::default(), registered: RefCell::default() };
        Self { inner: Rc::new(inner) }
    }

    /// The code of the operation, once it has ended; else the current task is woken when it has.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<u32> {
        if let Some(code) = self.inner.code.take() {
            return Poll::Ready(code);
        }
        self.inner.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
        let current = with_current(|current| current.map(TaskV2::keep));
        let Some(task) = current.or_else(|| KEEPER.with(|keeper| keeper.borrow().clone())) else {
            return Poll::Pending;
        };
        if self.inner.registered.borrow().as_ref().is_some_and(|registered| registered.task == task.task) {
            return Poll::Pending;
        }
        self.withdraw();
        // SAFETY: the task is alive. The callback gets one count of the `Rc`, so that its pointer is valid until it is called or
        // `unregister` hands it back.
        unsafe {
            let told = Rc::into_raw(self.inner.clone()).cast_mut().cast();
            (task.vtable.register)(task.task, self.inner.handle, ended, told);
        }
        self.inner.registered.replace(Some(task));
        Poll::Pending
    }

    /// The code of the operation if its end was told already.
    pub(crate) fn try_take(&self) -> Option<u32> {
        self.inner.code.take()
    }

    /// Nobody waits any more; the operation goes on.
    pub(crate) fn withdraw(&self) {
        if let Some(task) = self.inner.registered.take() {
            // SAFETY: the task is alive, since it was cloned. What `unregister` returns, if not null, is the pointer that
            // was registered in `poll`, and its count is taken back.
            unsafe {
                let told = (task.vtable.unregister)(task.task, self.inner.handle);
                if !told.is_null() {
                    drop(Rc::from_raw(told.cast::<Inner>().cast_const()));
                }
            }
        }
    }
}

impl Drop for Waitable {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// The operation has ended with `code`. The task has forgotten the waitable already.
///
/// # Safety
/// `told` is the pointer that [`Waitable::poll`] registered, and this is called once for it.
unsafe extern "C" fn ended(told: *mut c_void, code: u32) {
    // SAFETY: the caller's promise: the pointer carries one count.
    let inner = unsafe { Rc::from_raw(told.cast::<Inner>().cast_const()) };
    inner.registered.replace(None);
    inner.code.set(Some(code));
    if let Some(waker) = inner.waker.take() {
        waker.wake();
    }
}

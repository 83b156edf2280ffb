//! The component-model task that runs now, and the one that stays.
//!
//! Both through `wasip3_task`, the C interface that all versions of wit-bindgen share (its documentation is wit-bindgen's
//! `src/rt/async_support/cabi.rs`).

#![expect(unsafe_code, reason = "talks the C interface to component-model tasks")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

pub(super) type Callback = unsafe extern "C" fn(*mut c_void, u32);

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
pub(crate) fn runs() -> bool {
    with_current(|task| task.is_some())
}

/// Whether the task that stays runs now.
pub(crate) fn keeper_runs() -> bool {
    with_current(|current| {
        current.is_some_and(|current| {
            KEEPER.with(|keeper| keeper.borrow().as_ref().is_some_and(|keeper| keeper.task == current.v1.task))
        })
    })
}

/// A task, kept beyond the call that it was found in.
pub(super) struct Task {
    task: *mut c_void,
    vtable: &'static TaskVtable,
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: `task` came from this vtable's `clone` and is dropped once.
        unsafe { (self.vtable.drop)(self.task) }
    }
}

impl Task {
    /// The task that runs now; where none does, the one that stays, if there is one.
    pub(super) fn current_or_keeper() -> Option<Self> {
        let current = with_current(|current| current.map(TaskV2::keep));
        current.or_else(|| KEEPER.with(|keeper| keeper.borrow().clone()))
    }

    /// Whether both are the same task.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.task == other.task
    }

    /// Has the task call `callback` with `told` when the operation on `waitable` ends, once.
    ///
    /// # Safety
    /// `waitable` has an operation in flight and is registered nowhere; `told` is valid for the callback until it is called or
    /// [`Task::unregister`] hands it back.
    pub(super) unsafe fn register(&self, waitable: u32, callback: Callback, told: *mut c_void) {
        // SAFETY: the task is alive, since it was cloned; the rest is the caller's promise.
        unsafe { (self.vtable.register)(self.task, waitable, callback, told) };
    }

    /// Withdraws what was registered, and gives it back; null if the callback was called.
    pub(super) fn unregister(&self, waitable: u32) -> *mut c_void {
        // SAFETY: the task is alive, since it was cloned.
        unsafe { (self.vtable.unregister)(self.task, waitable) }
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

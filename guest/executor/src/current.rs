//! The component-model task that runs now, whoever runs it.

#![expect(unsafe_code, reason = "talks the C interface to component-model tasks")]

use std::ffi::c_void;
use std::ptr;
use std::task::Waker;

use crate::abi::{Callback, TaskV2, VtableV2, WITH_CLONE};
use crate::executor;
use crate::intrinsics::wasip3_task_set;

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
    let task = unsafe { task.as_ref().filter(|task| task.version >= WITH_CLONE).map(|_| &*task.cast::<TaskV2>()) };
    f(task)
}

/// Whether a component-model task runs now, so that futures can be spawned and waited for.
pub fn runs() -> bool {
    with_current(|task| task.is_some())
}

/// Whether the task that runs now takes all events that are there by itself, now and then: those of this crate do.
pub fn is_fair() -> bool {
    with_current(|task| task.is_some_and(|task| executor::ours(task.v1.task, task.vtable).is_some()))
}

/// Has `waker` woken after the host, and so every other task that can run, has had a turn. False: the task that runs now is none
/// of this crate's, and nothing was done.
pub fn give_way(waker: &Waker) -> bool {
    with_current(|task| {
        let ours = task.and_then(|task| executor::ours(task.v1.task, task.vtable));
        ours.inspect(|shared| shared.wake_later(waker)).is_some()
    })
}

/// Has the task that runs now gather the events of a moment before it does something about them, if it is one of this crate's. For
/// a task that passes them on, and can do so for many at once; one that answers them by itself loses by it.
pub fn gather() {
    with_current(|task| {
        if let Some(shared) = task.and_then(|task| executor::ours(task.v1.task, task.vtable)) {
            shared.gather();
        }
    });
}

/// A component-model task, kept beyond the moment that it was found in.
pub struct Task {
    pub(crate) task: *mut c_void,
    pub(crate) vtable: &'static VtableV2,
}

impl Task {
    /// The task that runs now, if one does.
    pub fn current() -> Option<Self> {
        with_current(|current| current.map(TaskV2::keep))
    }

    /// Something to register with where there is no task: nobody is told before [`Task::look`] looks.
    pub fn unattended() -> Self {
        executor::unattended()
    }

    /// Tells of what has ended and was registered with a task of [`Task::unattended`].
    pub fn look(&self) {
        if let Some(shared) = executor::ours(self.task, self.vtable) {
            shared.look();
        }
    }

    /// Whether this is the task that runs now; none if none does.
    pub fn is_current(&self) -> Option<bool> {
        with_current(|current| current.map(|current| current.v1.task == self.task))
    }

    /// Whether both are the same task.
    pub fn is(&self, other: &Self) -> bool {
        self.task == other.task
    }

    /// Has the task call `callback` with `told` when the operation on `waitable` ends, once. The waitable may stay in the
    /// task's set after that: [`Task::unregister`] takes it out.
    ///
    /// # Safety
    /// `waitable` has an operation in flight and is registered nowhere else; `told` is valid for the callback until it is called
    /// or [`Task::unregister`] hands it back. [`Task::unregister`] is called before the waitable is dropped, given away or
    /// used in a call that blocks.
    pub unsafe fn register(&self, waitable: u32, callback: Callback, told: *mut c_void) {
        // What was registered before is null: it was told, or is registered nowhere.
        match executor::ours(self.task, self.vtable) {
            Some(shared) => _ = shared.register(waitable, callback, told),
            // SAFETY: the task is alive, since it was cloned; the rest is the caller's promise.
            None => _ = unsafe { (self.vtable.register)(self.task, waitable, callback, told) },
        }
    }

    /// Takes the waitable out of the task's set, and gives back what was registered; null if the callback was called.
    pub fn unregister(&self, waitable: u32) -> *mut c_void {
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

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: `task` came from this vtable's `clone` and is dropped once.
        unsafe { (self.vtable.drop)(self.task) }
    }
}

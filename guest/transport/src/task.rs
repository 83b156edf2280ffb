//! The component-model task that operations are registered with.
//!
//! An operation is registered with the task that polls it. In a synchronous export no task runs; there it is the *resident*
//! task: one that stays as long as the component. Every connection comes from an asynchronous call, so by then there is one.

use std::cell::RefCell;

pub use wasyncio_executor::{Task, runs};

thread_local! {
    /// The task that is told of what nobody else waits for.
    static RESIDENT: RefCell<Option<Task>> = const { RefCell::new(None) };
}

/// Makes the task that runs now the resident one. It must stay.
pub(crate) fn make_current_resident() {
    if let Some(current) = Task::current() {
        RESIDENT.replace(Some(current));
    }
}

/// Whether `task` is the one that [`current_or_resident`] gives.
pub(crate) fn is_current_or_resident(task: &Task) -> bool {
    task.is_current()
        .unwrap_or_else(|| RESIDENT.with_borrow(|resident| resident.as_ref().is_some_and(|resident| resident.is(task))))
}

/// The task that runs now; where none does, the resident one, if there is one.
pub(crate) fn current_or_resident() -> Option<Task> {
    Task::current().or_else(|| RESIDENT.with_borrow(Clone::clone))
}

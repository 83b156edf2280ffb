//! The component-model task that stays.
//!
//! Operations are registered with the task that polls them; in a synchronous export no task runs, so there it is the one that
//! stays. Before the first asynchronous call there is none: then whoever polls has to look for itself.

use std::cell::RefCell;

pub(crate) use wasyncio_executor::{Task, runs};

thread_local! {
    /// The task that is told of what nobody else waits for.
    static KEEPER: RefCell<Option<Task>> = const { RefCell::new(None) };
}

/// Makes the task that runs now the one that is told of operations which are polled where no task runs. It must stay.
#[cfg(feature = "component")]
pub(crate) fn keep_with_current() {
    if let Some(current) = Task::current() {
        KEEPER.replace(Some(current));
    }
}

/// Whether the task that stays runs now.
pub(crate) fn keeper_runs() -> bool {
    KEEPER.with_borrow(|keeper| keeper.as_ref().and_then(Task::is_current)).unwrap_or(false)
}

/// Whether `task` is the one that [`current_or_keeper`] gives.
pub(super) fn is_current_or_keeper(task: &Task) -> bool {
    task.is_current()
        .unwrap_or_else(|| KEEPER.with_borrow(|keeper| keeper.as_ref().is_some_and(|keeper| keeper.is(task))))
}

/// The task that runs now; where none does, the one that stays, if there is one.
pub(super) fn current_or_keeper() -> Option<Task> {
    Task::current().or_else(|| KEEPER.with_borrow(Clone::clone))
}

//! How tasks end, and what is left of them.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use super::operation::{Operation, spawn};
use crate::fake_host::{self, Left, begin, call, cancel, finish, go_on, is_joined, is_running, left, settle};

#[test]
fn a_program_that_is_done_exits_at_once_and_leaves_nothing() {
    begin(async {});
    assert_eq!(left(), Left { tasks: 0, sets: 0, streams: 0, waitables: 0, made: 0, joins: 0 });
}

#[test]
fn a_call_that_answers_at_once_ends_a_turn_later() {
    let task = call(async {});
    assert!(is_running(task), "its caller is resumed first");
    assert!(go_on(task) && !is_running(task));
}

#[test]
fn a_call_that_has_waited_ends_with_its_answer() {
    let operation = Rc::new(Operation::new());
    let waits = Rc::clone(&operation);
    let task = call(async move { _ = waits.wait().await });
    finish(operation.handle(), 0);
    assert!(go_on(task) && !is_running(task));
    assert!(!is_joined(operation.handle()), "nothing is in the set of a task that has ended");
}

#[test]
fn cancelling_drops_the_root_and_runs_what_that_spawns() {
    struct Spawns(Rc<Operation>, Rc<Cell<u32>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let (operation, result) = (Rc::clone(&self.0), Rc::clone(&self.1));
            spawn(async move { result.set(operation.wait().await) });
        }
    }
    let (operation, result) = (Rc::new(Operation::new()), Rc::<Cell<u32>>::default());
    let spawns = Spawns(Rc::clone(&operation), Rc::clone(&result));
    let task = begin(async move {
        let _spawns = spawns;
        pending::<()>().await;
    });
    cancel(task);
    assert!(is_running(task));
    finish(operation.handle(), 9);
    settle();
    assert!(!is_running(task) && result.get() == 9);
}

#[test]
fn cancelling_after_the_answer_stops_nothing() {
    let operation = Rc::new(Operation::new());
    let waits = Rc::clone(&operation);
    let task = begin(async move { spawn(async move { _ = waits.wait().await }) });
    cancel(task);
    assert!(is_running(task));
    finish(operation.handle(), 0);
    settle();
    assert!(!is_running(task));
}

#[test]
fn a_cancelled_call_ends_with_the_operation_that_it_waited_for() {
    let operation = Rc::new(Operation::new());
    let waits = Rc::clone(&operation);
    let task = call(async move { _ = waits.wait().await });
    cancel(task);
    assert!(is_running(task), "its operation is in flight");
    finish(operation.handle(), 0);
    assert!(go_on(task) && !is_running(task));
}

#[test]
fn a_cancelled_call_ends_when_another_waits_for_its_operation() {
    let operation = Rc::new(Operation::new());
    let (first, second) = (Rc::clone(&operation), Rc::clone(&operation));
    let cancelled = call(async move { _ = first.wait().await });
    cancel(cancelled);
    let task = call(async move { _ = second.wait().await });
    assert!(go_on(cancelled) && !is_running(cancelled));
    finish(operation.handle(), 0);
    assert!(go_on(task) && !is_running(task));
}

#[test]
fn the_set_and_the_stream_of_a_call_serve_the_next() {
    for _ in 0..1000 {
        let operation = Rc::new(Operation::new());
        let waits = Rc::clone(&operation);
        let task = call(async move { _ = waits.wait().await });
        finish(operation.handle(), 0);
        settle();
        assert!(!is_running(task));
        call(async {});
        settle();
    }
    let Left { tasks, sets, streams, waitables, made, .. } = left();
    assert_eq!((tasks, sets, streams, waitables, made), (0, 1, 1, 0, 2));
}

#[test]
fn of_many_calls_at_a_time_a_bounded_number_of_sets_is_left() {
    let operations = (0..1000).map(|_| Rc::new(Operation::new())).collect::<Vec<_>>();
    for operation in &operations {
        let waits = Rc::clone(operation);
        call(async move { _ = waits.wait().await });
    }
    assert_eq!(left().sets, 1000);
    operations.iter().for_each(|operation| _ = finish(operation.handle(), 0));
    settle();
    drop(operations);
    let Left { tasks, sets, streams, waitables, .. } = left();
    assert_eq!((tasks, sets, streams, waitables), (0, 64, 64, 0));
}

#[test]
fn a_task_that_had_many_futures_leaves_nothing() {
    let task = begin(async {
        for _ in 0..100 {
            let operation = Operation::new();
            finish(operation.handle(), 0);
            spawn(async move { _ = operation.wait().await });
        }
    });
    settle();
    assert!(!is_running(task));
    let Left { sets, streams, waitables, .. } = left();
    assert_eq!((sets, streams, waitables), (0, 0, 0));
    let mut handles = Vec::new();
    fake_host::settle();
    handles.push(fake_host::operation());
    assert_eq!(handles, [1], "all handles are free");
}

/// wasmtime has queued the delivery by then, and takes an empty set for a fault of its own: it ends the program.
#[test]
fn an_event_that_leaves_the_set_of_a_resting_task_leaves_another_behind() {
    let operation = Rc::new(Operation::new());
    let waits = Rc::clone(&operation);
    let task = begin(async move { _ = waits.wait().await });
    finish(operation.handle(), 0);
    operation.withdraw();
    assert!(go_on(task), "there is an event");
    cancel(task);
    settle();
    assert!(!is_running(task));
}

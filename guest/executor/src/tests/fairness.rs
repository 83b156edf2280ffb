//! Nobody starves.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::operation::{Operation, spawn};
use crate::fake_host::{begin, cancel, finish, go_on, operate, settle, yields};

/// How many connections there are.
const MANY: usize = 100;

#[test]
fn high_handles_have_their_events_while_low_ones_always_have_some() {
    let operations = Rc::new((0..MANY).map(|_| Operation::new()).collect::<Vec<_>>());
    let counts = Rc::new((0..MANY).map(|_| Cell::new(0u32)).collect::<Vec<_>>());
    let (all, results) = (Rc::clone(&operations), Rc::clone(&counts));
    let task = begin(async move {
        for number in 0..MANY {
            let (operations, counts) = (Rc::clone(&all), Rc::clone(&results));
            spawn(async move {
                loop {
                    operations[number].wait().await;
                    counts[number].set(counts[number].get() + 1);
                    operate(operations[number].handle());
                }
            });
        }
        std::future::pending::<()>().await;
    });
    settle();
    for _ in 0..1000 {
        operations.iter().for_each(|operation| _ = finish(operation.handle(), 0));
        assert!(go_on(task));
    }
    let fewest = counts.iter().map(Cell::get).min().unwrap_or_default();
    let mean = counts.iter().map(Cell::get).sum::<u32>() / MANY as u32;
    assert!(fewest > 0 && fewest * 2 >= mean, "{fewest} of {mean}");
    // The futures that were spawned keep the task, and it them.
    drop(operations);
}

#[test]
fn the_host_has_its_turn_while_futures_are_always_ready() {
    let order = Rc::<RefCell<Vec<usize>>>::default();
    let all = Rc::clone(&order);
    let task = begin(async move {
        for number in 0..MANY {
            let order = Rc::clone(&all);
            spawn(poll_fn(move |cx| {
                order.borrow_mut().push(number);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
        }
    });
    for turns in 1..=1000 {
        assert!(yields(task));
        let polls = order.borrow().len();
        assert!(polls < 8 * turns && polls + 8 >= 8 * (turns - 1), "{polls} polls in {turns} turns");
        go_on(task);
    }
    let in_turn = order.borrow().iter().enumerate().all(|(place, number)| place % MANY == *number);
    assert!(in_turn, "the one that has been ready for longest is next");
}

#[test]
fn what_an_event_wakes_is_polled_before_the_host_has_its_turn() {
    let operation = Rc::new(Operation::new());
    let done = Rc::<Cell<bool>>::default();
    let (waits, sets) = (Rc::clone(&operation), Rc::clone(&done));
    let task = begin(async move {
        for _ in 0..MANY {
            spawn(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
        }
        waits.wait().await;
        sets.set(true);
    });
    assert!(yields(task));
    finish(operation.handle(), 0);
    go_on(task);
    assert!(done.get(), "the event was looked for, and its future was polled");
    cancel(task);
}

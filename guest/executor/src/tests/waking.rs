//! What is woken is polled, by events, other futures and other tasks.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::operation::{Operation, spawn, wait_as_wit_bindgen};
use crate::fake_host::{self, begin, go_on, is_running, left, settle, yields};
use crate::{Task, give_way, is_fair, runs};

/// A future that waits for `operation` `times` times, and counts how often it is polled.
async fn count_polls(operation: Rc<Operation>, polls: Rc<Cell<u32>>, times: u32) {
    let mut left = times;
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        while operation.poll(cx).is_ready() {
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            fake_host::operate(operation.handle());
        }
        Poll::Pending
    })
    .await;
}

#[test]
fn a_future_is_polled_once_for_each_event() {
    let (operation, polls) = (Rc::new(Operation::new()), Rc::<Cell<u32>>::default());
    let task = begin(count_polls(Rc::clone(&operation), Rc::clone(&polls), 20));
    for events in 0..20 {
        assert_eq!(polls.get(), events + 1);
        assert!(is_running(task) && !go_on(task), "it waits");
        assert!(fake_host::finish(operation.handle(), 0));
        assert!(go_on(task));
    }
    assert!(!is_running(task));
}

#[test]
fn an_operation_that_is_waited_for_again_stays_in_the_set() {
    let (operation, polls) = (Rc::new(Operation::new()), Rc::<Cell<u32>>::default());
    let task = begin(count_polls(Rc::clone(&operation), polls, 20));
    let before = left().joins;
    for _ in 0..19 {
        fake_host::finish(operation.handle(), 0);
        go_on(task);
    }
    assert_eq!(left().joins, before);
}

#[test]
fn operations_of_wit_bindgen_leave_the_set_before_they_are_told() {
    let started = Rc::<Cell<u32>>::default();
    let code = Rc::<Cell<u32>>::default();
    let (inner, result) = (Rc::clone(&started), Rc::clone(&code));
    let task = begin(async move {
        for _ in 0..3 {
            result.set(wait_as_wit_bindgen(|handle| inner.set(handle)).await);
        }
    });
    for expected in [5, 6, 7] {
        fake_host::finish(started.get(), expected);
        assert!(go_on(task));
        assert_eq!(code.get(), expected);
    }
    assert!(!is_running(task));
}

#[test]
fn spawned_futures_run_and_go_on_after_the_answer() {
    let operation = Rc::new(Operation::new());
    let done = Rc::<Cell<bool>>::default();
    let (waits, sets) = (Rc::clone(&operation), Rc::clone(&done));
    let task = begin(async move {
        spawn(async move {
            spawn(async move { sets.set(waits.wait().await == 7) });
        });
    });
    assert!(is_running(task) && !done.get());
    fake_host::finish(operation.handle(), 7);
    settle();
    assert!(done.get() && !is_running(task));
}

#[test]
fn a_waker_of_another_task_makes_the_host_resume_a_task_that_rests() {
    let waker = Rc::<RefCell<Option<Waker>>>::default();
    let woken = Rc::<Cell<u32>>::default();
    let (keeps, counts) = (Rc::clone(&waker), Rc::clone(&woken));
    let rests = begin(poll_fn(move |cx| {
        keeps.replace(Some(cx.waker().clone()));
        counts.set(counts.get() + 1);
        if counts.get() > 3 { Poll::Ready(()) } else { Poll::Pending }
    }));
    for turns in 1..=3 {
        assert!(!go_on(rests), "nothing has happened");
        let waker = Rc::clone(&waker);
        begin(async move {
            let waker = waker.borrow().clone().expect("it was polled");
            waker.wake_by_ref();
            // Once is enough.
            waker.wake_by_ref();
        });
        assert_eq!(woken.get(), turns, "it is polled in its own task alone");
        assert!(go_on(rests));
        assert_eq!(woken.get(), turns + 1);
    }
    assert!(!is_running(rests));
}

#[test]
fn a_waker_of_a_future_that_ended_wakes_nobody() {
    let waker = Rc::<RefCell<Option<Waker>>>::default();
    let keeps = Rc::clone(&waker);
    begin(poll_fn(move |cx| {
        keeps.replace(Some(cx.waker().clone()));
        Poll::Ready(())
    }));
    let waker = waker.take().expect("it was polled");
    waker.wake_by_ref();
    let polls = Rc::<Cell<u32>>::default();
    let counts = Rc::clone(&polls);
    let next = begin(poll_fn(move |_| {
        counts.set(counts.get() + 1);
        Poll::<()>::Pending
    }));
    waker.wake();
    settle();
    assert!(is_running(next) && polls.get() <= 2, "the next future may be polled in vain, once");
    fake_host::cancel(next);
}

#[test]
fn give_way_wakes_after_a_turn_of_the_host() {
    let polls = Rc::<Cell<u32>>::default();
    let counts = Rc::clone(&polls);
    let task = begin(poll_fn(move |cx| {
        counts.set(counts.get() + 1);
        if counts.get() == 3 {
            return Poll::Ready(());
        }
        assert!(give_way(cx.waker()));
        Poll::Pending
    }));
    for turns in 1..3 {
        assert!(yields(task) && polls.get() == turns);
        go_on(task);
    }
    assert!(!is_running(task) && polls.get() == 3);
}

#[test]
fn a_task_runs_as_long_as_its_futures_are_polled_or_dropped() {
    struct Dropped(Rc<Cell<bool>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(runs() && is_fair());
        }
    }
    let (polled, dropped) = (Rc::<Cell<bool>>::default(), Rc::<Cell<bool>>::default());
    let (sets, drops) = (Rc::clone(&polled), Dropped(Rc::clone(&dropped)));
    assert!(!runs() && !is_fair() && Task::current().is_none() && !give_way(Waker::noop()));
    let task = begin(async move {
        let current = Task::current().expect("it runs");
        sets.set(runs() && is_fair() && current.is_current() == Some(true) && current.is(&current.clone()));
        let _drops = drops;
        pending::<()>().await;
    });
    assert!(polled.get() && !runs());
    fake_host::cancel(task);
    assert!(dropped.get() && !runs());
}

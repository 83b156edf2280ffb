//! Any number of tasks that wait for the same thing.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// The wakers of those who wait.
#[derive(Debug, Default)]
pub(crate) struct Waiters(RefCell<Vec<Waker>>);

impl Waiters {
    /// Waits until `ready` gives an answer; it is asked again after each [`Waiters::wake`].
    ///
    /// # Cancel safety
    /// Yes: what a cancelled wait leaves behind is a waker that wakes in vain, once.
    pub(crate) async fn wait<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match ready() {
            Some(answer) => Poll::Ready(answer),
            None => self.poll_pending(cx),
        })
        .await
    }

    /// Waits: the task is woken by the next [`Waiters::wake`].
    pub(crate) fn poll_pending<T>(&self, cx: &Context<'_>) -> Poll<T> {
        let mut wakers = self.0.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Lets all who wait look again.
    pub(crate) fn wake(&self) {
        for waker in self.0.take() {
            waker.wake();
        }
    }
}

/// Lets everything else that is ready run first.
pub(crate) async fn one_turn() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        if !wasyncio_executor::give_way(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

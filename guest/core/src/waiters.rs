//! Any number of tasks that wait for the same thing.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::runtime::Runtime;

/// Those who wait, each until it was given an answer. Who stops waiting is forgotten at once.
#[derive(Debug)]
pub struct Waiters<T = ()>(RefCell<Slab<Entry<T>>>);

#[derive(Debug)]
enum Entry<T> {
    Waits(Waker),
    Answered(T),
}

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self(RefCell::new(Slab::new()))
    }
}

impl<T: Clone> Waiters<T> {
    /// Gives everybody who waits an answer.
    pub fn answer(&self, answer: &T) {
        // Woken when nothing is borrowed: whoever is woken may wait again at once.
        let mut woken = Vec::new();
        for (_, entry) in self.0.borrow_mut().iter_mut() {
            if let Entry::Waits(waker) = entry {
                woken.push(std::mem::replace(waker, Waker::noop().clone()));
                *entry = Entry::Answered(answer.clone());
            }
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits for an answer.
    ///
    /// # Cancel safety
    /// Yes: nothing is left of who stops waiting.
    pub fn next(&self) -> Waiting<'_, T> {
        Waiting { waiters: self, key: None }
    }

    /// How many wait or have not taken their answer.
    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Waiters {
    /// Waits until `ready` gives an answer; it is asked again after each [`Waiters::wake`].
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    pub async fn wait<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(answer) = ready() {
                return answer;
            }
            self.next().await;
        }
    }

    /// Lets all who wait look again.
    pub fn wake(&self) {
        self.answer(&());
    }
}

/// One who waits.
#[derive(Debug)]
pub struct Waiting<'a, T: Clone> {
    waiters: &'a Waiters<T>,
    key: Option<usize>,
}

impl<T: Clone> Future for Waiting<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut entries = self.waiters.0.borrow_mut();
        let Some(key) = self.key else {
            let key = entries.insert(Entry::Waits(cx.waker().clone()));
            drop(entries);
            self.key = Some(key);
            return Poll::Pending;
        };
        if let Some(Entry::Waits(waker)) = entries.get_mut(key) {
            if !waker.will_wake(cx.waker()) {
                let before = std::mem::replace(waker, cx.waker().clone());
                drop(entries);
                drop(before);
            }
            return Poll::Pending;
        }
        let answered = entries.try_remove(key);
        drop(entries);
        self.key = None;
        match answered {
            Some(Entry::Answered(answer)) => Poll::Ready(answer),
            // Polled again after its answer, which a future need not bear.
            Some(Entry::Waits(_)) | None => Poll::Pending,
        }
    }
}

impl<T: Clone> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // A waker may be the last that keeps a task, and the task may wait here, too: dropped when nothing is borrowed.
            let removed = self.waiters.0.borrow_mut().try_remove(key);
            drop(removed);
        }
    }
}

/// Lets everything else that is ready run first.
pub async fn one_turn(runtime: &dyn Runtime) {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        runtime.wake_later(cx.waker());
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn everybody_who_waits_is_answered_once_and_nothing_is_left() {
        let waiters = Waiters::<u32>::default();
        let mut cx = Context::from_waker(Waker::noop());
        let (mut one, mut other) = (pin!(waiters.next()), pin!(waiters.next()));
        assert!(one.as_mut().poll(&mut cx).is_pending() && other.as_mut().poll(&mut cx).is_pending());
        waiters.answer(&1);
        waiters.answer(&2);
        assert_eq!(one.as_mut().poll(&mut cx), Poll::Ready(1));
        assert_eq!(other.as_mut().poll(&mut cx), Poll::Ready(1));
        assert_eq!(waiters.count(), 0);
    }

    #[test]
    fn who_stops_waiting_is_forgotten() {
        let waiters = Waiters::<()>::default();
        for _ in 0..1000 {
            let mut waiting = Box::pin(waiters.next());
            assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(waiters.count(), 0);
    }

    #[test]
    fn a_waker_may_use_the_list_when_it_is_dropped() {
        thread_local!(static LIST: Waiters<()> = Waiters::default());
        struct Task;
        impl std::task::Wake for Task {
            fn wake(self: std::sync::Arc<Self>) {}
        }
        impl Drop for Task {
            // A task that is dropped with its last waker, and waited in the same list.
            fn drop(&mut self) {
                LIST.with(|list| assert!(list.count() < 2));
            }
        }
        LIST.with(|list| {
            let waker = || Waker::from(std::sync::Arc::new(Task));
            let mut waiting = Box::pin(list.next());
            for _ in 0..2 {
                assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker())).is_pending());
            }
            drop(waiting);
            assert_eq!(list.count(), 0);
        });
    }
}

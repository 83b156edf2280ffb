//! Waits that outlive the futures that wait.
//!
//! wasmtime cannot cancel a call that a host has made (bytecodealliance/wasmtime#11833). So the call, and not the future, belongs
//! to the handle: when the future is dropped, the call stays where the next one finds it. A handle that is waited on and given up
//! again and again has one call in the component, not many.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use super::StreamResult;
use super::link::Call;

/// A place for one call, whose answer goes to one of those who wait for it.
pub(super) struct Wait<T> {
    call: Mutex<Option<Call<T>>>,
    turn: tokio::sync::Mutex<()>,
}

impl<T> Wait<T> {
    pub(super) fn new() -> Self {
        Self { call: Mutex::new(None), turn: tokio::sync::Mutex::new(()) }
    }

    /// The answer to a call that was given up, else to a new one. Several futures wait for their turn.
    ///
    /// # Cancel safety
    /// Yes: the answer is there for the next.
    pub(super) async fn ask(&self, call: impl Fn() -> Call<T>) -> StreamResult<T> {
        let _turn = self.turn.lock().await;
        poll_fn(|context| self.poll(context, &call)).await
    }

    /// As [`ask`](Self::ask), for a wait that says something about now: an answer that nobody waited for does not count, but an
    /// error does.
    pub(super) async fn ask_now(&self, call: impl Fn() -> Call<T>) -> StreamResult<T> {
        let _turn = self.turn.lock().await;
        let mut earlier = true;
        poll_fn(|context| {
            let fresh = !std::mem::take(&mut earlier) || self.is_free();
            match self.poll(context, &call) {
                Poll::Ready(Ok(_)) if !fresh => self.poll(context, &call),
                answer => answer,
            }
        })
        .await
    }

    fn is_free(&self) -> bool {
        self.slot().is_none()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Call<T>>> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &mut Context<'_>, call: impl Fn() -> Call<T>) -> Poll<StreamResult<T>> {
        let mut slot = self.slot();
        let answer = ready!(slot.get_or_insert_with(call).as_mut().poll(context));
        *slot = None;
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_was_given_up_goes_to_the_next() {
        let wait = Wait::new();
        let (answer, answered) = oneshot::channel();
        let answered = Mutex::new(Some(answered));
        let call = || -> Call<u32> {
            let answered = answered.lock().unwrap().take().expect("it is called once");
            Box::pin(async move { Ok(answered.await.unwrap()) })
        };
        {
            let mut given_up = std::pin::pin!(wait.ask(call));
            assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        answer.send(1).unwrap();
        assert_eq!(wait.ask(call).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_answer_about_an_earlier_moment_does_not_count() {
        let wait = Wait::new();
        let (answer, answered) = oneshot::channel();
        let answers = Mutex::new(vec![answered]);
        let call = || -> Call<u32> {
            let answered = answers.lock().unwrap().pop();
            Box::pin(async move { Ok(answered.map_or(2, |mut answered| answered.try_recv().unwrap_or(0))) })
        };
        // As `ask_now` leaves it when it is given up.
        *wait.slot() = Some(call());
        answer.send(1).unwrap();
        assert_eq!(wait.ask_now(call).await.unwrap(), 2);
    }
}

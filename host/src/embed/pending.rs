//! Calls that outlive the futures that wait for them.
//!
//! A call that the host has made goes on in the component, whatever becomes of the future here. So the call, and not the
//! future, belongs to the reader or server: when the future is dropped, the answer stays where the next call finds it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::AsyncioError;

/// What a call of the component comes to.
pub(super) type Answer<T> = wasmtime::Result<Result<T, AsyncioError>>;

/// A call under way.
pub(super) type Call<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// A place for one call. `K` tells calls apart: only one that equals it is given the answer.
pub(super) struct Pending<'a, K, T>(Mutex<Slot<'a, K, T>>);

struct Slot<'a, K, T> {
    call: Option<(K, Call<'a, T>)>,
    /// Whether somebody waits for it now.
    awaited: bool,
}

/// Why a call was not made.
#[derive(Debug)]
pub(super) enum Taken {
    /// Somebody else waits for an answer.
    Awaited,
    /// There is an answer that nobody waits for any more, to another call.
    Abandoned,
}

impl<'a, K: PartialEq, T> Pending<'a, K, T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Slot { call: None, awaited: false }))
    }

    /// The answer to the call that was abandoned, if it was the same, else to a new one.
    ///
    /// # Cancel safety
    /// Yes: the answer is there for the next call that is the same.
    pub(super) async fn ask(&self, kind: K, call: impl FnOnce() -> Call<'a, T>) -> Result<Answer<T>, Taken> {
        let _awaiting = self.begin(kind, call)?;
        let answer = poll_fn(|context| {
            let mut slot = self.lock();
            let (_, call) = slot.call.as_mut().expect("it is there while it is awaited");
            let answer = ready!(call.as_mut().poll(context));
            slot.call = None;
            Poll::Ready(answer)
        });
        Ok(answer.await)
    }

    fn begin(&self, kind: K, call: impl FnOnce() -> Call<'a, T>) -> Result<Awaiting<'_, 'a, K, T>, Taken> {
        let mut slot = self.lock();
        if slot.awaited {
            return Err(Taken::Awaited);
        }
        match &slot.call {
            Some((abandoned, _)) if *abandoned != kind => return Err(Taken::Abandoned),
            Some(_) => {}
            None => slot.call = Some((kind, call())),
        }
        slot.awaited = true;
        Ok(Awaiting(self))
    }

    /// Takes the answer to a call that was abandoned, if it is there.
    pub(super) fn abandoned(&self) -> Option<Answer<T>> {
        let (_, mut call) = self.lock().call.take()?;
        match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl<'a, K, T> Pending<'a, K, T> {
    fn lock(&self) -> MutexGuard<'_, Slot<'a, K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits as long as this lives.
struct Awaiting<'s, 'a, K, T>(&'s Pending<'a, K, T>);

impl<K, T> Drop for Awaiting<'_, '_, K, T> {
    fn drop(&mut self) {
        self.0.lock().awaited = false;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn answering(answer: oneshot::Receiver<u32>) -> Call<'static, u32> {
        Box::pin(async move { Ok(Ok(answer.await?)) })
    }

    #[tokio::test]
    async fn an_abandoned_answer_goes_to_the_same_call_and_to_no_other() {
        let pending = Pending::new();
        let (answer, call) = oneshot::channel();
        tokio::select! {
            biased;
            _ = pending.ask("line", || answering(call)) => panic!("there is no answer yet"),
            () = std::future::ready(()) => {}
        }
        let other = pending.ask("bytes", || panic!("it must not be made")).await;
        assert!(matches!(other, Err(Taken::Abandoned)));
        answer.send(1).unwrap();
        let same = pending.ask("line", || panic!("it has been made")).await;
        assert_eq!(same.unwrap().unwrap().unwrap(), 1);
        let (answer, call) = oneshot::channel();
        answer.send(2).unwrap();
        let next = pending.ask("bytes", || answering(call)).await;
        assert_eq!(next.unwrap().unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn one_at_a_time_waits() {
        let pending = Pending::new();
        let (_answer, call) = oneshot::channel();
        let mut first = std::pin::pin!(pending.ask("line", || answering(call)));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let second = pending.ask("line", || panic!("it must not be made")).await;
        assert!(matches!(second, Err(Taken::Awaited)));
    }
}

//! How a direction ended.

use std::any::Any;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use wasyncio_core::transport::Outcome;
use wit_bindgen::rt::async_support::{FutureRead, FutureReader};

use crate::{runtime, task};

/// What tells how a direction ended. Asked once it has, and again after it has answered. Whoever gives the connection away finds
/// its own type in it.
pub trait OutcomeSource: Any {
    /// The outcome, or the task is woken when it is known. Where no task runs nothing is asked, and nobody woken.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Whether the question is in flight.
    fn in_flight(&self) -> bool;

    /// Ends a question in flight. May block the task, so only a task may call it.
    fn cancel(&mut self);
}

/// What tells how a direction ended; one that nobody tells of always ends well.
pub type OptionalOutcome = Option<Box<dyn OutcomeSource>>;

/// A component-model future, which is read when it is asked for, and by the tasks that ask.
pub struct FutureOutcome<T: 'static> {
    /// Before it is read.
    unread: Option<FutureReader<T>>,
    /// While it is.
    reading: Option<Pin<Box<FutureRead<T>>>>,
    /// After that.
    told: Option<Outcome>,
    convert: fn(T) -> Outcome,
}

/// What became of a future that is given away.
pub enum Asked<T: 'static> {
    /// It is as it was.
    Unread(FutureReader<T>),
    /// It was read, and is used up.
    Told(Outcome),
}

impl<T: 'static> FutureOutcome<T> {
    /// What `convert` makes of the value of `future`.
    pub fn new(future: FutureReader<T>, convert: fn(T) -> Outcome) -> Self {
        Self { unread: Some(future), reading: None, told: None, convert }
    }

    /// The future itself, or what it has told. None while the question is in flight.
    pub fn into_future(mut self) -> Option<Asked<T>> {
        let unread = self.unread.take().map(Asked::Unread);
        unread.or_else(|| self.told.take().map(Asked::Told))
    }
}

impl<T: 'static> OutcomeSource for FutureOutcome<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = &self.told {
            return Poll::Ready(outcome.clone());
        }
        if !task::runs() {
            // In a synchronous export. wasmtime (48) writes the value after that has returned, and ends the program as the call is
            // gone by then.
            return Poll::Pending;
        }
        if let Some(future) = self.unread.take() {
            self.reading = Some(Box::pin(future.into_future()));
        }
        let Some(reading) = &mut self.reading else { return Poll::Pending };
        let outcome = (self.convert)(ready!(reading.as_mut().poll(cx)));
        self.reading = None;
        self.told = Some(outcome.clone());
        Poll::Ready(outcome)
    }

    fn in_flight(&self) -> bool {
        self.reading.is_some()
    }

    fn cancel(&mut self) {
        if let Some(mut reading) = self.reading.take() {
            match reading.as_mut().cancel() {
                Ok(value) => self.told = Some((self.convert)(value)),
                Err(future) => self.unread = Some(future),
            }
        }
    }
}

impl<T: 'static> Drop for FutureOutcome<T> {
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            // Ending the read may block: a task does it.
            runtime::spawn(Box::pin(async move { drop(reading) }));
        }
    }
}

//! The state of a stream reader: what arrived, whether it ended, who waits. CPython's `StreamReader` without its
//! event loop.
//!
//! Invariants:
//! 1. At most one waiter at a time.
//! 2. A waiter that was woken is no longer the waiter, and keeps the first outcome that it was woken with: a later
//!    exception is for the next call.
//! 3. Nobody is woken in here: what changes gives a [`Wake`], to be called when nothing is borrowed any more.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use super::buffer::Buffer;
use crate::error::{Error, Result};

/// A task that waits for data.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    outcome: RefCell<Option<Result<()>>>,
    waker: RefCell<Option<Waker>>,
}

impl Waiter {
    /// How the wait ended, once.
    pub(crate) fn take_outcome(&self) -> Option<Result<()>> {
        self.outcome.take()
    }

    /// Whether the wait has ended.
    pub(crate) fn has_outcome(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    /// Whom to wake.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.waker.borrow_mut().get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    fn finish(&self, outcome: Result<()>) -> Wake {
        self.outcome.replace(Some(outcome));
        Wake(self.waker.take())
    }
}

/// Who is to be woken, by [`Wake::now`].
#[must_use = "a waiter would wait for ever"]
#[derive(Debug, Default)]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    /// Wakes. What runs then may use the reader, so nothing of it is borrowed.
    pub(crate) fn now(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

/// What a reader knows.
#[derive(Debug)]
pub(crate) struct ReaderCore {
    buffer: Buffer,
    limit: usize,
    eof: bool,
    exception: Option<Error>,
    waiter: Option<Rc<Waiter>>,
}

impl ReaderCore {
    /// `limit` is in bytes and was checked to be above 0.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: Buffer::default(), limit, eof: false, exception: None, waiter: None }
    }

    /// The limit in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What arrived and was not read.
    pub(crate) fn buffered(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Whether the end was fed.
    pub(crate) fn eof(&self) -> bool {
        self.eof
    }

    /// Whether the end was fed and everything before it was read.
    pub(crate) fn at_eof(&self) -> bool {
        self.eof && self.buffer.is_empty()
    }

    /// Whether there is nothing to be read, and more may come.
    pub(crate) fn is_drained(&self) -> bool {
        self.buffer.is_empty() && !self.eof
    }

    /// The stored exception.
    pub(crate) fn exception(&self) -> Option<&Error> {
        self.exception.as_ref()
    }

    /// Fails with the stored exception, if there is one.
    pub(crate) fn check_exception(&self) -> Result<()> {
        self.exception.clone().map_or(Ok(()), Err)
    }

    /// Stores an exception, which every later read fails with, and wakes the waiting one with it.
    pub(crate) fn set_exception(&mut self, exception: Error) -> Wake {
        self.exception = Some(exception.clone());
        self.waiter.take().map_or_else(Wake::default, |waiter| waiter.finish(Err(exception)))
    }

    /// Appends bytes that arrived.
    ///
    /// # Errors
    /// An assertion error after the end was fed.
    pub(crate) fn feed_data(&mut self, data: &[u8]) -> Result<Wake> {
        if self.eof {
            return Err(Error::Assertion("feed_data after feed_eof".into()));
        }
        if data.is_empty() {
            return Ok(Wake::default());
        }
        self.buffer.push(data);
        Ok(self.wake())
    }

    /// Appends what arrived in `chunk` and leaves it empty: the two buffers change places where that saves the copy.
    pub(crate) fn feed_chunk(&mut self, chunk: &mut Vec<u8>) -> Wake {
        self.buffer.push_all_of(chunk);
        self.wake()
    }

    /// Marks the end of the stream.
    pub(crate) fn feed_eof(&mut self) -> Wake {
        self.eof = true;
        self.wake()
    }

    /// Whether somebody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiter.is_some()
    }

    /// Whether somebody else than `waiter` waits.
    pub(crate) fn is_awaited_by_another(&self, waiter: &Rc<Waiter>) -> bool {
        self.waiter.as_ref().is_some_and(|other| !Rc::ptr_eq(other, waiter))
    }

    /// Makes the caller the one who waits.
    ///
    /// # Errors
    /// A runtime error with the name of the `operation` if somebody waits already.
    pub(crate) fn begin_wait(&mut self, operation: &str) -> Result<Rc<Waiter>> {
        if self.is_awaited() {
            return Err(Error::Runtime(
                format!("{operation}() called while another coroutine is already waiting for incoming data").into(),
            ));
        }
        let waiter = Rc::new(Waiter::default());
        self.waiter = Some(waiter.clone());
        Ok(waiter)
    }

    /// A waiter waits no more, woken or cancelled. As in CPython also where another has begun to wait since it was woken.
    pub(crate) fn end_wait(&mut self) {
        self.waiter = None;
    }

    /// Takes the first `count` bytes, or all there are.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        self.buffer.take(count)
    }

    /// Drops the first `count` bytes, or all there are.
    pub(crate) fn discard(&mut self, count: usize) {
        self.buffer.discard(count);
    }

    /// Puts bytes back that were taken by a read that did not finish.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.buffer.put_back(bytes);
        }
    }

    fn wake(&mut self) -> Wake {
        self.waiter.take().map_or_else(Wake::default, |waiter| waiter.finish(Ok(())))
    }
}

//! The state of a stream reader: what arrived, whether it ended, who waits. CPython's `StreamReader` without its
//! event loop.
//!
//! Invariants:
//! 1. At most one waiter at a time.
//! 2. A waiter that was woken is no longer the waiter, and keeps the first outcome that it was woken with: a later
//!    exception is for the next call.

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

    /// Whom to wake.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        self.waker.borrow_mut().get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    fn finish(&self, outcome: Result<()>) {
        self.outcome.replace(Some(outcome));
        if let Some(waker) = self.waker.take() {
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
    /// How far a line's end was searched for in vain, so that reads which are tried again and again stay linear.
    searched: usize,
    /// Who is woken by the next change, without waiting in a read.
    watcher: Option<Waker>,
}

impl ReaderCore {
    /// `limit` is in bytes and was checked to be above 0.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: Buffer::default(), limit, eof: false, exception: None, waiter: None, searched: 0, watcher: None }
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

    /// The stored exception.
    pub(crate) fn exception(&self) -> Option<&Error> {
        self.exception.as_ref()
    }

    /// Fails with the stored exception, if there is one.
    pub(crate) fn check_exception(&self) -> Result<()> {
        self.exception.clone().map_or(Ok(()), Err)
    }

    /// Has `waker` woken by the next change.
    #[cfg(feature = "component")]
    pub(crate) fn watch(&mut self, waker: &Waker) {
        self.watcher = Some(waker.clone());
    }

    /// Nobody is to be woken by the next change. Gives who was.
    #[cfg(feature = "component")]
    pub(crate) fn unwatch(&mut self) -> Option<Waker> {
        self.watcher.take()
    }

    fn tell_watcher(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.wake();
        }
    }

    /// Stores an exception, which every later read fails with, and wakes the waiting one with it.
    pub(crate) fn set_exception(&mut self, exception: Error) {
        self.tell_watcher();
        if let Some(waiter) = self.waiter.take() {
            waiter.finish(Err(exception.clone()));
        }
        self.exception = Some(exception);
    }

    /// Appends bytes that arrived.
    ///
    /// # Errors
    /// An assertion error after the end was fed.
    pub(crate) fn feed_data(&mut self, data: &[u8]) -> Result<()> {
        if self.eof {
            return Err(Error::Assertion("feed_data after feed_eof".into()));
        }
        if !data.is_empty() {
            self.buffer.push(data);
            self.wake();
        }
        Ok(())
    }

    /// Appends what arrived in `chunk` and leaves it empty: the two buffers change places where that saves the copy.
    pub(crate) fn feed_chunk(&mut self, chunk: &mut Vec<u8>) {
        self.buffer.push_all_of(chunk);
        self.wake();
    }

    /// Marks the end of the stream.
    pub(crate) fn feed_eof(&mut self) {
        self.eof = true;
        self.wake();
    }

    /// Whether somebody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiter.is_some()
    }

    /// Fails with a runtime error with the name of the `operation` if somebody waits already.
    pub(crate) fn check_waiter(&self, operation: &str) -> Result<()> {
        if self.waiter.is_some() {
            return Err(Error::Runtime(
                format!("{operation}() called while another coroutine is already waiting for incoming data").into(),
            ));
        }
        Ok(())
    }

    /// Where the bytes end that are known to have no line's end in them, if nothing was taken since.
    #[cfg(any(test, feature = "component"))]
    pub(crate) fn searched_for_lines(&self) -> usize {
        self.searched.min(self.buffer.len())
    }

    /// Remembers how far a line's end has been searched for in vain.
    pub(crate) fn set_searched_for_lines(&mut self, offset: usize) {
        self.searched = offset;
    }

    /// Makes the caller the one who waits.
    ///
    /// # Errors
    /// A runtime error with the name of the `operation` if somebody waits already.
    pub(crate) fn begin_wait(&mut self, operation: &str) -> Result<Rc<Waiter>> {
        self.check_waiter(operation)?;
        let waiter = Rc::new(Waiter::default());
        self.waiter = Some(waiter.clone());
        Ok(waiter)
    }

    /// The waiter waits no more, woken or cancelled.
    pub(crate) fn end_wait(&mut self) {
        self.waiter = None;
    }

    /// Takes the first `count` bytes, or all there are.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        self.searched = 0;
        self.buffer.take(count)
    }

    /// Drops the first `count` bytes, or all there are.
    pub(crate) fn discard(&mut self, count: usize) {
        self.searched = 0;
        self.buffer.discard(count);
    }

    /// Puts bytes back that were taken by a read that did not finish.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.searched = 0;
            self.buffer.put_back(bytes);
        }
    }

    fn wake(&mut self) {
        self.tell_watcher();
        if let Some(waiter) = self.waiter.take() {
            waiter.finish(Ok(()));
        }
    }
}

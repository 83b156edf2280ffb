//! The bytes that a reader has taken from the component, and the one call that brings more.
//!
//! The component is only ever asked for "some bytes". So whatever read is given up, the next one, of any kind, goes on with
//! what it had and with the call that it left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use super::bindings::{AsyncioError, OsError, OsErrorKind};
use super::link::Call;
use super::reads::{Read, Step};
use super::{StreamError, StreamResult};

/// What a reader has received.
pub(super) struct Receiving {
    state: Mutex<State>,
    /// Whether a future waits in a read.
    awaited: AtomicBool,
    limit: usize,
    max_memory: Option<u64>,
}

#[derive(Default)]
struct State {
    buffer: BytesMut,
    /// The stream has ended.
    eof: bool,
    /// Every read fails with it.
    exception: Option<AsyncioError>,
    /// The call that brings more.
    fetching: Option<Call<Vec<u8>>>,
}

/// A future is in a read as long as this lives.
pub(super) struct Reading<'a> {
    receiving: &'a Receiving,
    waits: bool,
}

impl Receiving {
    /// `limit` is the reader's, `max_memory` what it may keep at most, both in bytes.
    pub(super) fn new(limit: usize, max_memory: Option<u64>) -> Self {
        Self { state: Mutex::default(), awaited: AtomicBool::new(false), limit, max_memory }
    }

    pub(super) fn read(&self) -> Reading<'_> {
        Reading { receiving: self, waits: false }
    }

    /// Whether all was read that came before the end; `None` if the component has to be asked.
    pub(super) fn at_eof(&self) -> Option<bool> {
        let state = self.state();
        match (state.buffer.is_empty(), state.eof) {
            (false, _) => Some(false),
            (true, true) => Some(true),
            (true, false) => None,
        }
    }

    pub(super) fn set_exception(&self, exception: AsyncioError) {
        self.state().exception = Some(exception);
    }

    /// What is there to be read, for one who alone has the reader; at the end of the stream nothing.
    pub(super) fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
        fetch: impl Fn(usize) -> Call<Vec<u8>>,
    ) -> Poll<StreamResult<&[u8]>> {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        while state.buffer.is_empty() && !state.eof {
            state.check_exception()?;
            if let Some(bytes) = ready!(state.poll_fetch(context, most, &fetch))? {
                state.buffer.extend_from_slice(&bytes);
            }
        }
        state.check_exception()?;
        Poll::Ready(Ok(&state.buffer))
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).buffer.advance(count);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_exception(&self) -> StreamResult<()> {
        self.exception.clone().map_or(Ok(()), |exception| Err(exception.into()))
    }

    /// Bytes that have come; none at the end of the stream.
    fn poll_fetch(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
        fetch: impl Fn(usize) -> Call<Vec<u8>>,
    ) -> Poll<StreamResult<Option<Vec<u8>>>> {
        let fetched = ready!(self.fetching.get_or_insert_with(|| fetch(most)).as_mut().poll(context));
        self.fetching = None;
        Poll::Ready(match fetched {
            Ok(bytes) if bytes.is_empty() => {
                self.eof = true;
                Ok(None)
            }
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => {
                if let StreamError::Asyncio(exception) = &error {
                    self.exception = Some(exception.clone());
                }
                Err(error)
            }
        })
    }
}

impl Reading<'_> {
    /// Goes on with `read`. `fetch` makes a call for up to so many bytes.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        read: &mut Read,
        fetch: impl Fn(usize) -> Call<Vec<u8>>,
    ) -> Poll<StreamResult<Vec<u8>>> {
        let receiving = self.receiving;
        let mut state = receiving.state();
        let state = &mut *state;
        state.check_exception()?;
        loop {
            let most = match read.step(&mut state.buffer, state.eof, receiving.limit)? {
                Step::Done(bytes) => return Poll::Ready(Ok(bytes)),
                Step::Fetch(most) => most,
            };
            self.wait(read.name())?;
            receiving.check_memory(state.buffer.len())?;
            let Some(bytes) = ready!(state.poll_fetch(context, most, &fetch))? else {
                continue;
            };
            match read {
                // Without a copy.
                Read::AtMost(count) if state.buffer.is_empty() && bytes.len() <= *count => {
                    return Poll::Ready(Ok(bytes));
                }
                _ => state.buffer.extend_from_slice(&bytes),
            }
        }
    }

    /// Begins to wait, as the only one.
    fn wait(&mut self, name: &str) -> StreamResult<()> {
        if !self.waits {
            if self.receiving.awaited.swap(true, Ordering::SeqCst) {
                let text = "called while another coroutine is already waiting for incoming data";
                return Err(AsyncioError::RuntimeError(format!("{name}() {text}")).into());
            }
            self.waits = true;
        }
        Ok(())
    }
}

impl Receiving {
    /// What a read collects is in this process's memory, and ends where the component's own would.
    fn check_memory(&self, buffered: usize) -> StreamResult<()> {
        match self.max_memory {
            Some(limit) if buffered as u64 > limit => {
                let message = format!("a read collected {buffered} bytes, more than max-memory");
                let error = OsError { kind: OsErrorKind::OutOfResources, message, address: None };
                Err(AsyncioError::OsError(error).into())
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.receiving.awaited.store(false, Ordering::SeqCst);
        }
    }
}

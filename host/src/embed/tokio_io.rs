//! Readers and writers as tokio's.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::link::Call;
use super::{StreamReader, StreamWriter, flat};

/// How many bytes `AsyncBufRead` takes at once.
const FILLED_BYTES: usize = 1 << 16;

/// How many bytes `AsyncWrite` takes at once.
const WRITTEN_BYTES: usize = 1 << 16;

/// # Cancel safety
/// As that of [`StreamReader`].
impl AsyncRead for StreamReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Self { held, receiving } = self.get_mut();
        let bytes = ready!(receiving.poll_fill(context, buffer.remaining(), |most| held.fetch(most)))?;
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..count]);
        receiving.consume(count);
        Poll::Ready(Ok(()))
    }
}

/// # Cancel safety
/// As that of [`StreamReader`].
impl AsyncBufRead for StreamReader {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let Self { held, receiving } = self.get_mut();
        receiving.poll_fill(context, FILLED_BYTES, |most| held.fetch(most)).map_err(io::Error::from)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().receiving.consume(count);
    }
}

/// What `AsyncWrite` has begun.
#[derive(Default)]
pub(super) struct Writing {
    /// What nobody has waited for yet. Never locked: the lock makes this `Sync`.
    call: Mutex<Option<Call<()>>>,
    /// It was shut down, or is about to be.
    ended: bool,
}

impl Writing {
    fn call(&mut self) -> &mut Option<Call<()>> {
        self.call.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what was begun.
    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(call) = self.call() else {
            return Poll::Ready(Ok(()));
        };
        let written = ready!(call.as_mut().poll(context));
        *self.call() = None;
        Poll::Ready(written.map_err(io::Error::from))
    }
}

impl StreamWriter {
    /// Writes, and waits until there is room for more.
    fn write_and_drain(&self, data: Vec<u8>) -> Call<()> {
        let resource = self.held.resource();
        let call = self.held.call(move |component| {
            Box::pin(async move {
                let writers = component.guest.wasyncio_streams_streams().stream_writer();
                match writers.call_write(component.accessor, resource, data).await? {
                    Ok(()) => writers.call_drain(component.accessor, resource).await,
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        flat(call).boxed()
    }

    /// Ends what is sent.
    fn end(&self) -> Call<()> {
        let resource = self.held.resource();
        let call = self.held.call(move |component| {
            Box::pin(async move {
                let writers = component.guest.wasyncio_streams_streams().stream_writer();
                writers.call_write_eof(component.accessor, resource).await
            })
        });
        flat(call).boxed()
    }
}

/// # Cancel safety
/// Yes: what was taken is written, what was not is not.
impl AsyncWrite for StreamWriter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.writing.poll_written(context))?;
        let taken = &data[..data.len().min(WRITTEN_BYTES)];
        if !taken.is_empty() {
            let writing = this.write_and_drain(taken.to_vec());
            *this.writing.call() = Some(writing);
        }
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writing.poll_written(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.writing.poll_written(context))?;
        if !std::mem::replace(&mut this.writing.ended, true) {
            let ending = this.end();
            *this.writing.call() = Some(ending);
        }
        this.writing.poll_written(context)
    }
}

//! Standard error as a program gets it, by which the host learns that the program has said something.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Called when a program writes to its standard error.
pub(crate) type OnWrite = Arc<dyn Fn() + Send + Sync>;

/// This process's standard error, with somebody who is told when it is written to.
pub(crate) struct Heard(pub(crate) OnWrite);

impl IsTerminal for Heard {
    fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&io::stderr())
    }
}

impl StdoutStream for Heard {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Writer { to: Box::into_pin(io::stderr().async_stream()), on_write: Arc::clone(&self.0) })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Stream { to: io::stderr().p2_stream(), on_write: Arc::clone(&self.0) })
    }
}

/// As WASI 0.3 writes.
struct Writer {
    to: Pin<Box<dyn AsyncWrite + Send + Sync>>,
    on_write: OnWrite,
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        (self.on_write)();
        self.to.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.as_mut().poll_shutdown(context)
    }
}

/// As WASI 0.2 writes.
struct Stream {
    to: Box<dyn OutputStream>,
    on_write: OnWrite,
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !bytes.is_empty() {
            (self.on_write)();
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.to.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.to.check_write()
    }
}

impl Pollable for Stream {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.to.ready()
    }
}

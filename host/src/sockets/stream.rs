//! The system's socket of a connection, of whichever kind.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::address::ConnectionAddress;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Calls a method that both kinds have.
macro_rules! either {
    ($stream:expr, $name:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($name) => $call,
            #[cfg(unix)]
            Stream::Unix($name) => $call,
        }
    };
}

impl Stream {
    /// The system's socket, for what the two kinds have in common.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        either!(self, stream => SockRef::from(stream))
    }

    /// Its own address, of TCP, if the system still knows it.
    pub(super) fn local_address(&self) -> Option<ConnectionAddress> {
        self.socket().local_addr().ok()?.as_socket().map(ConnectionAddress::Ip)
    }

    /// Has every write leave at once, where it would not by itself.
    pub(crate) fn send_at_once(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
        }
    }

    /// Whether a read that does not fill its room has emptied the socket, and the system tells when there is more. A Unix socket
    /// ends a read also behind bytes that came with descriptors.
    pub(crate) fn is_empty_after_a_short_read(&self) -> bool {
        cfg!(unix) && matches!(self, Self::Tcp(_))
    }

    /// Takes notice that nothing more will be received. A peer of TCP does not learn of it. One of a Unix socket would, by its
    /// next write: there it is left to the end of the connection.
    pub(crate) fn stop_receiving(&self) -> io::Result<()> {
        match self {
            Self::Tcp(_) => self.socket().shutdown(Shutdown::Read),
            #[cfg(unix)]
            Self::Unix(_) => Ok(()),
        }
    }

    /// As [`TcpStream::try_io`].
    pub(crate) fn try_io<T>(&self, interest: Interest, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        either!(self, stream => stream.try_io(interest, f))
    }

    /// As [`TcpStream::try_write`].
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_write(bytes))
    }

    /// As [`TcpStream::try_write_vectored`].
    pub(crate) fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, stream => stream.try_write_vectored(parts))
    }

    /// As [`TcpStream::poll_read_ready`].
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read_ready(context))
    }

    /// As [`TcpStream::poll_write_ready`].
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_write_ready(context))
    }
}

//! One open connection, shared by the socket and its two streams.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::Interest;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::network::{Network, Permit};
use super::stream::Stream;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Whether the program has taken a stream of a connection; it can once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    No,
    Yes,
}

impl Taken {
    pub(crate) fn take(&mut self) -> Result<(), ErrorCode> {
        match std::mem::replace(self, Self::Yes) {
            Self::No => Ok(()),
            Self::Yes => Err(ErrorCode::InvalidState),
        }
    }
}

/// A connected socket. Closed when this is dropped.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    permit: Permit,
    opened: Instant,
    /// When the last byte moved: milliseconds after `opened`. Kept only with an idle timeout.
    moved: AtomicU64,
    /// Whether it was shut down because no byte moved.
    timed_out: AtomicBool,
    /// The task that closes it when it is idle. Left alone, it would hold memory for as long as the timeout, for each
    /// connection that there was in that time.
    watch: OnceLock<AbortHandle>,
    /// Whether the peer has reset it. The system tells that once, to whichever direction asks first.
    reset: AtomicBool,
}

impl Connection {
    pub(crate) fn new(stream: Stream, permit: Permit) -> Arc<Self> {
        // Every write is one of the program's own decisions to send, so waiting for more only adds latency. Some
        // systems refuse it for a connection that the peer has reset already, which the next read or write tells.
        _ = stream.send_at_once();
        let network = Arc::clone(permit.network());
        network.opened();
        let connection = Arc::new(Self {
            stream,
            permit,
            opened: Instant::now(),
            moved: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            watch: OnceLock::new(),
            reset: AtomicBool::new(false),
        });
        if let Some(timeout) = network.idle_timeout {
            let task = tokio::spawn(watch(Arc::downgrade(&connection), timeout));
            // It is empty until here.
            _ = connection.watch.set(task.abort_handle());
        }
        connection
    }

    pub(crate) fn network(&self) -> &Network {
        self.permit.network()
    }

    /// Takes notice of bytes received or sent.
    pub(crate) fn moved(&self) {
        self.network().moved();
        if self.network().idle_timeout.is_some() {
            let after = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.moved.store(after, Ordering::Relaxed);
        }
    }

    /// Whether the connection was ended because no byte moved.
    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::SeqCst)
    }

    /// Receives what is there, without waiting: an error of the kind `WouldBlock` if that is nothing.
    ///
    /// As tokio's `try_read`, but where the system tells when there is more (epoll, kqueue) a read that did not fill
    /// its room has emptied the socket: the next one waits without asking the kernel in vain first.
    pub(crate) fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        let mut partial = 0;
        let received = self.stream.try_io(Interest::READABLE, || {
            let count = (&*self.stream.socket()).read(room)?;
            if self.stream.is_empty_after_a_short_read() && 0 < count && count < room.len() {
                partial = count;
                // What tokio takes for the end of readiness. Told from in here, it leaves one that comes meanwhile alone.
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        if partial > 0 { Ok(partial) } else { received }
    }

    /// Whether a direction was told that the peer has reset the connection.
    pub(crate) fn was_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }

    /// The error of a direction: a reset if the other one was told of that.
    pub(crate) fn error_of(&self, error: io::Error) -> io::Error {
        if error.kind() == ErrorKind::ConnectionReset {
            self.reset.store(true, Ordering::SeqCst);
        }
        if self.was_reset() { ErrorKind::ConnectionReset.into() } else { error }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.socket().shutdown(how)
    }

    fn last_moved(&self) -> Instant {
        self.opened + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.watch.get().map(AbortHandle::abort);
        self.network().closed();
    }
}

/// Ends the connection once nothing moved for `timeout`.
async fn watch(connection: std::sync::Weak<Connection>, timeout: Duration) {
    let mut end = Instant::now() + timeout;
    loop {
        tokio::time::sleep_until(end).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        end = connection.last_moved() + timeout;
        if end <= Instant::now() {
            connection.timed_out.store(true, Ordering::SeqCst);
            connection.network().metrics.idle_closed.inc();
            connection.network().metrics.limited("idle-timeout");
            // Wakes whoever reads or writes. It fails if the peer has gone, and then they are awake.
            _ = connection.shutdown(Shutdown::Both);
            return;
        }
    }
}

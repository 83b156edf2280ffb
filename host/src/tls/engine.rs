//! rustls between the two directions of a connection: ciphertext in, ciphertext out.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::task::{Context, Poll};

use rustls::Connection;

use crate::sockets::streams::{Receiving, Sending};
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Where ciphertext comes from.
pub(super) enum Incoming {
    /// The program has not said yet.
    Unset,
    /// A socket of the host's own.
    Socket(Receiving),
    /// A stream of the program's, by [`Engine::feed`].
    Fed,
    /// It has ended.
    Ended,
}

/// Where ciphertext goes.
pub(super) enum Outgoing {
    /// The program has not said yet.
    Unset,
    /// A socket of the host's own.
    Socket(Sending),
    /// A stream of the program's, by [`Engine::take`].
    Taken,
    /// It has ended.
    Ended,
}

/// Why receiving has failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// What came is no TLS of this connection.
    Tls(rustls::Error),
    /// The connection under it.
    Wire(ErrorCode),
}

/// rustls, and what is around it.
pub(super) struct Engine {
    pub(super) tls: Connection,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    /// Received, and not taken by rustls yet: it takes no more while much of it was not read.
    ahead: Vec<u8>,
    /// How much of that was taken.
    taken: usize,
    /// What the peer's stream began with, for [`Failure::of`](super::failure::Failure::of).
    first: Vec<u8>,
}

/// Bytes that are received at once. Four records: one system call for each would cost more than deciphering it.
const ROOM: usize = 64 * 1024;

/// Bytes of the peer's that are remembered.
const FIRST: usize = 8;

thread_local! {
    /// Where a socket is read to. Of the thread: a connection that waits holds none.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Engine {
    /// `ahead` was received before.
    pub(super) fn new(tls: Connection, incoming: Incoming, outgoing: Outgoing, ahead: Vec<u8>) -> Self {
        let first = ahead.get(..FIRST).unwrap_or(&ahead).to_vec();
        Self { tls, incoming, outgoing, ahead, taken: 0, first }
    }

    /// What the peer's stream began with.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Whether something was received that rustls has not taken.
    pub(super) fn has_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Takes notice of more ciphertext, or of its end; waits for it where it comes from a socket. Where it is fed, whoever does
    /// that wakes.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.has_ahead() {
            let ahead = std::mem::take(&mut self.ahead);
            let taken = std::mem::take(&mut self.taken);
            let count = self.process(ahead.get(taken..).unwrap_or_default());
            let count = match count {
                Ok(count) => count,
                Err(error) => return Poll::Ready(Err(Fault::Tls(error))),
            };
            if taken + count < ahead.len() {
                (self.ahead, self.taken) = (ahead, taken + count);
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.incoming {
            Incoming::Unset | Incoming::Fed => return Poll::Pending,
            Incoming::Ended => {
                self.end();
                return Poll::Ready(Ok(()));
            }
            Incoming::Socket(_) => {}
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(ROOM, 0);
            let Incoming::Socket(receiving) = &mut self.incoming else { return Poll::Pending };
            match std::task::ready!(receiving.poll_receive(context, scratch)) {
                Ok(0) => {
                    self.incoming = Incoming::Ended;
                    self.end();
                    Poll::Ready(Ok(()))
                }
                Ok(count) => {
                    let received = scratch.get(..count).unwrap_or_default();
                    self.remember(received);
                    Poll::Ready(self.keep(received).map_err(Fault::Tls))
                }
                Err(code) => {
                    self.incoming = Incoming::Ended;
                    Poll::Ready(Err(Fault::Wire(code)))
                }
            }
        })
    }

    /// Takes ciphertext of a stream of the program's; nothing is left before.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.remember(bytes);
        self.ahead.extend_from_slice(bytes);
    }

    fn remember(&mut self, received: &[u8]) {
        let room = FIRST - self.first.len().min(FIRST);
        self.first.extend(received.iter().take(room));
    }

    /// Has rustls take `received`, and keeps what it does not take now.
    fn keep(&mut self, received: &[u8]) -> Result<(), rustls::Error> {
        let count = self.process(received)?;
        self.ahead.extend(received.iter().skip(count));
        Ok(())
    }

    /// Has rustls take what it can of `received`, and gives how much that was.
    fn process(&mut self, received: &[u8]) -> Result<usize, rustls::Error> {
        let mut rest = received;
        while !rest.is_empty() {
            match self.tls.read_tls(&mut rest) {
                // Behind the end that the peer has announced nothing counts.
                Ok(0) => return Ok(received.len()),
                Ok(_) => {
                    let state = self.tls.process_new_packets()?;
                    if state.peer_has_closed() {
                        return Ok(received.len());
                    }
                }
                // Until some of what it has is read.
                Err(_) => break,
            }
        }
        Ok(received.len() - rest.len())
    }

    /// Has rustls know of the end.
    fn end(&mut self) {
        // It reads nothing, and cannot fail.
        _ = self.tls.read_tls(&mut io::empty());
    }

    /// Sends what rustls has to send, and waits while a socket takes no more. Where a stream of the program's takes it, that wakes.
    ///
    /// # Errors
    /// The socket's; what was to be sent is lost then.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ErrorCode>> {
        while self.tls.wants_write() {
            let sending = match &mut self.outgoing {
                Outgoing::Socket(sending) => sending,
                Outgoing::Unset | Outgoing::Taken => return Poll::Pending,
                Outgoing::Ended => return Poll::Ready(Err(ErrorCode::ConnectionBroken)),
            };
            let mut writer = SocketWriter { sending, context, code: None };
            if let Err(error) = self.tls.write_tls(&mut writer) {
                let code = writer.code.take();
                match code {
                    None if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                    code => {
                        self.outgoing = Outgoing::Ended;
                        return Poll::Ready(Err(code.unwrap_or_else(|| error.into())));
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gives ciphertext to a stream of the program's.
    pub(super) fn take(&mut self, mut room: &mut [u8]) -> usize {
        // Into memory: it cannot fail.
        self.tls.write_tls(&mut room).unwrap_or(0)
    }

    /// Gives what the peer has said, as far as it is there: none while there is nothing, nothing at its end.
    ///
    /// # Errors
    /// The peer's stream has ended without saying so.
    pub(super) fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        match self.tls.reader().read(room) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether [`read`](Self::read) has an answer.
    pub(super) fn is_readable(&mut self) -> bool {
        let mut reader = self.tls.reader();
        !matches!(io::BufRead::fill_buf(&mut reader), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Has rustls take something to say. How much that is, is bounded by what it has to send already.
    ///
    /// # Errors
    /// The session has failed.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tls.writer().write(bytes)
    }
}

/// A socket as rustls writes to it.
struct SocketWriter<'a, 'b, 'c> {
    sending: &'a mut Sending,
    context: &'b mut Context<'c>,
    /// Why it has failed.
    code: Option<ErrorCode>,
}

impl Write for SocketWriter<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.sending.poll_send(self.context, parts) {
            Poll::Ready(Ok(count)) => Ok(count),
            Poll::Ready(Err(code)) => {
                self.code = Some(code);
                Err(ErrorKind::BrokenPipe.into())
            }
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

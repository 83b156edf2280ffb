//! TLS between two buffers of the program's: rustls alone, which waits for nothing.

use std::io::{Error, ErrorKind};
use std::task::{Context, Poll, Waker};

use rustls::Connection;

use super::describe::{Described, describe};
use super::engine::{Engine, Fault, Incoming, Outgoing};
use super::failure::Failure;

/// The most bytes that one call takes or gives.
const MOST: usize = 64 * 1024;

/// A session whose ciphertext the program carries.
pub(super) struct Buffers {
    engine: Engine,
    failed: Option<Failure>,
    /// The server's name, as a client has it.
    name: Option<String>,
    server: bool,
}

impl Buffers {
    pub(super) fn new(tls: Connection, name: Option<String>, server: bool) -> Self {
        Self { engine: Engine::new(tls, Incoming::Fed, Outgoing::Taken, Vec::new()), failed: None, name, server }
    }

    /// Takes ciphertext, none for its end: how much of it. What is not taken waits for [`read`](Self::read).
    ///
    /// # Errors
    /// Why the session has failed, now or before.
    pub(super) fn feed(&mut self, ciphertext: &[u8]) -> Result<usize, Failure> {
        self.fill()?;
        if self.engine.has_ahead() {
            return Ok(0);
        }
        if ciphertext.is_empty() {
            self.engine.incoming = Incoming::Ended;
        }
        let taken = ciphertext.get(..MOST).unwrap_or(ciphertext);
        self.engine.feed(taken);
        self.fill()?;
        Ok(taken.len())
    }

    /// Has rustls take what it can.
    fn fill(&mut self) -> Result<(), Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        // What is fed is there, or is not: nobody is to be woken.
        let fault = match self.engine.poll_fill(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending | Poll::Ready(Ok(())) => return Ok(()),
            Poll::Ready(Err(fault)) => fault,
        };
        let failure = match fault {
            Fault::Tls(error) => Failure::of(&error, self.name.as_deref(), self.server, self.engine.first()),
            Fault::Wire(code) => Failure::Wire(code),
        };
        Err(self.failed.insert(failure).clone())
    }

    /// Gives at most so much ciphertext; what there is.
    pub(super) fn take(&mut self, most: usize) -> Vec<u8> {
        let mut room = vec![0; most.min(MOST)];
        let mut count = 0;
        while self.engine.tls.wants_write() {
            match self.engine.take(room.get_mut(count..).unwrap_or_default()) {
                0 => break,
                more => count += more,
            }
        }
        room.truncate(count);
        room
    }

    /// What is known, once the handshake is over.
    pub(super) fn described(&self) -> Option<Described> {
        (!self.engine.tls.is_handshaking()).then(|| describe(&self.engine.tls))
    }

    /// Gives what the peer has said: none if that is nothing yet, nothing at its end.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), after what was said before; that the ciphertext has ended too early.
    pub(super) fn read(&mut self, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        let mut room = vec![0; most.min(MOST)];
        loop {
            match self.engine.read(&mut room) {
                Ok(Some(count)) => {
                    room.truncate(count);
                    return Ok(Some(room));
                }
                Ok(None) if self.engine.has_ahead() => self.fill()?,
                Ok(None) => return self.failed.clone().map_or(Ok(None), Err),
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// Enciphers: how many bytes.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub(super) fn write(&mut self, data: &[u8]) -> Result<usize, Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        if self.engine.tls.is_handshaking() {
            return Ok(0);
        }
        self.engine.write(data).map_err(|error| self.broken(&error))
    }

    /// Tells the peer that nothing more is said.
    pub(super) fn close(&mut self) {
        self.engine.tls.send_close_notify();
    }

    fn broken(&self, error: &Error) -> Failure {
        match &self.failed {
            Some(failure) => failure.clone(),
            None if error.kind() == ErrorKind::UnexpectedEof => Failure::truncated(),
            None => Failure::Ssl { reason: None, message: format!("[SSL] {error}") },
        }
    }
}

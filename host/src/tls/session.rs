//! TLS on one connection: what its two directions, its handshake and its end share, polled by each.
//!
//! Everybody who waits has a place for its waker here, and only one of them waits for a socket to take more: the task of
//! [`closing`](super::closing), which runs while there is something to send that nobody waits for. So there is no waker that
//! another takes the place of.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustls::Connection;
use tokio::sync::oneshot;

use super::closing::Closing;
use super::describe::{Described, describe};
use super::engine::{Engine, Fault, Incoming, Outgoing};
use super::failure::Failure;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// How a direction ended; told once.
pub(super) type Outcome = oneshot::Sender<Result<(), ErrorCode>>;

/// The most bytes that are enciphered before any of them is sent.
const MOST_WRITTEN: usize = 64 * 1024;

/// TLS on one connection.
pub(super) struct Session(Mutex<Inner>);

/// What is behind the lock.
pub(super) struct Inner {
    pub(super) phase: Phase,
    /// The program takes what the peer says.
    pub(super) reading: bool,
    /// The program has more to say, or may have.
    pub(super) writing: bool,
    /// Told when sending has ended.
    pub(super) sent: Option<Outcome>,
    /// Why sending has failed, while receiving goes on.
    pub(super) broken: Option<ErrorCode>,
    pub(super) closing: Closing,
    pub(super) wakers: Wakers,
    /// The server's name as a client has it.
    name: Option<String>,
    server: bool,
}

/// Where a session is in its life.
pub(super) enum Phase {
    /// The program says where ciphertext comes from and goes to.
    Setup { incoming: Incoming, outgoing: Outgoing },
    /// Left when the handshake is over, or has failed.
    Handshake(Box<Engine>),
    /// The two can speak.
    Open(Box<Engine>),
    /// It has failed for good. The engine has what the peer is to be told of that.
    Failed(Failure, Option<Box<Engine>>),
}

/// Those who wait.
#[derive(Default)]
pub(super) struct Wakers {
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    handshake: Option<Waker>,
    pub(super) closing: Option<Waker>,
    feeder: Option<Waker>,
    taker: Option<Waker>,
}

impl Wakers {
    pub(super) fn wake_all(&mut self) {
        let Self { reader, writer, handshake, closing, feeder, taker } = mem::take(self);
        [reader, writer, handshake, closing, feeder, taker].into_iter().flatten().for_each(Waker::wake);
    }
}

/// Has `context` woken from this place.
pub(super) fn wait(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        None => *place = Some(context.waker().clone()),
    }
}

fn wake(place: &mut Option<Waker>) {
    if let Some(waker) = place.take() {
        waker.wake();
    }
}

impl Session {
    /// `name` is the server's, as a client has it; `shutdown` is how long the end may take.
    pub(super) fn new(server: bool, name: Option<String>, shutdown: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            phase: Phase::Setup { incoming: Incoming::Unset, outgoing: Outgoing::Unset },
            reading: true,
            writing: true,
            sent: None,
            broken: None,
            closing: Closing::new(shutdown),
            wakers: Wakers::default(),
            name,
            server,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where ciphertext comes from.
    pub(super) fn receive_from(&self, from: Incoming) {
        let mut inner = self.lock();
        if let Phase::Setup { incoming, .. } = &mut inner.phase {
            *incoming = from;
        }
    }

    /// Says where ciphertext goes. Also once the session has begun: a stream that the host made comes back to it as late as that.
    pub(super) fn send_to(self: &Arc<Self>, to: Outgoing) {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Setup { outgoing, .. } => *outgoing = to,
            Phase::Handshake(engine) | Phase::Open(engine) | Phase::Failed(_, Some(engine)) => engine.outgoing = to,
            Phase::Failed(_, None) => {}
        }
        inner.wakers.wake_all();
        inner.drive_if_unsent(self);
    }

    /// Begins the handshake. `ahead` was received before.
    pub(super) fn begin(&self, tls: Connection, ahead: Vec<u8>) {
        let mut inner = self.lock();
        if let Phase::Setup { incoming, outgoing } = &mut inner.phase {
            let incoming = mem::replace(incoming, Incoming::Ended);
            let outgoing = mem::replace(outgoing, Outgoing::Ended);
            inner.phase = Phase::Handshake(Box::new(Engine::new(tls, incoming, outgoing, ahead)));
        }
    }

    /// The session, once there is one.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn poll_handshake(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<Result<Described, Failure>> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        wait(&mut inner.wakers.handshake, context);
        loop {
            let engine = match &mut inner.phase {
                Phase::Handshake(engine) => engine,
                Phase::Open(engine) => return Poll::Ready(Ok(describe(&engine.tls))),
                Phase::Failed(failure, _) => return Poll::Ready(Err(failure.clone())),
                Phase::Setup { .. } => return Poll::Pending,
            };
            // What the peer has said may tell more than that it takes nothing.
            if let Poll::Ready(Err(code)) = engine.poll_flush(context) {
                inner.broken.get_or_insert(code);
            }
            wake(&mut inner.wakers.taker);
            if !engine.tls.is_handshaking() {
                inner.opened(self);
                continue;
            }
            let filled = std::task::ready!(engine.poll_fill(context));
            wake(&mut inner.wakers.feeder);
            let ended = matches!(engine.incoming, Incoming::Ended) && !engine.has_ahead();
            match filled {
                Ok(()) if ended && engine.tls.is_handshaking() => {
                    let code = inner.broken.clone().unwrap_or(ErrorCode::ConnectionReset);
                    inner.fail(self, Failure::Wire(code));
                }
                Ok(()) => {}
                Err(fault) => {
                    let failure = inner.failure_of(fault);
                    inner.fail(self, failure);
                }
            }
        }
    }

    /// Gives what the peer says, into `room`, which is not empty; nothing at its end.
    pub(super) fn poll_read(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<Result<usize, ErrorCode>> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let mut total = 0;
        let read = loop {
            let engine = match inner.engine() {
                Ok(Some(engine)) => engine,
                Ok(None) => {
                    wait(&mut inner.wakers.reader, context);
                    return Poll::Pending;
                }
                Err(code) => break if total > 0 { Ok(total) } else { Err(code) },
            };
            match engine.read(room.get_mut(total..).unwrap_or_default()) {
                // The end stays, for the next time.
                Ok(Some(0)) => break Ok(total),
                Ok(Some(count)) => {
                    total += count;
                    if total == room.len() {
                        break Ok(total);
                    }
                }
                Ok(None) if total > 0 && !engine.has_ahead() => break Ok(total),
                Ok(None) => match engine.poll_fill(context) {
                    Poll::Ready(Ok(())) => wake(&mut inner.wakers.feeder),
                    Poll::Ready(Err(fault)) => {
                        let failure = inner.failure_of(fault);
                        inner.fail(self, failure);
                    }
                    Poll::Pending if total > 0 => break Ok(total),
                    Poll::Pending => {
                        wait(&mut inner.wakers.reader, context);
                        // What it has heard may be no data, and want an answer.
                        inner.drive_if_unsent(self);
                        return Poll::Pending;
                    }
                },
                Err(_) if total > 0 => break Ok(total),
                Err(_) => inner.fail(self, Failure::truncated()),
            }
        };
        // Answers to what the peer's TLS has asked.
        inner.drive_if_unsent(self);
        Poll::Ready(read)
    }

    /// Waits until [`poll_read`](Self::poll_read) has something.
    pub(super) fn poll_readable(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        loop {
            let engine = match inner.engine() {
                Ok(Some(engine)) => engine,
                Ok(None) => {
                    wait(&mut inner.wakers.reader, context);
                    return Poll::Pending;
                }
                Err(_) => return Poll::Ready(()),
            };
            if engine.is_readable() {
                inner.drive_if_unsent(self);
                return Poll::Ready(());
            }
            match engine.poll_fill(context) {
                Poll::Ready(Ok(())) => wake(&mut inner.wakers.feeder),
                Poll::Ready(Err(fault)) => {
                    let failure = inner.failure_of(fault);
                    inner.fail(self, failure);
                }
                Poll::Pending => {
                    wait(&mut inner.wakers.reader, context);
                    inner.drive_if_unsent(self);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Says something to the peer, of which the socket may take a part later: no more is taken before it has all.
    pub(super) fn poll_write(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, ErrorCode>> {
        std::task::ready!(self.poll_writable(context));
        let mut guard = self.lock();
        let inner = &mut *guard;
        if let Some(code) = &inner.broken {
            return Poll::Ready(Err(code.clone()));
        }
        let engine = match inner.engine() {
            Ok(Some(engine)) => engine,
            Ok(None) => return Poll::Pending,
            Err(code) => return Poll::Ready(Err(code)),
        };
        let bytes = bytes.get(..MOST_WRITTEN).unwrap_or(bytes);
        let Ok(count) = engine.write(bytes) else { return Poll::Ready(Err(ErrorCode::ConnectionBroken)) };
        // Nobody is woken for what does not leave now: the closing task goes on with it.
        if let Poll::Ready(Err(code)) = engine.poll_flush(&mut Context::from_waker(Waker::noop())) {
            inner.broken = Some(code.clone());
            return Poll::Ready(Err(code));
        }
        wake(&mut inner.wakers.taker);
        inner.drive_if_unsent(self);
        Poll::Ready(Ok(count))
    }

    /// Waits until [`poll_write`](Self::poll_write) takes something, or fails.
    pub(super) fn poll_writable(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let waits = match inner.engine() {
            Ok(Some(engine)) => engine.tls.wants_write(),
            Ok(None) => true,
            Err(_) => false,
        };
        if waits && inner.broken.is_none() {
            wait(&mut inner.wakers.writer, context);
            inner.drive_if_unsent(self);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// The program takes no more of what the peer says.
    pub(super) fn reader_gone(self: &Arc<Self>) {
        let mut inner = self.lock();
        inner.reading = false;
        inner.wakers.reader = None;
        inner.drive(self);
    }

    /// The program has nothing more to say. `sent` is told when the end was sent and answered.
    pub(super) fn writer_gone(self: &Arc<Self>, sent: Option<Outcome>) {
        let mut inner = self.lock();
        inner.writing = false;
        inner.wakers.writer = None;
        inner.sent = sent;
        inner.drive(self);
    }

    /// Fails, if there is no session yet and there will be none.
    pub(super) fn give_up(self: &Arc<Self>, failure: Failure) {
        let mut inner = self.lock();
        if matches!(inner.phase, Phase::Setup { .. } | Phase::Handshake(_)) {
            inner.fail(self, failure);
        }
    }

    /// Takes ciphertext of a stream of the program's: how much, and nothing where no more is wanted.
    pub(super) fn poll_feed(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let engine = match &mut inner.phase {
            Phase::Setup { .. } => {
                wait(&mut inner.wakers.feeder, context);
                return Poll::Pending;
            }
            Phase::Handshake(engine) | Phase::Open(engine) => engine,
            Phase::Failed(..) => return Poll::Ready(0),
        };
        if matches!(engine.incoming, Incoming::Ended) {
            return Poll::Ready(0);
        }
        if engine.has_ahead() {
            wait(&mut inner.wakers.feeder, context);
            return Poll::Pending;
        }
        let bytes = bytes.get(..MOST_WRITTEN).unwrap_or(bytes);
        engine.feed(bytes);
        let Wakers { reader, handshake, closing, .. } = &mut inner.wakers;
        [reader, handshake, closing].into_iter().for_each(wake);
        Poll::Ready(bytes.len())
    }

    /// A stream of the program's that ciphertext came from has ended.
    pub(super) fn feeder_gone(&self) {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Setup { incoming, .. } => *incoming = Incoming::Ended,
            Phase::Handshake(engine) | Phase::Open(engine) => engine.incoming = Incoming::Ended,
            Phase::Failed(..) => {}
        }
        inner.wakers.wake_all();
    }

    /// Gives ciphertext to a stream of the program's, into `room`; nothing at its end.
    pub(super) fn poll_take(&self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<usize> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let engine = match &mut inner.phase {
            Phase::Handshake(engine) | Phase::Open(engine) | Phase::Failed(_, Some(engine)) => engine,
            Phase::Failed(_, None) => return Poll::Ready(0),
            Phase::Setup { .. } => {
                wait(&mut inner.wakers.taker, context);
                return Poll::Pending;
            }
        };
        if engine.tls.wants_write() {
            let count = engine.take(room);
            let Wakers { writer, handshake, closing, .. } = &mut inner.wakers;
            [writer, handshake, closing].into_iter().for_each(wake);
            return Poll::Ready(count);
        }
        if matches!(engine.outgoing, Outgoing::Ended) {
            return Poll::Ready(0);
        }
        wait(&mut inner.wakers.taker, context);
        Poll::Pending
    }

    /// Waits until [`poll_take`](Self::poll_take) has something.
    pub(super) fn poll_takable(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let ready = match &inner.phase {
            Phase::Handshake(engine) | Phase::Open(engine) | Phase::Failed(_, Some(engine)) => {
                engine.tls.wants_write() || matches!(engine.outgoing, Outgoing::Ended)
            }
            Phase::Failed(_, None) => true,
            Phase::Setup { .. } => false,
        };
        if ready {
            return Poll::Ready(());
        }
        wait(&mut inner.wakers.taker, context);
        Poll::Pending
    }

    /// The stream of the program's that took ciphertext is gone.
    pub(super) fn taker_gone(self: &Arc<Self>) {
        self.send_to(Outgoing::Ended);
    }
}

impl Inner {
    /// rustls, where the two can speak; none while they cannot yet.
    fn engine(&mut self) -> Result<Option<&mut Engine>, ErrorCode> {
        match &mut self.phase {
            Phase::Open(engine) => Ok(Some(engine)),
            Phase::Setup { .. } | Phase::Handshake(_) => Ok(None),
            Phase::Failed(failure, _) => Err(failure.code()),
        }
    }

    fn opened(&mut self, session: &Arc<Session>) {
        let phase = mem::replace(&mut self.phase, Phase::Failed(Failure::truncated(), None));
        self.phase = match phase {
            Phase::Handshake(engine) => Phase::Open(engine),
            other => other,
        };
        self.wakers.wake_all();
        self.drive(session);
    }

    /// The session is over.
    pub(super) fn fail(&mut self, session: &Arc<Session>, failure: Failure) {
        let phase = mem::replace(&mut self.phase, Phase::Failed(failure.clone(), None));
        self.phase = match phase {
            Phase::Handshake(engine) | Phase::Open(engine) => Phase::Failed(failure, Some(engine)),
            Phase::Setup { .. } => Phase::Failed(failure, None),
            failed => failed,
        };
        self.wakers.wake_all();
        self.drive(session);
    }

    pub(super) fn failure_of(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Wire(code) => Failure::Wire(code),
            Fault::Tls(error) => {
                let first = match &self.phase {
                    Phase::Handshake(engine) | Phase::Open(engine) => engine.first(),
                    Phase::Setup { .. } | Phase::Failed(..) => &[],
                };
                Failure::of(&error, self.name.as_deref(), self.server, first)
            }
        }
    }

    /// Has the closing task go on if there is something that nobody else sends.
    fn drive_if_unsent(&mut self, session: &Arc<Session>) {
        if let Phase::Open(engine) | Phase::Failed(_, Some(engine)) = &self.phase
            && engine.tls.wants_write()
        {
            self.drive(session);
        }
    }
}

//! One open connection, shared by the socket and its two streams.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::io::Interest;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::address::{ConnectionAddress, Place};
use super::error::name;
use super::network::{Network, Permit};
use super::pace::{Judgement, Pace};
use super::stream::Stream;
use super::unsent::Unsent;
use super::watch::watch;
use crate::ConnectionRecord;
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
    accepted: bool,
    /// Where its peer is; of a Unix socket that was accepted, where that listens.
    place: Place,
    /// Bytes that were received and sent.
    received: AtomicU64,
    sent: AtomicU64,
    /// How fast the peer is, where there is a minimum.
    paces: Option<Box<Paces>>,
    /// How it ended, as far as somebody has said so: an error goes before who closed first.
    error: OnceLock<&'static str>,
    closed: OnceLock<&'static str>,
    /// If the program made it, and only a grant for a name has its peer: that name.
    name: Option<String>,
    pub(super) opened: Instant,
    /// When the last byte moved: milliseconds after `opened`. Kept only with an idle timeout.
    moved: AtomicU64,
    /// Why the host has shut it down: the number of a [`HostEnd`], or 0.
    ended: AtomicU8,
    /// The task that ends it at its limits of time. Left alone, it would hold memory for as long as the timeout, for each
    /// connection that there was in that time.
    watch: OnceLock<AbortHandle>,
    /// Whether the peer has reset it. The system tells that once, to whichever direction asks first.
    reset: AtomicBool,
}

/// The paces of both directions.
#[derive(Default)]
struct Paces {
    receiving: Pace,
    sending: Pace,
    unsent: Unsent,
}

/// Who does not send any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClosedBy {
    Peer,
    Program,
}

/// Why the host ended a connection: a limit, or the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum HostEnd {
    /// No byte moved.
    Idle = 1,
    /// It was open for too long.
    Lifetime,
    /// The peer was too slow.
    Rate,
    /// It is not granted any more.
    Revoked,
}

impl HostEnd {
    const ALL: [Self; 4] = [Self::Idle, Self::Lifetime, Self::Rate, Self::Revoked];

    /// The name of the limit, or `policy`.
    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle-timeout",
            Self::Lifetime => "max-lifetime",
            Self::Rate => "min-rate",
            Self::Revoked => "policy",
        }
    }

    /// The error for the program.
    fn code(self) -> ErrorCode {
        match self {
            Self::Idle | Self::Lifetime | Self::Rate => ErrorCode::Timeout,
            Self::Revoked => ErrorCode::AccessDenied,
        }
    }
}

impl Connection {
    /// A connection that was accepted: from the peer at `place`, or over the Unix socket there.
    pub(crate) fn accepted(stream: Stream, place: Place, permit: Permit) -> Arc<Self> {
        Self::new(stream, place, permit, true, None)
    }

    /// A connection that the program made to what is at `place`. If only a grant for a name has that, it is `name`.
    pub(crate) fn made(stream: Stream, place: Place, permit: Permit, name: Option<String>) -> Arc<Self> {
        let connection = Self::new(stream, place, permit, false, name);
        connection.network().made(&connection);
        connection
    }

    fn new(stream: Stream, place: Place, permit: Permit, accepted: bool, name: Option<String>) -> Arc<Self> {
        // Every write is one of the program's own decisions to send, so waiting for more only adds latency. Some
        // systems refuse it for a connection that the peer has reset already, which the next read or write tells.
        _ = stream.send_at_once();
        let network = Arc::clone(permit.network());
        network.opened();
        let connection = Arc::new(Self {
            stream,
            permit,
            accepted,
            place,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            paces: network.min_rate.map(|_| Box::new(Paces::default())),
            error: OnceLock::new(),
            closed: OnceLock::new(),
            name,
            opened: Instant::now(),
            moved: AtomicU64::new(0),
            ended: AtomicU8::new(0),
            watch: OnceLock::new(),
            reset: AtomicBool::new(false),
        });
        if network.is_watched() {
            let task = tokio::spawn(watch(Arc::downgrade(&connection)));
            // It is empty until here.
            _ = connection.watch.set(task.abort_handle());
        }
        connection
    }

    /// The name that the program connected by, if only a grant for that has the peer.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where its peer is; of a Unix socket that was accepted, where that listens.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn network(&self) -> &Network {
        self.permit.network()
    }

    /// Takes notice that the program waits for something to receive.
    pub(super) fn waits_to_receive(&self) {
        if let Some(paces) = &self.paces {
            paces.receiving.wait(|| self.opened.elapsed());
        }
    }

    /// Takes notice that the program does not wait for something to receive any more.
    pub(super) fn rests_from_receiving(&self) {
        if let Some(paces) = &self.paces {
            paces.receiving.go_on(|| self.opened.elapsed());
        }
    }

    /// Takes notice that the program waits for the peer to take something.
    pub(super) fn waits_to_send(&self) {
        if let Some(paces) = &self.paces {
            // What was on its way before is the peer's to take, too.
            paces.sending.begin(0);
            paces.sending.wait(|| self.opened.elapsed());
        }
    }

    /// Takes notice that the program does not wait for the peer to take something any more.
    pub(super) fn rests_from_sending(&self) {
        if let Some(paces) = &self.paces {
            paces.sending.go_on(|| self.opened.elapsed());
        }
    }

    /// Takes notice that a direction has ended: nothing is expected of the peer there.
    pub(super) fn expects_no_more(&self, direction: Shutdown) {
        match (&self.paces, direction) {
            (None, _) => {}
            (Some(paces), Shutdown::Read) => paces.receiving.forget(),
            (Some(paces), Shutdown::Write) => paces.sending.forget(),
            (Some(paces), Shutdown::Both) => [&paces.receiving, &paces.sending].into_iter().for_each(Pace::forget),
        }
    }

    /// Whether the peer is slower than this, in one of the directions; if not, after what time that can be at the soonest.
    pub(super) fn judge_pace(&self, now: Duration, rate: u64, window: Duration) -> Judgement {
        let Some(paces) = &self.paces else { return Judgement::TooEarly { left: window } };
        let received = || self.received.load(Ordering::Relaxed);
        let taken = || paces.unsent.taken(self.sent.load(Ordering::Relaxed), &self.stream);
        let both = (paces.receiving.judge(now, window, rate, received), paces.sending.judge(now, window, rate, taken));
        match both {
            (Judgement::TooEarly { left: one }, Judgement::TooEarly { left: other }) => {
                Judgement::TooEarly { left: one.min(other) }
            }
            _ => Judgement::TooSlow,
        }
    }

    /// Takes notice of bytes received.
    pub(super) fn received(&self, count: usize) {
        if let Some(paces) = &self.paces {
            paces.receiving.go_on(|| self.opened.elapsed());
            // More is to follow, unless the program answers.
            paces.receiving.begin(self.received.load(Ordering::Relaxed));
        }
        add(&self.received, count);
        self.network().metrics.received(count);
        self.moved();
    }

    /// Takes notice of bytes that the system took to send.
    pub(super) fn sent(&self, count: usize) {
        if let Some(paces) = &self.paces {
            paces.sending.go_on(|| self.opened.elapsed());
            // What was received has its answer.
            paces.receiving.forget();
        }
        add(&self.sent, count);
        self.network().metrics.sent(count);
        self.moved();
    }

    fn moved(&self) {
        self.network().moved();
        if self.network().idle_timeout.is_some() {
            let after = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.moved.store(after, Ordering::Relaxed);
        }
    }

    /// Takes notice of an error of a direction.
    pub(super) fn failed(&self, code: &ErrorCode) {
        self.network().failed(code);
        // The first one counts.
        _ = self.error.set(name(code));
    }

    /// Takes notice that the peer sends no more, or that the program does not.
    pub(super) fn closed_by(&self, whom: ClosedBy) {
        let text = match whom {
            ClosedBy::Peer => "closed-by-peer",
            // It does not want to any more, or it is gone.
            ClosedBy::Program if self.network().has_left() => "cut",
            ClosedBy::Program => "closed-by-program",
        };
        // The first one counts.
        _ = self.closed.set(text);
    }

    fn record(&self, worker: Option<usize>) -> ConnectionRecord {
        self.closed_by(ClosedBy::Program);
        let duration = self.opened.elapsed();
        let place = ConnectionAddress::from(&self.place);
        let (local, peer) = match (&place, self.accepted) {
            (ConnectionAddress::Ip(_), _) => (self.stream.local_address(), place),
            (_, true) => (Some(place), ConnectionAddress::Unnamed),
            (_, false) => (Some(ConnectionAddress::Unnamed), place),
        };
        ConnectionRecord {
            worker,
            accepted: self.accepted,
            local,
            peer,
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            opened: SystemTime::now().checked_sub(duration).unwrap_or(SystemTime::UNIX_EPOCH),
            duration,
            end: match (self.ended_by(), self.error.get(), self.closed.get()) {
                (Some(host), ..) => host.name(),
                (None, Some(error), _) => error,
                (None, None, closed) => closed.copied().unwrap_or("cut"),
            },
        }
    }

    /// The error for the program, if the host has ended the connection.
    pub(super) fn ended(&self) -> Option<ErrorCode> {
        self.ended_by().map(HostEnd::code)
    }

    /// Why the host has ended the connection, if it has.
    fn ended_by(&self) -> Option<HostEnd> {
        let number = self.ended.load(Ordering::SeqCst);
        if number == 0 { None } else { HostEnd::ALL.into_iter().find(|end| *end as u8 == number) }
    }

    /// Ends the connection.
    pub(super) fn end(&self, why: HostEnd) {
        self.ended.store(why as u8, Ordering::SeqCst);
        let metrics = &self.network().metrics;
        if why == HostEnd::Idle {
            metrics.idle_closed.inc();
        }
        if why != HostEnd::Revoked {
            metrics.limited(why.name());
        }
        // Wakes whoever reads or writes. It fails if the peer has gone, and then they are awake.
        _ = self.shutdown(Shutdown::Both);
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

    pub(super) fn last_moved(&self) -> Instant {
        self.opened + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }
}

/// Adds to a number that only one thread at a time changes.
fn add(number: &AtomicU64, count: usize) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(count as u64), Ordering::Relaxed);
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(observed) = self.network().observed() {
            observed.observer.connection_ended(&self.record(observed.worker));
        }
        self.watch.get().map(AbortHandle::abort);
        self.network().closed();
    }
}

//! What is below a connection: two directions, each of which can be waited for, ended, and asked how it ended.
//!
//! A transport works by *operations*: a read or a write that was begun goes on, whoever waits for it, until it has ended or
//! is cancelled. Meanwhile its memory is the transport's. So a caller that is cancelled loses nothing.
//!
//! Cancelling an operation may block the task that runs, so `cancel` is called in a task that [`Runtime::spawn`] runs and
//! never in a call of the program.
//!
//! [`Runtime::spawn`]: crate::runtime::Runtime::spawn

use std::any::Any;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::address::SocketAddress;
use crate::error::Result;
use crate::extra_info::{Addresses, ExtraInfo};
pub use crate::failure::Failure;
use crate::runtime::Task;

/// How a direction ended.
pub type Outcome = std::result::Result<(), Failure>;

/// What arrived.
#[derive(Debug)]
pub enum Received<'a> {
    /// Bytes, at least one. They may be taken with their memory; what is left there is used for the next read.
    Data(&'a mut Vec<u8>),
    /// The peer has ended its sending side. Told again when asked again.
    Eof,
    /// The direction broke.
    Failed(Failure),
}

/// The receiving direction. A transport that takes its halves back from a connection finds its own type in it.
pub trait ReceiveHalf: Any {
    /// Receives what there is, and waits until there is something. A read that is begun takes at most `room` bytes, at least one.
    ///
    /// # Cancel safety
    /// A read that was begun stays in flight, and the next call finds what it brought. Call [`withdraw`](Self::withdraw) when
    /// the waiting task goes away.
    fn poll_receive(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Received<'_>>;

    /// Nobody waits any more; a read in flight stays.
    fn withdraw(&mut self);

    /// Whether a read is in flight.
    fn in_flight(&self) -> bool;

    /// Ends a read in flight, in a spawned task. Gives what it brought, which may be nothing.
    fn cancel(&mut self) -> Vec<u8>;
}

/// Bytes on their way out.
#[derive(Debug)]
pub enum Payload {
    /// Of memory that was collected here, and is used again.
    Collected(Vec<u8>),
    /// Handed over by the program.
    Given(Bytes),
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Collected(bytes) => bytes,
            Self::Given(bytes) => bytes,
        }
    }
}

/// How the sending of a payload ended.
#[derive(Debug)]
pub enum Sent {
    /// The system took all of it; its memory comes back.
    All(Payload),
    /// The other end is gone: nothing can be sent any more. [`SendHalf::poll_outcome`] tells why.
    Broken,
}

/// The sending direction: one payload at a time. It is taken back as a [`ReceiveHalf`] is.
pub trait SendHalf: Any {
    /// Begins to send `payload`, which is not empty. Nothing else is being sent. [`poll_sent`](Self::poll_sent) goes on with it.
    fn send(&mut self, payload: Payload);

    /// Sends on until the payload that was begun was taken, or the direction has broken. Without a context nobody is woken: it
    /// goes as far as it can without waiting.
    fn poll_sent(&mut self, cx: Option<&mut Context<'_>>) -> Poll<Sent>;

    /// How many bytes of the payload were not taken yet; above 0 until [`poll_sent`](Self::poll_sent) has told of its end.
    fn unsent(&self) -> usize;

    /// Whether a write is in flight.
    fn in_flight(&self) -> bool;

    /// Ends a write in flight, in a spawned task, and drops what was not taken.
    fn cancel(&mut self);

    /// Ends the direction: the peer reads the end of the stream. Nothing is being sent.
    fn end(&mut self);

    /// How the direction ended. Ready once it was ended or has broken.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome>;
}

/// What is known of a connection: an open set, asked by asyncio's names.
pub trait Info {
    /// `get_extra_info(name)`. It goes on answering after the connection is gone.
    fn get(&self, name: &str) -> Option<ExtraInfo>;

    /// The connection is gone: what is held for it can be let go of, apart from the answers.
    fn connection_lost(&self) {}
}

impl Info for Addresses {
    fn get(&self, name: &str) -> Option<ExtraInfo> {
        self.get(name)
    }
}

/// What a kind of transport can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The sending direction can be ended while the other goes on: `can_write_eof`.
    pub can_write_eof: bool,
    /// The end of the receiving direction leaves the other open. TLS closes instead.
    pub open_after_eof: bool,
    /// Closing waits until the end of the sending direction was sent and answered, as TLS does.
    pub waits_for_end: bool,
}

/// Whether there can be connections by TLS: a program without them has no code for them.
pub(crate) const TLS: bool = cfg!(feature = "tls");

impl Capabilities {
    /// Over TLS.
    pub const TLS: Self = Self { can_write_eof: false, open_after_eof: false, waits_for_end: true };
}

impl Default for Capabilities {
    /// Both, as over TCP.
    fn default() -> Self {
        Self { can_write_eof: true, open_after_eof: true, waits_for_end: false }
    }
}

/// A connection's two directions, and what is known of it.
pub struct Halves {
    /// Where bytes come from.
    pub receive: Box<dyn ReceiveHalf>,
    /// Where they go.
    pub send: Box<dyn SendHalf>,
    /// What is known of it.
    pub info: Rc<dyn Info>,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// Bound sockets that connections come from.
pub trait Listener {
    /// Starts to listen. May be called again.
    ///
    /// # Errors
    /// If the system refuses.
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>>;

    /// Where it listens, or will.
    fn addresses(&self) -> Vec<SocketAddress>;

    /// The next connection; none when there will be no more. What comes to nothing is not told: a listener that is out of
    /// descriptors pauses by itself, as asyncio's does, and goes on.
    ///
    /// # Cancel safety
    /// As [`ReceiveHalf::poll_receive`].
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>>;

    /// Nobody waits any more, for an accept or for [`poll_listen`](Self::poll_listen); what is in flight stays.
    fn withdraw(&mut self);

    /// Listens no more. What is given ends what is in flight, which may block, and is to be spawned.
    fn close(self: Box<Self>) -> Option<Task>;
}

//! Whoever is told of connections and decisions of a program, one by one.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::ConnectionAddress;

/// Told of what a program does on the network, and of what is decided about it: for logs of connections and of audits.
///
/// Both functions are called on the thread that runs the program, and must not block. A program can have them called as often
/// as it likes: whoever keeps what it is told bounds that.
///
/// # Examples
///
/// ```no_run
/// # fn example(program: wasyncio_host::Program) {
/// use wasyncio_host::{DecisionRecord, Observer, Runner};
///
/// struct Audit(std::sync::mpsc::SyncSender<String>);
///
/// impl Observer for Audit {
///     fn decided(&self, decision: &DecisionRecord<'_>) {
///         if !decision.granted {
///             // Without room, this one is lost.
///             _ = self.0.try_send(format!("{} {}: {}", decision.asked, decision.target, decision.by));
///         }
///     }
/// }
///
/// let (send, _decisions) = std::sync::mpsc::sync_channel(1000);
/// let runner = Runner::new(&program).observe(Audit(send));
/// # }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// A connection of WASI 0.3 or of a Unix socket has ended, or was not accepted because of a limit of its peer's connections.
    fn connection_ended(&self, connection: &ConnectionRecord) {
        _ = connection;
    }

    /// It was decided about something that the program asked for. Each decision is told, also if it is the same again.
    fn decided(&self, decision: &DecisionRecord<'_>) {
        _ = decision;
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn connection_ended(&self, connection: &ConnectionRecord) {
        (**self).connection_ended(connection);
    }

    fn decided(&self, decision: &DecisionRecord<'_>) {
        (**self).decided(decision);
    }
}

/// A connection that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionRecord {
    /// The number of the program among [`Workers`](crate::Workers), if it is one of several.
    pub worker: Option<usize>,
    /// Whether the program accepted it; if not, it made it.
    pub accepted: bool,
    /// Its own end, if the system still knew that. Who connects to a Unix socket has no name.
    pub local: Option<ConnectionAddress>,
    /// The other side's address.
    pub peer: ConnectionAddress,
    /// Bytes that the program received.
    pub received: u64,
    /// Bytes that the system took from the program to send.
    pub sent: u64,
    /// When it was opened.
    pub opened: SystemTime,
    /// How long it was open.
    pub duration: Duration,
    /// How it ended: `closed-by-peer` or `closed-by-program`, by who ended sending first; `cut` if the program had ended;
    /// the name of WASI for an error, such as `connection-reset`; the name of the limit by which the host ended it; or
    /// `policy` if it was not granted any more.
    pub end: &'static str,
}

/// A decision about something that a program asked for.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct DecisionRecord<'a> {
    /// The number of the program among [`Workers`](crate::Workers), if it is one of several.
    pub worker: Option<usize>,
    /// What was asked for: `listen`, `bind`, `source` (to connect from), `connect`, `lookup`, `connect-unix`, `listen-unix`,
    /// `wasi02` or `udp`.
    pub asked: &'static str,
    /// The address, the Unix socket or the name. A name is as the program wrote it: whoever prints it escapes it.
    pub target: &'a (dyn Display + 'a),
    /// Whether it was granted.
    pub granted: bool,
    /// What decided: a grant such as `allow-connect 10.0.0.1:443`, a rule such as `deny private:*`, `decide` for the function
    /// of [`Runner::decide`](crate::Runner::decide), or what is missing.
    pub by: &'a (dyn Display + 'a),
}

impl<'a> DecisionRecord<'a> {
    /// A decision, for tests of whoever is told.
    pub fn new(
        worker: Option<usize>,
        asked: &'static str,
        target: &'a (dyn Display + 'a),
        granted: bool,
        by: &'a (dyn Display + 'a),
    ) -> Self {
        Self { worker, asked, target, granted, by }
    }
}

impl fmt::Debug for DecisionRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("DecisionRecord");
        shown.field("worker", &self.worker).field("asked", &self.asked).field("granted", &self.granted);
        shown.field("target", &self.target.to_string()).field("by", &self.by.to_string()).finish()
    }
}

/// An observer, with the number of the program that it is told of.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) worker: Option<usize>,
}

impl Observed {
    pub(crate) fn decided(&self, asked: &'static str, target: &dyn Display, granted: bool, by: &dyn Display) {
        self.observer.decided(&DecisionRecord { worker: self.worker, asked, target, granted, by });
    }
}

//! One connection with its program, its peer and its system.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::Addresses;
use wasyncio_core::scripted::{ListeningSocket, ScriptedRuntime, Wire};
use wasyncio_core::transport::Capabilities;
use wasyncio_core::{Error, Server, StreamReader, StreamWriter, Taken, Transport};

use crate::steps::Script;
use crate::waiter::{Answer, Call, Sleeper, Waiter};

pub(crate) const PEER: &str = "192.0.2.1:4000";
const MOST_ROUNDS: usize = 10_000;

/// What there is, and what is known of it without looking into it.
pub(crate) struct World {
    pub(crate) runtime: &'static ScriptedRuntime,
    pub(crate) wire: Wire,
    pub(crate) server: Rc<Server>,
    pub(crate) reader: Option<Rc<StreamReader>>,
    pub(crate) writer: Option<Rc<StreamWriter>>,
    pub(crate) transport: Option<Transport>,
    pub(crate) taken: Option<Taken>,
    pub(crate) waiters: Vec<Waiter>,
    /// Who has waited since the last rest and does so no more.
    pub(crate) gone: Vec<Arc<Sleeper>>,
    pub(crate) limit: usize,
    slow: bool,
    pub(crate) capabilities: Capabilities,
    /// What the peer has sent, and how much of it reads have consumed.
    pub(crate) sent_by_peer: Vec<u8>,
    pub(crate) peer_done: bool,
    pub(crate) consumed: usize,
    /// So much a read may have asked for on top of the limit.
    pub(crate) asked_for: usize,
    /// What was written and not dropped, and how much of it was found with the system.
    pub(crate) written: Vec<u8>,
    pub(crate) verified: usize,
    pub(crate) closing: bool,
    pub(crate) aborted: bool,
    pub(crate) writes_dropped: bool,
    pub(crate) eof_written: bool,
    pub(crate) reading_paused: bool,
    pub(crate) marks: (u64, u64),
    pub(crate) take_tried: bool,
    pub(crate) was_taken: bool,
    /// The errors that can have ended the connection.
    pub(crate) errors: Vec<Error>,
    /// How the connection ended, once somebody was told.
    pub(crate) cause: Option<Option<Error>>,
    /// Since the last rest a read has waited, or the connection was closed.
    pub(crate) may_receive: bool,
    pub(crate) handed_over_at_rest: usize,
    pub(crate) reads_since_rest: usize,
    pub(crate) steps_since_rest: usize,
}

pub(crate) fn bytes(from: usize, count: usize) -> Vec<u8> {
    // Letters in an order that does not repeat soon.
    (from..from + count).map(|at| b'a' + ((at.wrapping_mul(2_654_435_761) >> 13) % 26) as u8).collect()
}

impl World {
    pub(crate) fn new(runtime: &'static ScriptedRuntime, script: &Script) -> Self {
        let address: SocketAddress = PEER.parse::<std::net::SocketAddr>().expect("an address").into();
        let addresses = Addresses { peername: Some(address.clone()), ..Addresses::default() };
        let (wire, halves) = Wire::new(runtime, script.manner, script.capabilities, addresses);
        let (socket, listener) = ListeningSocket::new(runtime, address);
        let server = Rc::new(Server::new(runtime, vec![listener], script.limit));
        socket.connects(halves);
        let accepted = match pin!(server.accept()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(accepted)) => accepted,
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => panic!("the connection is there"),
        };
        server.close();
        let (reader, writer) = (Rc::new(accepted.0), Rc::new(accepted.1));
        let transport = Some(writer.transport());
        let closed = server.clone();
        let closed = async move {
            closed.wait_closed().await;
            Answer::Nothing(Ok(()))
        };
        let mut world = Self {
            runtime,
            wire,
            server,
            reader: Some(reader),
            writer: Some(writer),
            transport,
            taken: None,
            waiters: Vec::new(),
            gone: Vec::new(),
            limit: script.limit,
            slow: script.manner.slow,
            capabilities: script.capabilities,
            sent_by_peer: Vec::new(),
            peer_done: false,
            consumed: 0,
            asked_for: 0,
            written: Vec::new(),
            verified: 0,
            closing: false,
            aborted: false,
            writes_dropped: false,
            eof_written: false,
            reading_paused: false,
            marks: (16_384, 65_536),
            take_tried: false,
            was_taken: false,
            errors: Vec::new(),
            cause: None,
            may_receive: false,
            handed_over_at_rest: 0,
            reads_since_rest: 0,
            steps_since_rest: 0,
        };
        world.start(Waiter::new(Call::ServerWaitClosed, closed));
        world
    }

    /// The connection is gone, as far as the transport can tell.
    pub(crate) fn is_lost(&self) -> bool {
        self.was_taken || self.wire.is_let_go()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.written.len() - self.wire.taken_count()
    }

    /// What was handed over and not consumed.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.sent_by_peer[self.consumed..self.wire.handed_over()]
    }

    pub(crate) fn handle(&self) -> Option<Transport> {
        self.transport.clone().or_else(|| self.writer.as_ref().map(|writer| writer.transport()))
    }

    pub(crate) fn is_closing(&self) -> Option<bool> {
        self.handle().map(|transport| transport.is_closing())
    }

    /// Begins a call and polls it once.
    pub(crate) fn start(&mut self, mut waiter: Waiter) {
        match waiter.poll() {
            Poll::Ready(answer) => self.has_answered(waiter, answer),
            Poll::Pending => {
                waiter.waited = true;
                self.waiters.push(waiter);
            }
        }
    }

    pub(crate) fn has_answered(&mut self, waiter: Waiter, answer: Answer) {
        self.notice_eof();
        let (call, waited) = (waiter.call.clone(), waiter.waited);
        self.gone.push(waiter.end());
        self.check_answer(&call, waited, answer);
    }

    fn poll_woken(&mut self) -> bool {
        let mut any = false;
        let mut at = 0;
        while at < self.waiters.len() {
            if !self.waiters[at].is_woken() {
                at += 1;
                continue;
            }
            any = true;
            match self.waiters[at].poll() {
                Poll::Ready(answer) => {
                    let waiter = self.waiters.remove(at);
                    self.has_answered(waiter, answer);
                }
                Poll::Pending => at += 1,
            }
        }
        any
    }

    /// Lets everything happen that can.
    pub(crate) fn rest(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let ran = self.runtime.run_ready() | self.poll_woken();
            if !ran && !self.runtime.turn() && !self.runtime.flush() && !self.wire.turn() {
                return;
            }
        }
        panic!("the program never rests");
    }

    pub(crate) fn cancel_where(&mut self, which: impl Fn(&Call) -> bool) {
        let (ended, left) = self.waiters.drain(..).partition::<Vec<_>, _>(|waiter| which(&waiter.call));
        self.waiters = left;
        for waiter in ended {
            if matches!(waiter.call, Call::Take) {
                self.closes();
            }
            self.gone.push(waiter.end());
        }
    }

    pub(crate) fn is_on_writer(call: &Call) -> bool {
        matches!(call, Call::Drain | Call::WaitClosed)
    }

    pub(crate) fn is_on_reader(call: &Call) -> bool {
        matches!(call, Call::Read(_))
    }

    /// `close` was called, by whomever.
    pub(crate) fn closes(&mut self) {
        self.may_receive = true;
        if !self.closing && !self.aborted && !self.is_lost() {
            self.writes_dropped = self.unsent() == 0;
            let wanted = self.sent_by_peer.len().min(self.consumed + 2 * self.limit + 1);
            let received = self.wire.handed_over() >= wanted;
            let receives = !self.slow && !self.take_tried && !self.reading_paused && self.errors.is_empty();
            assert!(received || !receives || self.closing, "what has arrived before close cannot be read");
        }
        self.closing = true;
    }
}

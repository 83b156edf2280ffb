//! What is between a connection and its peer, in the hands of the test.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use super::receive::ScriptedReceive;
use super::runtime::ScriptedRuntime;
use super::send::ScriptedSend;
use crate::extra_info::{Addresses, ExtraInfo};
use crate::transport::{Capabilities, Failure, Halves, Info, Payload};

/// What a transport may do one way or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// An operation moves nothing in the call that begins it, but when the system has its [`turn`](Wire::turn).
    pub slow: bool,
    /// An operation that has ended is in flight until somebody collects what it brought.
    pub in_flight_until_collected: bool,
}

/// A connection as its peer and the system see it. Clones are the same connection.
#[derive(Clone)]
pub struct Wire(pub(super) Rc<RefCell<State>>);

pub(super) struct State {
    pub(super) runtime: &'static ScriptedRuntime,
    pub(super) manner: Manner,
    /// Arrived, and brought by no read.
    pub(super) arrived: VecDeque<u8>,
    /// What is behind it.
    pub(super) end: Option<Result<(), Failure>>,
    pub(super) read: Option<Read>,
    pub(super) read_waker: Option<Waker>,
    pub(super) handed_over: usize,
    pub(super) eof_told: bool,
    pub(super) failure_told: bool,
    pub(super) receive_dropped: bool,
    /// How many more bytes the system takes.
    pub(super) takes: usize,
    pub(super) taken: Vec<u8>,
    pub(super) write: Option<Write>,
    pub(super) write_waker: Option<Waker>,
    /// The sending direction has broken, and its outcome.
    pub(super) broken: Option<Result<(), Failure>>,
    pub(super) broken_told: bool,
    pub(super) outcome_held: bool,
    pub(super) outcome_waker: Option<Waker>,
    pub(super) ended: bool,
    pub(super) send_dropped: bool,
    pub(super) lost: bool,
}

/// A read that was begun.
pub(super) enum Read {
    InFlight { room: usize },
    Brought(Vec<u8>),
}

/// A payload that was begun.
pub(super) struct Write {
    pub(super) payload: Payload,
    /// The system took so many bytes of it, of which the program knows.
    pub(super) credited: usize,
    /// And so many more.
    pub(super) landed: usize,
    /// An operation was begun and has not ended.
    pub(super) in_flight: bool,
}

impl Write {
    pub(super) fn untaken(&self) -> usize {
        self.payload.as_ref().len() - self.credited - self.landed
    }
}

impl Wire {
    /// A connection whose peer has sent nothing and whose system takes everything, and its halves.
    pub fn new(
        runtime: &'static ScriptedRuntime,
        manner: Manner,
        capabilities: Capabilities,
        addresses: Addresses,
    ) -> (Self, Halves) {
        let wire = Self(Rc::new(RefCell::new(State {
            runtime,
            manner,
            arrived: VecDeque::new(),
            end: None,
            read: None,
            read_waker: None,
            handed_over: 0,
            eof_told: false,
            failure_told: false,
            receive_dropped: false,
            takes: usize::MAX,
            taken: Vec::new(),
            write: None,
            write_waker: None,
            broken: None,
            broken_told: false,
            outcome_held: false,
            outcome_waker: None,
            ended: false,
            send_dropped: false,
            lost: false,
        })));
        let halves = Halves {
            receive: Box::new(ScriptedReceive::new(wire.clone())),
            send: Box::new(ScriptedSend(wire.clone())),
            info: Rc::new(ScriptedInfo { addresses, wire: wire.clone(), told: Cell::default() }),
            capabilities,
        };
        (wire, halves)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let woken = {
            let mut state = self.0.borrow_mut();
            change(&mut state);
            state.complete(false)
        };
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// The peer sends bytes.
    pub fn peer_sends(&self, bytes: &[u8]) {
        self.change(|state| {
            if state.end.is_none() {
                state.arrived.extend(bytes);
            }
        });
    }

    /// The peer ends its sending side.
    pub fn peer_ends(&self) {
        self.change(|state| {
            state.end.get_or_insert(Ok(()));
        });
    }

    /// The peer resets the connection: both directions break, behind what has arrived.
    pub fn peer_resets(&self, failure: Failure) {
        self.change(|state| {
            if !matches!(state.end, Some(Ok(()))) {
                state.end.get_or_insert(Err(failure.clone()));
            }
            state.broken.get_or_insert(Err(failure));
        });
    }

    /// The sending direction alone breaks, with this outcome.
    pub fn sending_breaks(&self, outcome: Result<(), Failure>) {
        self.change(|state| {
            state.broken.get_or_insert(outcome);
        });
    }

    /// The system takes so many bytes more and then blocks, or goes on if it has taken without end.
    pub fn takes(&self, count: usize) {
        self.change(|state| state.takes = state.takes.saturating_add(count));
    }

    /// The system takes no more.
    pub fn blocks(&self) {
        self.change(|state| state.takes = 0);
    }

    /// Whether the outcome of the sending direction waits for somebody to say so.
    pub fn holds_outcome(&self, held: bool) {
        let waker = {
            let mut state = self.0.borrow_mut();
            state.outcome_held = held;
            if held { None } else { state.outcome_waker.take() }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The system has its turn: operations in flight that can move something do. Whether one did.
    pub fn turn(&self) -> bool {
        let woken = self.0.borrow_mut().complete(true);
        let any = woken.iter().any(Option::is_some);
        woken.into_iter().flatten().for_each(Waker::wake);
        any
    }

    /// What the system took, from an offset on.
    pub fn taken_from(&self, start: usize) -> Vec<u8> {
        self.0.borrow().taken.get(start..).unwrap_or_default().to_vec()
    }

    /// How many bytes the system took.
    pub fn taken_count(&self) -> usize {
        self.0.borrow().taken.len()
    }

    /// Whether the system takes nothing.
    pub fn is_blocked(&self) -> bool {
        self.0.borrow().takes == 0
    }

    /// How many clones there are: as long as the halves live, and what is known of the connection is asked for, more than the
    /// test's own.
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// Whether the sending direction was ended, before it was dropped.
    pub fn ended(&self) -> bool {
        self.0.borrow().ended
    }

    /// How many received bytes the connection was given.
    pub fn handed_over(&self) -> usize {
        self.0.borrow().handed_over
    }

    /// How many bytes have arrived and are in no buffer of the connection's.
    pub fn waiting(&self) -> usize {
        let state = self.0.borrow();
        let brought = if let Some(Read::Brought(bytes)) = &state.read { bytes.len() } else { 0 };
        state.arrived.len() + brought
    }

    /// Whether there is something to receive: bytes, the end, a failure.
    pub fn has_news(&self) -> bool {
        self.waiting() > 0 || self.0.borrow().end.is_some()
    }

    /// Whether the peer's end was told.
    pub fn eof_told(&self) -> bool {
        self.0.borrow().eof_told
    }

    /// Whether a failure of the receiving direction was told.
    pub fn failure_told(&self) -> bool {
        self.0.borrow().failure_told
    }

    /// Whether it was told that the sending direction is broken.
    pub fn broken_told(&self) -> bool {
        self.0.borrow().broken_told
    }

    /// Whether the sending direction is broken.
    pub fn is_broken(&self) -> bool {
        self.0.borrow().broken.is_some()
    }

    /// Whether the outcome of the sending direction waits for somebody to say so.
    pub fn is_outcome_held(&self) -> bool {
        self.0.borrow().outcome_held
    }

    /// How many operations are in flight.
    pub fn in_flight(&self) -> usize {
        let state = self.0.borrow();
        usize::from(state.is_reading()) + usize::from(state.is_writing())
    }

    /// How many wakers are registered: of a read, of a write or its outcome.
    pub fn registered(&self) -> (usize, usize) {
        let state = self.0.borrow();
        let sending = usize::from(state.write_waker.is_some()) + usize::from(state.outcome_waker.is_some());
        (usize::from(state.read_waker.is_some()), sending)
    }

    /// How many bytes of memory operations hold.
    pub fn memory(&self) -> usize {
        let state = self.0.borrow();
        let read = match &state.read {
            Some(Read::InFlight { room }) => *room,
            Some(Read::Brought(bytes)) => bytes.capacity(),
            None => 0,
        };
        read + state.write.as_ref().map_or(0, |write| write.payload.as_ref().len())
    }

    /// Whether the halves were dropped and what is known of the connection was told of its end.
    pub fn is_let_go(&self) -> bool {
        let state = self.0.borrow();
        state.receive_dropped && state.send_dropped && state.lost
    }
}

impl State {
    pub(super) fn is_reading(&self) -> bool {
        match self.read {
            Some(Read::InFlight { .. }) => true,
            Some(Read::Brought(_)) => self.manner.in_flight_until_collected,
            None => false,
        }
    }

    pub(super) fn is_writing(&self) -> bool {
        self.write.as_ref().is_some_and(|write| {
            write.in_flight || (self.manner.in_flight_until_collected && (write.landed > 0 || self.broken.is_some()))
        })
    }

    /// Up to `room` bytes of those that have arrived.
    pub(super) fn bring(&mut self, room: usize) -> Vec<u8> {
        let count = room.min(self.arrived.len());
        let (front, back) = self.arrived.as_slices();
        let from_front = count.min(front.len());
        let bytes = [&front[..from_front], &back[..count - from_front]].concat();
        self.arrived.drain(..count);
        bytes
    }

    /// Has the system take of a payload.
    pub(super) fn land(&mut self) {
        if let Some(write) = &mut self.write {
            let begin = write.credited + write.landed;
            let count = self.takes.min(write.untaken());
            self.taken.extend(&write.payload.as_ref()[begin..begin + count]);
            write.landed += count;
            if self.takes != usize::MAX {
                self.takes -= count;
            }
        }
    }

    /// Completes the operations in flight that can move something. Whom to wake.
    fn complete(&mut self, turn: bool) -> [Option<Waker>; 2] {
        let mut woken = [None, None];
        if self.manner.slow && !turn {
            return woken;
        }
        if let Some(Read::InFlight { room }) = self.read {
            if !self.arrived.is_empty() {
                self.read = Some(Read::Brought(self.bring(room)));
                woken[0] = self.read_waker.take();
            } else if self.end.is_some() {
                self.read = None;
                woken[0] = self.read_waker.take();
            }
        }
        if self.write.as_ref().is_some_and(|write| write.in_flight) {
            if self.broken.is_none() {
                self.land();
            }
            let broken = self.broken.is_some();
            if let Some(write) = &mut self.write
                && (write.landed > 0 || broken)
            {
                write.in_flight = false;
                woken[1] = self.write_waker.take();
            }
        }
        woken
    }
}

/// What is known of a scripted connection.
struct ScriptedInfo {
    addresses: Addresses,
    wire: Wire,
    told: Cell<bool>,
}

impl Info for ScriptedInfo {
    fn get(&self, name: &str) -> Option<ExtraInfo> {
        self.addresses.get(name)
    }

    fn connection_lost(&self) {
        assert!(!self.told.replace(true), "the end of a connection was told twice");
        self.wire.0.borrow_mut().lost = true;
    }
}

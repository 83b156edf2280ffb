//! How a direction ended.

#![expect(unsafe_code, reason = "the host writes the answer into our memory")]

use std::alloc::Layout;
use std::any::Any;
use std::task::{Context, Poll, ready};

use wasyncio_core::transport::Outcome;
use wit_bindgen::rt::async_support::{FutureReader, FutureVtable};

use crate::progress::BLOCKED;
use crate::runtime;
use crate::task;
use crate::waitable::Waitable;

/// What tells how a direction ended. Asked once it has, and again after it has answered.
pub trait OutcomeSource {
    /// The outcome, or the task is woken when it is known. Where no task runs nothing is asked, and nobody woken.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Whether the question is in flight.
    fn in_flight(&self) -> bool {
        false
    }

    /// Ends a question in flight. May block the task, so only a task may call it.
    fn cancel(&mut self) {}

    /// Itself, for whoever gives the connection away.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// The same answer always.
pub struct Known(pub Outcome);

impl OutcomeSource for Known {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Outcome> {
        Poll::Ready(self.0.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// A component-model future, which can be polled also in a synchronous export.
pub struct FutureOutcome<T: 'static> {
    waitable: Waitable,
    handle: u32,
    vtable: &'static FutureVtable<T>,
    state: State,
    convert: fn(T) -> Outcome,
}

/// What became of a future that is given away.
pub enum Asked<T: 'static> {
    /// It is as it was.
    Unread(FutureReader<T>),
    /// It was read, and is used up.
    Told(Outcome),
}

enum State {
    /// It was not asked for.
    Unread,
    /// The host may write into this memory.
    InFlight(Slot),
    Told(Outcome),
}

/// The code of a read that has brought its value.
const COMPLETED: u32 = 0;

/// No handle has this number.
const NONE: u32 = u32::MAX;

/// Memory for a value of the canonical ABI, whose alignment is 8 at most.
struct Slot(Vec<u64>);

impl Slot {
    fn new(layout: Layout) -> Self {
        debug_assert!(layout.align() <= align_of::<u64>(), "no value of the canonical ABI needs more");
        Self(vec![0; layout.size().div_ceil(size_of::<u64>())])
    }

    fn as_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

impl<T: 'static> FutureOutcome<T> {
    /// `vtable` is that of the bindings that `future` is of.
    pub fn new(future: &FutureReader<T>, vtable: &'static FutureVtable<T>, convert: fn(T) -> Outcome) -> Self {
        // Ours from now on; dropped in `drop`.
        let handle = future.take_handle();
        Self { waitable: Waitable::new(handle), handle, vtable, state: State::Unread, convert }
    }

    /// The future itself, or what it has told. None while the question is in flight.
    pub fn into_future(mut self) -> Option<Asked<T>> {
        match &self.state {
            State::InFlight(_) => None,
            State::Told(outcome) => Some(Asked::Told(outcome.clone())),
            State::Unread => {
                let handle = std::mem::replace(&mut self.handle, NONE);
                self.waitable.withdraw();
                // SAFETY: the handle was ours, is in no set and has nothing in flight; `drop` drops none.
                Some(Asked::Unread(unsafe { FutureReader::new(handle, self.vtable) }))
            }
        }
    }

    fn finish(&mut self, mut slot: Slot) -> Outcome {
        // SAFETY: the read has ended, so the value is there, and it is lifted once.
        let outcome = (self.convert)(unsafe { (self.vtable.lift)(slot.as_ptr()) });
        self.state = State::Told(outcome.clone());
        outcome
    }
}

impl<T: 'static> OutcomeSource for FutureOutcome<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let State::Unread = self.state {
            if !task::runs() {
                // In a synchronous export. wasmtime (48) writes the value after that has returned, and ends the program as the call is
                // gone by then.
                return Poll::Pending;
            }
            let mut slot = Slot::new(self.vtable.layout);
            // SAFETY: the handle is ours and has nothing in flight; `slot` has room for the value and stays where it is until the
            // read has ended.
            let code = unsafe { (self.vtable.start_read)(self.handle, slot.as_ptr()) };
            if code != BLOCKED {
                return Poll::Ready(self.finish(slot));
            }
            self.state = State::InFlight(slot);
        }
        if let State::Told(outcome) = &self.state {
            return Poll::Ready(outcome.clone());
        }
        ready!(self.waitable.poll(cx));
        match std::mem::replace(&mut self.state, State::Unread) {
            State::InFlight(slot) => Poll::Ready(self.finish(slot)),
            State::Unread | State::Told(_) => Poll::Pending,
        }
    }

    fn in_flight(&self) -> bool {
        matches!(self.state, State::InFlight(_))
    }

    fn cancel(&mut self) {
        self.waitable.withdraw();
        if !self.in_flight() {
            // What was told stays: a future is read once.
            return;
        }
        if let State::InFlight(slot) = std::mem::replace(&mut self.state, State::Unread) {
            let code = self.waitable.try_take().unwrap_or_else(|| {
                // SAFETY: the handle is ours and has a read in flight that belongs to no waitable set any more.
                unsafe { (self.vtable.cancel_read)(self.handle) }
            });
            if code == COMPLETED {
                let _ = self.finish(slot);
            }
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl<T: 'static> Drop for FutureOutcome<T> {
    fn drop(&mut self) {
        if self.in_flight() {
            // Dropping a future that is being read traps, and ending the read may block: a task does both.
            let state = std::mem::replace(&mut self.state, State::Unread);
            let waitable = std::mem::replace(&mut self.waitable, Waitable::new(NONE));
            let mut left = Self { waitable, handle: self.handle, vtable: self.vtable, state, convert: self.convert };
            self.handle = NONE;
            runtime::spawn(Box::pin(async move { left.cancel() }));
        }
        self.waitable.withdraw();
        if self.handle != NONE {
            // SAFETY: the handle is ours, is in no set, and has nothing in flight.
            unsafe { (self.vtable.drop_readable)(self.handle) };
        }
    }
}

//! The receiving direction.

use std::task::{Context, Poll};

use super::wire::{Read, Wire};
use crate::transport::{ReceiveHalf, Received};

/// The most that one read may ask for, in bytes.
const MOST_ROOM: usize = 64 * 1024;

pub(super) struct ScriptedReceive {
    wire: Wire,
    /// What was handed over last; the connection may have taken its memory.
    chunk: Vec<u8>,
}

impl ScriptedReceive {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, chunk: Vec::new() }
    }
}

impl ReceiveHalf for ScriptedReceive {
    fn poll_receive(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Received<'_>> {
        assert!((1..=MOST_ROOM).contains(&room), "a read with room for {room} bytes");
        let state = &mut *self.wire.0.borrow_mut();
        if state.read.is_none() {
            if state.arrived.is_empty()
                && let Some(end) = &state.end
            {
                return Poll::Ready(match end {
                    Ok(()) => {
                        state.eof_told = true;
                        Received::Eof
                    }
                    Err(failure) => {
                        state.failure_told = true;
                        Received::Failed(failure.clone())
                    }
                });
            }
            state.read = Some(Read::InFlight { room });
            if !state.manner.slow && !state.arrived.is_empty() {
                state.read = Some(Read::Brought(state.bring(room)));
            }
        }
        match state.read.take() {
            Some(Read::Brought(bytes)) => {
                state.read_waker = None;
                state.handed_over += bytes.len();
                self.chunk = bytes;
                Poll::Ready(Received::Data(&mut self.chunk))
            }
            in_flight => {
                state.read = in_flight;
                state.read_waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn withdraw(&mut self) {
        let waker = self.wire.0.borrow_mut().read_waker.take();
        drop(waker);
    }

    fn in_flight(&self) -> bool {
        self.wire.0.borrow().is_reading()
    }

    fn cancel(&mut self) -> Vec<u8> {
        let mut state = self.wire.0.borrow_mut();
        assert!(state.runtime.in_task(), "a read is cancelled in a call of the program");
        state.read_waker = None;
        match state.read.take() {
            Some(Read::Brought(bytes)) => {
                state.handed_over += bytes.len();
                bytes
            }
            // It may have moved something just before.
            Some(Read::InFlight { room }) => {
                let bytes = state.bring(room);
                state.handed_over += bytes.len();
                bytes
            }
            None => Vec::new(),
        }
    }
}

impl Drop for ScriptedReceive {
    fn drop(&mut self) {
        let mut state = self.wire.0.borrow_mut();
        assert!(
            std::thread::panicking() || !state.is_reading() || state.runtime.is_resetting(),
            "the receiving direction is dropped with a read in flight"
        );
        state.receive_dropped = true;
        state.read = None;
        let waker = state.read_waker.take();
        drop(state);
        drop(waker);
    }
}

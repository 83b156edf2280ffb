//! The sending direction.

use std::task::{Context, Poll};

use super::wire::{Wire, Write};
use crate::transport::{Outcome, Payload, SendHalf, Sent};

pub(super) struct ScriptedSend(pub(super) Wire);

impl SendHalf for ScriptedSend {
    fn send(&mut self, payload: Payload) {
        let mut state = self.0.0.borrow_mut();
        assert!(!payload.as_ref().is_empty(), "an empty payload is sent");
        assert!(state.write.is_none(), "a payload is sent while another is");
        assert!(!state.ended, "a payload is sent after the end");
        assert!(!state.broken_told, "a payload is sent after the direction was told to be broken");
        state.write = Some(Write { payload, credited: 0, landed: 0, in_flight: false });
    }

    fn poll_sent(&mut self, cx: Option<&mut Context<'_>>) -> Poll<Sent> {
        let state = &mut *self.0.0.borrow_mut();
        assert!(state.write.is_some(), "nothing is being sent");
        // One that was begun before may be found to have ended, before anybody is woken for it.
        let lands = !state.manner.slow || state.write.as_ref().is_some_and(|write| write.in_flight);
        if state.broken.is_some() {
            state.write = None;
            state.write_waker = None;
            state.broken_told = true;
            return Poll::Ready(Sent::Broken);
        }
        if lands {
            state.land();
        }
        let Some(write) = &mut state.write else { unreachable!("looked at above") };
        if write.landed > 0 {
            write.in_flight = false;
        }
        write.credited += std::mem::take(&mut write.landed);
        if write.untaken() == 0 {
            let payload = state.write.take().map(|write| write.payload);
            state.write_waker = None;
            return Poll::Ready(Sent::All(payload.expect("looked at above")));
        }
        write.in_flight = true;
        if let Some(cx) = cx {
            state.write_waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn unsent(&self) -> usize {
        let state = self.0.0.borrow();
        state.write.as_ref().map_or(0, |write| write.payload.as_ref().len() - write.credited)
    }

    fn in_flight(&self) -> bool {
        self.0.0.borrow().is_writing()
    }

    fn cancel(&mut self) {
        let mut state = self.0.0.borrow_mut();
        assert!(state.runtime.in_task(), "a write is cancelled in a call of the program");
        state.write = None;
        state.write_waker = None;
    }

    fn end(&mut self) {
        let mut state = self.0.0.borrow_mut();
        assert!(state.write.is_none(), "the direction is ended while a payload is being sent");
        assert!(!state.ended, "the direction is ended twice");
        state.ended = true;
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.0.0.borrow_mut();
        assert!(state.ended || state.broken_told, "the outcome is asked for before there can be one");
        if state.outcome_held {
            state.outcome_waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.outcome_waker = None;
        Poll::Ready(state.broken.clone().unwrap_or(Ok(())))
    }
}

impl Drop for ScriptedSend {
    fn drop(&mut self) {
        let mut state = self.0.0.borrow_mut();
        assert!(
            std::thread::panicking() || !state.is_writing() || state.runtime.is_resetting(),
            "the sending direction is dropped with a write in flight"
        );
        state.send_dropped = true;
        state.write = None;
        let wakers = (state.write_waker.take(), state.outcome_waker.take());
        drop(state);
        drop(wakers);
    }
}

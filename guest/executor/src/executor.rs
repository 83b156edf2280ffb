//! The run loop of a component-model task.
//!
//! One turn: the event that the host brings is delivered, then futures that are ready are polled until none is. A turn ends after
//! some polls even if futures are ready still, so that the host gets its turn and other tasks theirs.

use std::rc::Rc;
use std::sync::Arc;

use crate::futures::{BoxFuture, Futures};
use crate::task_state::TaskState;

/// After how many turns all events that are there are taken in one. Between, the host brings them one by one, those of the lowest
/// handles first: under load those of high handles would wait for ever. Taking them costs a call of the host at least.
const TURNS_PER_SWEEP: u32 = 8;

/// How many futures that no event has woken are polled in a turn. The host notices what has happened outside only in its turn:
/// with many futures that always have something to do, whoever waits for the host would wait for all of them.
const POLLS_PER_TURN: usize = 8;

const EVENT_NONE: u32 = 0;
const EVENT_CANCELLED: u32 = 6;

/// What the host brings.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) kind: u32,
    pub(crate) waitable: u32,
    pub(crate) code: u32,
}

impl Event {
    /// Nothing has happened: a task begins, or goes on after it has yielded.
    pub(crate) const NONE: Self = Self { kind: EVENT_NONE, waitable: 0, code: 0 };
}

/// What the host is to do next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// End the task.
    Exit,
    /// Go on after every other task that can run has had a turn.
    Yield,
    /// Go on when there is an event in this set.
    Wait(u32),
}

impl Next {
    pub(crate) fn encode(self) -> u32 {
        match self {
            Self::Exit => 0,
            Self::Yield => 1,
            Self::Wait(set) => 2 | set << 4,
        }
    }
}

/// A task's futures and what they wait for.
pub(crate) struct Executor {
    state: Rc<TaskState>,
    futures: Futures,
    /// The key of the future that answers, until it has done so or was cancelled.
    root: Option<usize>,
    /// Keys that are being polled; kept for its memory.
    round: Vec<usize>,
    turns_since_sweep: u32,
}

impl Executor {
    pub(crate) fn new() -> Self {
        let state = Rc::<TaskState>::default();
        let futures = Futures::new(Arc::clone(&state.queue));
        Self { state, futures, root: None, round: Vec::new(), turns_since_sweep: 0 }
    }

    /// Begins a task, whose first turn is to follow. Before, there was none, or it has ended.
    pub(crate) fn begin(&mut self, root: BoxFuture) {
        // Wakers of the task before that were called when it had ended.
        self.state.later.borrow_mut().clear();
        self.poll_ready(usize::MAX);
        self.turns_since_sweep = 0;
        self.root = Some(self.futures.insert(root));
    }

    /// Goes on with the task. After [`Next::Exit`] nothing is left of it.
    pub(crate) fn turn(&mut self, event: Event) -> Next {
        let state = Rc::clone(&self.state);
        state.enter(|| self.entered(event))
    }

    /// Has the host bring an event at once, after it has resumed those who were to be resumed before. To yield instead would have it
    /// look for events outside first, which is a call of the system.
    pub(crate) fn one_more_turn(&self) -> Next {
        let next = self.rest();
        self.state.queue.resume();
        next
    }

    /// How many futures there were at a time.
    pub(crate) fn most_futures(&self) -> usize {
        self.futures.most()
    }

    fn entered(&mut self, event: Event) -> Next {
        self.state.queue.begin_turn();
        if !self.state.later.borrow().is_empty() {
            // Who gave way goes on after everything else that can: also after what has happened meanwhile.
            self.sweep();
            for waker in self.state.later.take() {
                waker.wake();
            }
        }
        match event.kind {
            EVENT_NONE => {}
            EVENT_CANCELLED => {
                if let Some(root) = self.root.take() {
                    self.futures.remove(root);
                }
            }
            _ => self.deliver(event.waitable, event.code),
        }
        self.turns_since_sweep += 1;
        let mut swept = false;
        let mut left = POLLS_PER_TURN;
        loop {
            self.add_spawned();
            left -= self.poll_ready(left);
            let ready = !self.state.queue.is_empty();
            if ready && left > 0 {
                continue;
            }
            if !swept && (ready || self.turns_since_sweep >= TURNS_PER_SWEEP) {
                swept = true;
                if self.sweep() {
                    // Again in the next turn, as long as that finds anything; and what it has woken now.
                    continue;
                }
                self.turns_since_sweep = 0;
            }
            return self.next(ready);
        }
    }

    /// What is to come, with futures that are ready or none.
    fn next(&self, ready: bool) -> Next {
        if ready {
            return Next::Yield;
        }
        if self.futures.is_empty() && self.state.waitables.is_empty() {
            self.state.waitables.clear();
            return Next::Exit;
        }
        if !self.state.later.borrow().is_empty() {
            return Next::Yield;
        }
        self.rest()
    }

    fn rest(&self) -> Next {
        let set = self.state.waitables.set();
        self.state.queue.rest(set);
        Next::Wait(set)
    }

    /// Delivers all events that are there. Returns whether there were any.
    fn sweep(&mut self) -> bool {
        let mut any = false;
        while let Some((_, waitable, code)) = self.state.waitables.poll() {
            any = true;
            self.deliver(waitable, code);
        }
        any
    }

    fn deliver(&self, waitable: u32, code: u32) {
        let state = &*self.state;
        if !state.queue.takes_event(waitable) {
            state.queue.deliver(|| state.waitables.deliver(waitable, code));
        }
    }

    /// Polls all futures that an event has woken, and at most `count` of the others, those that have been ready for longest;
    /// each once. Returns how many of the others.
    fn poll_ready(&mut self, count: usize) -> usize {
        let mut round = std::mem::take(&mut self.round);
        let others = self.state.queue.take(count, &mut round);
        for key in round.drain(..) {
            if self.futures.poll(key) && self.root == Some(key) {
                self.root = None;
            }
            self.add_spawned();
        }
        self.round = round;
        others
    }

    fn add_spawned(&mut self) {
        if self.state.spawned.borrow().is_empty() {
            return;
        }
        for future in self.state.spawned.take() {
            self.futures.insert(future);
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // The state may be kept by others, but its set is of no use any more.
        self.state.queue.close();
        self.state.waitables.close();
    }
}

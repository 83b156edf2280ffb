//! What a reader and its connection share: the rules, and where data comes from.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::semantics::read_operations::ReadOperation;
use crate::semantics::reader_core::{ReaderCore, Waiter, Wake};

/// How many times in a row data may be there at once before the others get their turn: a peer that sends without end must not
/// starve them.
const FILLS_IN_A_ROW: u32 = 4;

/// After so many reads that had their answer at once the next gives way, if the runtime says so.
const READS_IN_A_ROW: u32 = 32;

/// Where a reader's data comes from.
pub(crate) trait Source {
    /// Who runs what is read.
    fn runtime(&self) -> &'static dyn Runtime;

    /// Takes what arrived over to the reader, waiting for it. Ready means that the reader was told something.
    fn poll_fill(self: Rc<Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// The task that waited in [`Source::poll_fill`] goes away.
    fn withdraw_fill(&self);

    /// `transport.pause_reading`.
    fn pause_reading(&self);

    /// `transport.resume_reading`.
    fn resume_reading(&self);
}

/// A reader's state.
pub(crate) struct ReaderState {
    core: RefCell<ReaderCore>,
    /// Where data is pulled from; none for a reader that is fed by hand.
    source: OnceCell<Weak<dyn Source>>,
    /// What is paused when too much was fed by hand.
    transport: OnceCell<Weak<dyn Source>>,
    /// The transport was paused by this reader.
    paused: Cell<bool>,
    /// How many times in a row data was there at once.
    filled_at_once: Cell<u32>,
    /// How many reads in a row had their answer at once.
    answered_at_once: Cell<u32>,
    /// How many reads let others run before they begin.
    giving_way: Cell<u32>,
}

impl ReaderState {
    /// `limit` is in bytes.
    pub(crate) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self {
            core: RefCell::new(ReaderCore::new(limit)),
            source: OnceCell::new(),
            transport: OnceCell::new(),
            paused: Cell::default(),
            filled_at_once: Cell::default(),
            answered_at_once: Cell::default(),
            giving_way: Cell::default(),
        })
    }

    /// Has data pulled from `source` from now on. A reader belongs to one connection for good.
    pub(crate) fn attach(&self, source: &Weak<dyn Source>) {
        self.source.get_or_init(|| source.clone());
        self.transport.get_or_init(|| source.clone());
    }

    /// `StreamReader.set_transport`.
    pub(crate) fn set_transport(&self, transport: Weak<dyn Source>) -> Result<()> {
        let set = self.transport.set(transport);
        set.map_err(|_| Error::Assertion("Transport already set".into()))
    }

    /// The buffer and its state. Not to be held while anything waits or is woken.
    pub(crate) fn core(&self) -> RefMut<'_, ReaderCore> {
        self.core.borrow_mut()
    }

    /// Changes the state, and then wakes who is to be told.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut ReaderCore) -> Wake) {
        let wake = change(&mut self.core());
        wake.now();
    }

    /// `StreamReader.feed_data`: above twice the limit the transport is paused.
    pub(crate) fn feed_data(&self, data: &[u8]) -> Result<()> {
        let (wake, full) = {
            let mut core = self.core();
            let wake = core.feed_data(data)?;
            (wake, !data.is_empty() && core.buffered().len() > core.limit().saturating_mul(2))
        };
        wake.now();
        if full
            && !self.paused.get()
            && let Some(transport) = self.transport.get().and_then(Weak::upgrade)
        {
            transport.pause_reading();
            self.paused.set(true);
        }
        Ok(())
    }

    /// Lets a transport that this reader paused go on if no more than the limit is buffered.
    fn resume_below_limit(&self) {
        if self.paused.get() {
            let below = {
                let core = self.core();
                core.buffered().len() <= core.limit()
            };
            if below {
                self.resume();
            }
        }
    }

    /// Lets a transport that this reader paused go on.
    fn resume(&self) {
        if self.paused.replace(false)
            && let Some(transport) = self.transport.get().and_then(Weak::upgrade)
        {
            transport.resume_reading();
        }
    }

    /// Runs a read until it has answered.
    ///
    /// # Cancel safety
    /// Yes: what a read that is given up had taken goes back.
    pub(crate) async fn run<O: ReadOperation>(&self, operation: O) -> Result<Vec<u8>> {
        Begin { state: self, gives_way: false }.await;
        let mut waited = false;
        let mut running = Running { state: self, operation };
        let mut step = running.operation.begin(&mut self.core());
        let answer = loop {
            if let Some(answer) = step.transpose() {
                break answer;
            }
            let stored = self.core().exception().cloned();
            if let (Some(_), Some(error)) = (self.source.get(), stored) {
                // Stored since the wait was ended by data. Of a reader that is fed by hand CPython waits on: something may be
                // fed; but a connection that is lost brings nothing more.
                break running.operation.fail(error, &mut self.core());
            }
            let waiter = self.core().begin_wait(O::NAME)?;
            self.resume();
            waited = true;
            let source = self.source.get().and_then(Weak::upgrade);
            if let Err(error) = (Wait { state: self, source, waiter }).await {
                break running.operation.fail(error, &mut self.core());
            }
            step = running.operation.step(&mut self.core());
        };
        self.answered_at_once.set(if waited { 0 } else { self.answered_at_once.get().saturating_add(1) });
        if running.operation.resumes(answer.is_ok()) {
            self.resume_below_limit();
        }
        answer
    }
}

/// What a read does before it begins: lets everything else run, if many have had their answer at once, or if one before it does so,
/// since reads begin in their order.
struct Begin<'a> {
    state: &'a ReaderState,
    gives_way: bool,
}

impl Future for Begin<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let state = self.state;
        let first = state.giving_way.get() == 0;
        if self.gives_way || first && state.answered_at_once.get() < READS_IN_A_ROW {
            return Poll::Ready(());
        }
        state.answered_at_once.set(0);
        let Some(source) = state.source.get().and_then(Weak::upgrade) else { return Poll::Ready(()) };
        let runtime = source.runtime();
        if first && !runtime.gives_way() {
            return Poll::Ready(());
        }
        state.giving_way.set(state.giving_way.get() + 1);
        self.gives_way = true;
        runtime.wake_later(cx.waker());
        Poll::Pending
    }
}

impl Drop for Begin<'_> {
    fn drop(&mut self) {
        if self.gives_way {
            self.state.giving_way.set(self.state.giving_way.get() - 1);
        }
    }
}

/// An operation under way; dropped before it has answered, it gives back what it had taken.
struct Running<'a, O: ReadOperation> {
    state: &'a ReaderState,
    operation: O,
}

impl<O: ReadOperation> Drop for Running<'_, O> {
    fn drop(&mut self) {
        self.operation.cancel(&mut self.state.core());
    }
}

/// Waits until the reader is told something, pulling data meanwhile if it has a source.
struct Wait<'a> {
    state: &'a ReaderState,
    source: Option<Rc<dyn Source>>,
    waiter: Rc<Waiter>,
}

impl Future for Wait<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some(outcome) = self.waiter.take_outcome() {
                return Poll::Ready(outcome);
            }
            let Some(source) = &self.source else {
                self.waiter.set_waker(cx.waker());
                return Poll::Pending;
            };
            if self.state.filled_at_once.get() >= FILLS_IN_A_ROW {
                self.state.filled_at_once.set(0);
                cx.waker().wake_by_ref();
                self.waiter.set_waker(cx.waker());
                return Poll::Pending;
            }
            if source.clone().poll_fill(cx).is_ready() {
                self.state.filled_at_once.set(self.state.filled_at_once.get() + 1);
                continue;
            }
            self.state.filled_at_once.set(0);
            // Set only now, so that what this itself has told the reader wakes nobody in vain.
            self.waiter.set_waker(cx.waker());
            if !self.waiter.has_outcome() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            if self.state.core().is_awaited_by_another(&self.waiter) {
                // It began to wait after this one was woken. CPython forgets it, and it waits for ever; what a connection brings
                // would never reach it, and it would never stop pulling.
                return;
            }
            source.withdraw_fill();
        }
        self.state.core().end_wait();
    }
}

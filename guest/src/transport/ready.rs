//! A queue of tokens to another component: which readers and servers are worth trying again.

#![expect(unsafe_code, reason = "the other component reads our buffer while a write is in flight")]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use wit_bindgen::rt::async_support::{StreamVtable, StreamWriter};

use super::background;
use super::progress::{BLOCKED, Ended};
use super::task;
use super::waitable::Waitable;

/// The sending end of the queue. While `in_flight` is set, the host may read `flight`, which nobody touches then.
pub(crate) struct ReadyQueue {
    /// None when it is dropped.
    state: RefCell<Option<Sending>>,
    /// A future of the task that stays sends.
    sends: Cell<bool>,
    /// Wakes it.
    sender: RefCell<Option<Waker>>,
    /// Wakes the queue itself when a write has ended.
    waker: Waker,
}

struct Sending {
    writes: Waitable,
    stream: StreamWriter<u32>,
    vtable: &'static StreamVtable<u32>,
    in_flight: bool,
    flight: Vec<u32>,
    sent: usize,
    queued: Vec<u32>,
    /// Nobody reads the tokens any more.
    broken: bool,
}

impl ReadyQueue {
    /// A queue into `stream`, whose intrinsics are those of `vtable`.
    pub(crate) fn new(stream: StreamWriter<u32>, vtable: &'static StreamVtable<u32>) -> Rc<Self> {
        let sending = Sending {
            writes: Waitable::new(stream.handle()),
            stream,
            vtable,
            in_flight: false,
            flight: Vec::new(),
            sent: 0,
            queued: Vec::new(),
            broken: false,
        };
        Rc::new_cyclic(|queue: &std::rc::Weak<Self>| {
            let queue = queue.clone();
            Self {
                state: RefCell::new(Some(sending)),
                sends: Cell::default(),
                sender: RefCell::default(),
                waker: waker(move || {
                    if let Some(queue) = queue.upgrade() {
                        queue.send_soon();
                    }
                }),
            }
        })
    }

    /// Has `token` come out.
    pub(crate) fn push(self: &Rc<Self>, token: u32) {
        if let Some(state) = &mut *self.state.borrow_mut() {
            state.queued.push(token);
        }
        self.send_soon();
    }

    /// A waker that has `token` come out, each time it is woken.
    pub(crate) fn waker(self: &Rc<Self>, token: u32) -> Waker {
        let queue = Rc::downgrade(self);
        waker(move || {
            if let Some(queue) = queue.upgrade() {
                queue.push(token);
            }
        })
    }

    /// Sends now, or with what else is pushed in this turn of the task that stays.
    fn send_soon(self: &Rc<Self>) {
        if !task::keeper_runs() {
            return self.send();
        }
        if self.sends.replace(true) {
            // Without a waker it is yet to be polled.
            return self.sender.borrow().iter().for_each(Waker::wake_by_ref);
        }
        let queue = Rc::downgrade(self);
        wit_bindgen::spawn_local(poll_fn(move |cx| {
            let Some(queue) = queue.upgrade() else { return Poll::Ready(()) };
            queue.sender.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            queue.send();
            Poll::Pending
        }));
    }

    fn send(&self) {
        // Reached again from within only through the waker of a write that has ended, which the loop finds.
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        let Some(state) = &mut *state else { return };
        loop {
            if state.in_flight {
                let Poll::Ready(code) = state.writes.poll(&Context::from_waker(&self.waker)) else { return };
                state.in_flight = false;
                state.finish(Ended::decode(code));
            }
            state.flight.drain(..state.sent);
            state.sent = 0;
            state.flight.append(&mut state.queued);
            if state.flight.is_empty() || state.broken {
                return;
            }
            let (tokens, count) = (state.flight.as_ptr().cast(), state.flight.len());
            // SAFETY: the handle is ours and has nothing in flight. `flight` is not touched until the write has ended, and `Drop`
            // keeps it alive longer than the stream.
            let code = unsafe { (state.vtable.start_write)(state.stream.handle(), tokens, count) };
            if code == BLOCKED {
                state.in_flight = true;
            } else {
                state.finish(Ended::decode(code));
            }
        }
    }
}

impl Sending {
    fn finish(&mut self, ended: Ended) {
        self.sent = (self.sent + ended.count).min(self.flight.len());
        self.broken |= ended.dropped;
    }
}

impl Drop for ReadyQueue {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            // It ends.
            sender.wake();
        }
        let sending = self.state.take();
        if let Some(sending) = sending.filter(|sending| sending.in_flight) {
            // In a synchronous export, which must not call what may block.
            if !task::runs() {
                background::spawn(async { drop(sending) });
            }
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.in_flight {
            self.writes.withdraw();
            // SAFETY: the handle is ours and has a write in flight that belongs to no waitable set any more. A task runs, and
            // the other end is in a component, not in the host, so this does not block it for long.
            unsafe { (self.vtable.cancel_write)(self.stream.handle()) };
        }
    }
}

/// A waker of something that is not `Send`. Wakers must be; but there are no threads in a component.
fn waker(wake: impl Fn() + 'static) -> Waker {
    struct Local<F>(F, Cell<bool>);
    // SAFETY: a component instance has one thread, so nothing is ever sent or shared. Natively none of this runs: there are no
    // streams to make a queue of.
    unsafe impl<F> Send for Local<F> {}
    // SAFETY: as above.
    unsafe impl<F> Sync for Local<F> {}
    impl<F: Fn() + 'static> Wake for Local<F> {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            // Not from within itself.
            if !self.1.replace(true) {
                self.0();
                self.1.set(false);
            }
        }
    }
    Arc::new(Local(wake, Cell::new(false))).into()
}

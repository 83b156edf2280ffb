//! Work that goes on between calls: sending what was written, and ending what was closed.
//!
//! Bytes that a program writes must leave as soon as it rests in anything, also in something that has nothing to do with this
//! crate; but not before, or each of many small answers would be a segment of its own. So `write` leaves a note here, and
//! one future, the *pump*, follows the notes up once the program has come to rest.
//!
//! In a program the pump is spawned in the program's own task when there is something to do: it is polled after
//! all else there that is ready. It ends soon, so that it never keeps a program from ending. In a component, calls come
//! and go and synchronous exports have no task at all, so there the pump stays ([`make_resident`]) in the task of the first
//! asynchronous call. A program that calls from another component is suspended in each asynchronous call, even if that
//! answers at once, so the pump yields before it sends: wasmtime resumes a task that yields after every other that can run.
//!
//! In a task of wit-bindgen's the pump also lingers for a turn now and then after an event. That executor takes one event a
//! turn, and wasmtime hands out that of the lowest handle first: under load the others would starve. If it is told to go
//! on, it looks for further events before it rests. The executor of `wasyncio-executor` does so by itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasyncio_core::runtime::{Flush, Runtime, Task};

use crate::task;

/// How many polls of the pump are a turn of wit-bindgen's executor: it polls a future that wakes itself a second time before it
/// looks around.
const LINGER_POLLS: u8 = 2;

/// After how many events the pump lingers: a turn costs a system call.
const LINGER_EVENTS: usize = 8;

/// So many bytes count as another event: when much is sent, those of the highest handles would wait for ever.
const EVENT_BYTES: usize = 512;

/// The runtime of the task that calls.
pub fn runtime() -> &'static dyn Runtime {
    struct Component;
    impl Runtime for Component {
        fn spawn(&self, task: Task) {
            spawn(task);
        }

        fn flush_soon(&self, unsent: Rc<dyn Flush>) {
            NOTES.with(|notes| notes.unsent.borrow_mut().push(unsent));
            wake();
        }

        fn wake_later(&self, waker: &Waker) {
            if !wasyncio_executor::give_way(waker) {
                yield_to_host(waker.clone());
            }
        }
    }
    &Component
}

#[derive(Default)]
struct Notes {
    unsent: RefCell<Vec<Rc<dyn Flush>>>,
    tasks: RefCell<Vec<Task>>,
    /// How to wake the pump, while it waits.
    pump: RefCell<Option<Waker>>,
    spawned: Cell<bool>,
    /// The pump stays: this is a component.
    resident: Cell<bool>,
    /// How many polls the pump still lingers for.
    linger: Cell<u8>,
    /// How many events there were since it was last told to.
    events: Cell<usize>,
    /// The pump has yielded since the last note was followed up.
    yielded: Cell<bool>,
}

thread_local! {
    static NOTES: Notes = Notes::default();
}

/// Has `waker` woken after a turn of the host, in a task of wit-bindgen's.
fn yield_to_host(waker: Waker) {
    let mut polls = LINGER_POLLS;
    spawn(Box::pin(poll_fn(move |cx| {
        if polls == 0 {
            waker.wake_by_ref();
            return Poll::Ready(());
        }
        polls -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
}

/// Runs `task` in the task that runs now, or in that of the pump.
pub fn spawn(task: Task) {
    if task::runs() {
        wit_bindgen::spawn_local(task);
    } else {
        NOTES.with(|notes| notes.tasks.borrow_mut().push(task));
        wake();
    }
}

/// Has the task that was just told of an event look for more of them before it rests, if it is time to. `moved` is how many items
/// the event was about.
pub(crate) fn look_for_more(moved: usize) {
    if wasyncio_executor::is_fair() {
        return;
    }
    let elsewhere = NOTES.with(|notes| {
        notes.events.set(notes.events.get() + 1 + moved / EVENT_BYTES);
        if notes.events.get() < LINGER_EVENTS {
            return true;
        }
        notes.events.set(0);
        let elsewhere = notes.resident.get() && !task::resident_runs();
        if !elsewhere {
            notes.linger.set(LINGER_POLLS);
        }
        elsewhere
    });
    if !elsewhere {
        wake();
    }
}

/// Keeps the pump running for good, in the task that runs now: that of a component's first asynchronous call.
pub fn make_resident() {
    if NOTES.with(|notes| notes.resident.replace(true)) {
        return;
    }
    task::make_current_resident();
    wake();
}

fn wake() {
    NOTES.with(|notes| {
        if let Some(pump) = notes.pump.take() {
            pump.wake();
        } else if !notes.spawned.get() && task::runs() {
            notes.spawned.set(true);
            wit_bindgen::spawn_local(poll_fn(|cx| NOTES.with(|notes| notes.pump(cx))));
        }
    });
}

impl Notes {
    fn pump(&self, cx: &Context<'_>) -> Poll<()> {
        for task in self.tasks.take() {
            wit_bindgen::spawn_local(task);
        }
        if !self.resident.get() {
            self.flush();
            if self.lingers(cx) {
                return Poll::Pending;
            }
            self.spawned.set(false);
            return Poll::Ready(());
        }
        if self.lingers(cx) {
            return Poll::Pending;
        }
        if !self.unsent.borrow().is_empty() && !self.yielded.replace(true) {
            if wasyncio_executor::give_way(cx.waker()) {
                return Poll::Pending;
            }
            self.linger.set(LINGER_POLLS);
            if self.lingers(cx) {
                return Poll::Pending;
            }
        }
        self.yielded.set(false);
        self.flush();
        *self.pump.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Has the pump polled again, if it is to linger.
    fn lingers(&self, cx: &Context<'_>) -> bool {
        let Some(left) = self.linger.get().checked_sub(1) else { return false };
        self.linger.set(left);
        cx.waker().wake_by_ref();
        true
    }

    fn flush(&self) {
        for unsent in self.unsent.take() {
            unsent.flush_written();
        }
    }
}

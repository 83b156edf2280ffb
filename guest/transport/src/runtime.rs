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
//! A task of wit-bindgen's, in which a program may run, is also told to linger for a turn now and then after an event. That
//! executor takes one event a turn, and wasmtime hands out that of the lowest handle first: under load the others would
//! starve. If it is told to go on, it looks for further events before it rests. The executor of `wasyncio-executor`, in whose
//! tasks components run, does so by itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasyncio_core::runtime::{Flush, Runtime, Task};
use wasyncio_executor::{give_way, is_fair};

use crate::task;

/// How many polls of a future are a turn of wit-bindgen's executor: it polls a future that wakes itself a second time before it
/// looks around.
const LINGER_POLLS: u8 = 2;

/// After how many events a task lingers: a turn costs a system call.
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
            if !give_way(waker) {
                let waker = waker.clone();
                spawn(Box::pin(async move {
                    linger().await;
                    waker.wake();
                }));
            }
        }

        // In a component, where every read is a call of another, the host looks for what has happened outside only when the program
        // rests: else a peer that sends without end would have the program for itself as long as what has arrived from it lasts,
        // which is thousands of lines.
        fn gives_way(&self) -> bool {
            NOTES.with(|notes| notes.resident.get())
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
    /// How many events there were since a task was last told to linger.
    events: Cell<usize>,
    /// The pump has yielded since the last note was followed up.
    yielded: Cell<bool>,
}

thread_local! {
    static NOTES: Notes = Notes::default();
}

/// Waits for a turn of the host, in a task of wit-bindgen's.
async fn linger() {
    let mut polls = LINGER_POLLS;
    poll_fn(move |cx| {
        if polls == 0 {
            return Poll::Ready(());
        }
        polls -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
    if is_fair() {
        return;
    }
    let events = NOTES.with(|notes| notes.events.get()) + 1 + moved / EVENT_BYTES;
    let due = events >= LINGER_EVENTS;
    NOTES.with(|notes| notes.events.set(if due { 0 } else { events }));
    if due {
        spawn(Box::pin(linger()));
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
        let resident = self.resident.get();
        if resident && !self.unsent.borrow().is_empty() && !self.yielded.replace(true) && give_way(cx.waker()) {
            return Poll::Pending;
        }
        self.yielded.set(false);
        for unsent in self.unsent.take() {
            unsent.flush_written();
        }
        if !resident {
            self.spawned.set(false);
            return Poll::Ready(());
        }
        self.pump.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

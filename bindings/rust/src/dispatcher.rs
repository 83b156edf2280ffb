//! Waking whoever waits for a token, from the one stream of all of them.
//!
//! The stream is read by a task of its own, which runs while there is anything to wait for, and ends then, so that it does not
//! keep the program from ending. Whenever it has woken somebody, and those have had their turn, it has what they wrote cross
//! the boundary.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wit_bindgen::StreamResult;
use wit_bindgen::rt::async_support::StreamReader;

use crate::generated::wasyncio::streams::{fast, server, streams};
use crate::link::Link;

/// How many tokens are taken at once.
const BATCH: usize = 256;

/// A place where one task at a time waits.
pub(crate) struct Token {
    number: u32,
}

#[derive(Default)]
struct Dispatcher {
    queue: RefCell<Option<fast::ReadyQueue>>,
    tokens: RefCell<Option<StreamReader<u32>>>,
    /// Who waits, by the numbers of the tokens.
    places: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<u32>>,
    /// How many places have somebody waiting.
    waiting: Cell<usize>,
    running: Cell<bool>,
    /// Wakes the task that reads the tokens, to look again.
    task: RefCell<Option<Waker>>,
    /// Who has something to be sent when the program rests.
    unsent: RefCell<Vec<Rc<Link>>>,
    /// A task follows `unsent` up that reads no tokens.
    flushing: Cell<bool>,
}

thread_local! {
    static DISPATCHER: Dispatcher = Dispatcher::default();
}

impl Token {
    /// A token for a reader.
    pub(crate) fn of_reader(reader: &streams::StreamReader) -> Self {
        let token = Self::new();
        with_queue(|queue| queue.watch_reader(reader, token.number));
        token
    }

    /// A token for a server.
    pub(crate) fn of_server(server: &server::Server) -> Self {
        let token = Self::new();
        with_queue(|queue| queue.watch_server(server, token.number));
        token
    }

    fn new() -> Self {
        DISPATCHER.with(|dispatcher| {
            let number = dispatcher.free.borrow_mut().pop().unwrap_or_else(|| {
                let mut places = dispatcher.places.borrow_mut();
                places.push(None);
                places.len() as u32 - 1
            });
            Self { number }
        })
    }

    /// Whether somebody waits here.
    pub(crate) fn is_awaited(&self) -> bool {
        with_place(self.number, |place| place.is_some()).unwrap_or(false)
    }

    /// Has the task woken when the token comes out. To be called when what it stands for was asked for in vain: one that came
    /// out before says nothing.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let waited = with_place(self.number, |place| place.replace(cx.waker().clone()).is_some());
        if waited == Some(false) {
            DISPATCHER.with(|dispatcher| dispatcher.waiting.set(dispatcher.waiting.get() + 1));
        }
        run();
    }

    /// Nobody waits any more.
    pub(crate) fn withdraw(&self) {
        if with_place(self.number, |place| place.take().is_some()) == Some(true) {
            DISPATCHER.with(|dispatcher| {
                dispatcher.waiting.set(dispatcher.waiting.get().saturating_sub(1));
                if dispatcher.waiting.get() == 0
                    && let Some(task) = dispatcher.task.take()
                {
                    task.wake();
                }
            });
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.withdraw();
        DISPATCHER.with(|dispatcher| dispatcher.free.borrow_mut().push(self.number));
    }
}

/// Has `link` flushed when the program rests.
pub(crate) fn flush_soon(link: Rc<Link>) {
    DISPATCHER.with(|dispatcher| {
        dispatcher.unsent.borrow_mut().push(link);
        if dispatcher.running.get() {
            // It looks when those have run that are ready now. Where it is at work, it will look by itself.
            if let Some(task) = dispatcher.task.take() {
                task.wake();
            }
        } else if !wasyncio_executor::runs() {
            // A synchronous export: there is nothing that comes later.
            dispatcher.flush();
        } else if !dispatcher.flushing.replace(true) {
            wit_bindgen::spawn_local(async {
                DISPATCHER.with(|dispatcher| {
                    dispatcher.flushing.set(false);
                    dispatcher.flush();
                });
            });
        }
    });
}

/// Has everything cross that was collected.
pub(crate) fn flush() {
    DISPATCHER.with(Dispatcher::flush);
}

impl Dispatcher {
    fn flush(&self) {
        for link in self.unsent.take() {
            link.flush_noted();
        }
    }
}

/// Lets everything else that is ready run first.
async fn one_turn() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn with_place<R>(number: u32, act: impl FnOnce(&mut Option<Waker>) -> R) -> Option<R> {
    DISPATCHER.with(|dispatcher| dispatcher.places.borrow_mut().get_mut(number as usize).map(act))
}

fn with_queue(act: impl FnOnce(&fast::ReadyQueue)) {
    DISPATCHER.with(|dispatcher| {
        let mut queue = dispatcher.queue.borrow_mut();
        let queue = queue.get_or_insert_with(|| {
            let queue = fast::ReadyQueue::new();
            dispatcher.tokens.replace(queue.tokens());
            queue
        });
        act(queue);
    });
}

/// Has the tokens read, unless they are.
fn run() {
    DISPATCHER.with(|dispatcher| {
        if !dispatcher.running.replace(true)
            && let Some(tokens) = dispatcher.tokens.take()
        {
            wit_bindgen::spawn_local(dispatch(tokens));
        }
    });
}

/// Reads tokens while anybody waits for one.
async fn dispatch(mut tokens: StreamReader<u32>) {
    let mut batch = Vec::with_capacity(BATCH);
    while DISPATCHER.with(|dispatcher| dispatcher.waiting.get()) > 0 {
        let mut reading = pin!(tokens.read(batch));
        let (result, read) = poll_fn(|cx| {
            if let Poll::Ready(read) = reading.as_mut().poll(cx) {
                return Poll::Ready(read);
            }
            DISPATCHER.with(|dispatcher| {
                dispatcher.flush();
                if dispatcher.waiting.get() == 0 {
                    return Poll::Ready(reading.as_mut().cancel());
                }
                dispatcher.task.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
                Poll::Pending
            })
        })
        .await;
        batch = read;
        for number in batch.drain(..) {
            wake(number);
        }
        if result == StreamResult::Dropped {
            break;
        }
        // Most of those who were woken write, and wait again.
        one_turn().await;
    }
    DISPATCHER.with(|dispatcher| {
        dispatcher.tokens.replace(Some(tokens));
        dispatcher.running.set(false);
        dispatcher.task.take();
        dispatcher.flush();
    });
    // Somebody may have come to wait while this was ending.
    if DISPATCHER.with(|dispatcher| dispatcher.waiting.get()) > 0 {
        run();
    }
}

fn wake(number: u32) {
    if let Some(Some(waker)) = with_place(number, Option::take) {
        DISPATCHER.with(|dispatcher| dispatcher.waiting.set(dispatcher.waiting.get().saturating_sub(1)));
        waker.wake();
    }
}

//! Waking whoever waits for a token, from the one stream of all of them.
//!
//! The stream is read by a task of its own, which runs while there is anything to wait for, and ends then, so that it does not
//! keep the program from ending. What the readers of the tokens that have come out have is asked for in one call. Whenever
//! those who wait for it have been woken, and have had their turn, what they wrote and what they wait for next crosses the
//! boundary in another.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wit_bindgen::StreamResult;
use wit_bindgen::rt::async_support::StreamReader;

use crate::Error;
use crate::generated::wasyncio::streams::{fast, server, streams};
use crate::link::Link;
use crate::long::Bytes;
use crate::places::{Answer, Found, Places, Wish};
use crate::question::{self, Outcome, Question, Told};
use crate::streamed::{STREAMED, Streams};

/// How many tokens are taken at once.
const BATCH: usize = 256;

/// From how many tokens at once on it pays to ask for all of them in one call.
const MANY: usize = 3;

/// A place where one task at a time waits.
pub(crate) struct Token {
    number: u32,
}

#[derive(Default)]
struct Dispatcher {
    queue: RefCell<Option<fast::ReadyQueue>>,
    /// What many bytes cross in.
    streams: RefCell<Option<Streams>>,
    tokens: RefCell<Option<StreamReader<u32>>>,
    places: RefCell<Places>,
    running: Cell<bool>,
    /// Wakes the task that reads the tokens, to look again.
    task: RefCell<Option<Waker>>,
    /// Who has something to be sent when the program rests.
    unsent: RefCell<Vec<Rc<Link>>>,
    /// What is asked for at once; kept for its memory.
    batch: RefCell<Batch>,
    /// A task follows `unsent` up that reads no tokens.
    flushing: Cell<bool>,
}

/// A question, and who asks: with the token, and what was written on its connection.
#[derive(Default)]
struct Batch {
    question: Question,
    asked: Vec<(u32, Option<Rc<Link>>, Option<Bytes>)>,
}

const REFUSED: Told<'static> = Told { outcome: Outcome::Refused, wants_drain: true, more: true };

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
        Self { number: with_places(Places::add) }
    }

    /// Whether somebody waits here.
    pub(crate) fn is_awaited(&self) -> bool {
        with_places(|places| places.is_awaited(self.number))
    }

    /// Whether bytes have come that nobody has taken.
    pub(crate) fn has_bytes(&self) -> bool {
        with_places(|places| places.has_bytes(self.number))
    }

    /// Has the task woken when the token comes out, or what is wished for with it. To be called when it was asked for in vain: a
    /// token that came out before says nothing.
    pub(crate) fn wait(&self, cx: &Context<'_>, wish: Option<Wish>) {
        with_places(|places| places.wait(self.number, cx, wish, true));
        run();
    }

    /// Has the wish asked for as soon as the program rests, and the task woken when it has come.
    pub(crate) fn ask(&self, cx: &Context<'_>, wish: Wish) {
        with_places(|places| places.wait(self.number, cx, Some(wish), false));
        look();
        run();
    }

    /// What has come for the task that waits.
    pub(crate) fn find(&self, cx: &Context<'_>) -> Found {
        with_places(|places| places.find(self.number, cx))
    }

    /// Takes what has come and was not found yet.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        with_places(|places| places.take_answer(self.number))
    }

    /// Nobody waits any more. Gives whether it was not even asked for what was waited for.
    pub(crate) fn withdraw(&self) -> bool {
        let (unasked, any) = with_places(|places| (places.withdraw(self.number), places.has_waiting()));
        if !any {
            look();
        }
        unasked
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.withdraw();
        with_places(|places| places.remove(self.number));
    }
}

/// Has `link` flushed when the program rests.
pub(crate) fn flush_soon(link: Rc<Link>) {
    DISPATCHER.with(|dispatcher| {
        dispatcher.unsent.borrow_mut().push(link);
        if dispatcher.running.get() {
            look();
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
        self.exchange();
        for link in self.unsent.take() {
            link.flush_noted();
        }
    }

    /// Asks for all that is wished for, with what was written there.
    fn exchange(&self) {
        let mut batch = self.batch.take();
        self.places.borrow_mut().ask_all(|token, wish| {
            let mut given = wish.link.as_ref().and_then(|link| link.give());
            let (size, words) = given.as_mut().map_or((0, [].as_slice()), |given| (given.len() as u32, given.words()));
            batch.question.push(token, wish.request, size, words);
            batch.asked.push((token, wish.link.clone(), given));
        });
        if !batch.asked.is_empty() {
            let queue = self.queue.borrow();
            let answer = queue.as_ref().map(|queue| queue.exchange(batch.question.words())).unwrap_or_default();
            drop(queue);
            let mut rest = answer.as_slice();
            for (token, link, given) in batch.asked.drain(..) {
                // Where there is no answer, it is asked for again.
                let told = question::told(&mut rest).unwrap_or(REFUSED);
                self.hear(token, told, link.as_deref(), given);
            }
            batch.question.clear();
        }
        self.batch.replace(batch);
    }

    /// The component's queue sends its next tokens when it is asked for something, if there are only readers that are fed by hand.
    fn ask_for_nothing(&self) {
        if let Some(queue) = &*self.queue.borrow() {
            queue.exchange(&[]);
        }
    }

    /// Passes on what a reader and its writer were told.
    fn hear(&self, token: u32, told: Told<'_>, link: Option<&Link>, given: Option<Bytes>) {
        if let Some(link) = link
            && let Some(given) = given
        {
            if told.outcome == Outcome::Refused {
                link.take_back(given);
            } else {
                link.gave(given, told.wants_drain);
            }
        }
        let answer = match told.outcome {
            Outcome::Waits => return,
            Outcome::Read(bytes) => Some(Answer { bytes: bytes.to_vec(), more: told.more }),
            Outcome::Alone | Outcome::Refused => None,
        };
        self.places.borrow_mut().answer(token, answer);
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

fn with_places<R>(act: impl FnOnce(&mut Places) -> R) -> R {
    DISPATCHER.with(|dispatcher| act(&mut dispatcher.places.borrow_mut()))
}

fn with_queue<R>(act: impl FnOnce(&fast::ReadyQueue) -> R) -> R {
    DISPATCHER.with(|dispatcher| {
        let mut queue = dispatcher.queue.borrow_mut();
        let queue = queue.get_or_insert_with(|| {
            let queue = fast::ReadyQueue::new();
            dispatcher.tokens.replace(queue.tokens());
            dispatcher.streams.replace(Streams::of(&queue));
            queue
        });
        act(queue)
    })
}

/// Calls a function of the queue that takes bytes.
pub(crate) fn give<R>(mut bytes: Bytes, call: impl FnOnce(&fast::ReadyQueue, &fast::Chunk) -> R) -> R {
    with_queue(|queue| {
        DISPATCHER.with(|dispatcher| match &mut *dispatcher.streams.borrow_mut() {
            Some(streams) if bytes.len() >= STREAMED => streams.give(bytes, |chunk| call(queue, chunk)),
            _ => call(queue, &bytes.take()),
        })
    })
}

/// Writes on the reader's connection and reads, in one call. The answer is not in a stream any more.
pub(crate) fn exchange(
    reader: &streams::StreamReader,
    data: Bytes,
    request: fast::Request,
) -> Result<fast::Exchanged, Error> {
    let mut exchanged = give(data, |queue, data| queue.exchange_one(reader, data, request))?;
    if let Some(fast::Chunk::Streamed(length)) = exchanged.answer {
        let taken = DISPATCHER.with(|dispatcher| {
            dispatcher.streams.borrow_mut().as_mut().map(|streams| streams.take(length)).transpose()
        });
        exchanged.answer = taken?.map(fast::Chunk::Short);
    }
    Ok(exchanged)
}

/// Has the task that reads the tokens look when those have run that are ready now. Where it is at work, it will by itself.
fn look() {
    let task = DISPATCHER.with(|dispatcher| dispatcher.task.take());
    if let Some(task) = task {
        task.wake();
    }
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
    while with_places(|places| places.has_waiting()) {
        let mut reading = pin!(tokens.read(batch));
        let (result, read) = poll_fn(|cx| {
            if let Poll::Ready(read) = reading.as_mut().poll(cx) {
                return Poll::Ready(read);
            }
            DISPATCHER.with(|dispatcher| {
                dispatcher.flush();
                if !dispatcher.places.borrow().has_waiting() {
                    return Poll::Ready(reading.as_mut().cancel());
                }
                dispatcher.task.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
                Poll::Pending
            })
        })
        .await;
        batch = read;
        let many = batch.len() >= MANY;
        let mut ignored = !batch.is_empty();
        with_places(|places| batch.drain(..).for_each(|number| ignored &= !places.come_out(number, many)));
        DISPATCHER.with(|dispatcher| if ignored { dispatcher.ask_for_nothing() } else { dispatcher.exchange() });
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
    if with_places(|places| places.has_waiting()) {
        run();
    }
}

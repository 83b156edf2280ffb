//! Who waits for which token, and for what.

use std::task::{Context, Waker};

use std::rc::Rc;

use crate::generated::wasyncio::streams::fast;
use crate::link::Link;

/// What a read that waits asks for.
pub(crate) struct Wish {
    pub(crate) request: fast::Request,
    /// What its program has written leaves with the question.
    pub(crate) link: Option<Rc<Link>>,
}

/// What came for a read while its task did not run.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// The next read may find something without waiting.
    pub(crate) more: bool,
}

/// What a task finds that waits.
pub(crate) enum Found {
    /// Nothing yet.
    Nothing,
    Answer(Answer),
    /// It has to ask by itself.
    Question,
}

/// All places, by the numbers of their tokens.
#[derive(Default)]
pub(crate) struct Places {
    places: Vec<Place>,
    free: Vec<u32>,
    /// How many places have somebody waiting who was not woken.
    waiting: usize,
    /// Who is to be asked for. May name places that have nobody any more.
    asking: Vec<u32>,
}

/// Where one task at a time waits.
#[derive(Default)]
struct Place {
    waiter: Option<Waiter>,
    answer: Option<Answer>,
}

struct Waiter {
    waker: Waker,
    /// None for a server.
    wish: Option<Wish>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The wish goes with the next exchange.
    Asking,
    /// It was asked for in vain: the token will come out.
    Watching,
    /// It was woken, and is here until it is polled or dropped.
    Woken,
}

impl Places {
    /// A place of its own.
    pub(crate) fn add(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        })
    }

    /// Gives a place back.
    pub(crate) fn remove(&mut self, number: u32) {
        self.withdraw(number);
        self.take_answer(number);
        self.free.push(number);
    }

    /// Whether anybody waits who was not woken.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Whether somebody waits here, woken or not.
    pub(crate) fn is_awaited(&self, number: u32) -> bool {
        self.places.get(number as usize).is_some_and(|place| place.waiter.is_some())
    }

    /// Whether bytes are here that nobody has taken.
    pub(crate) fn has_bytes(&self, number: u32) -> bool {
        let answer = self.places.get(number as usize).and_then(|place| place.answer.as_ref());
        answer.is_some_and(|answer| !answer.bytes.is_empty())
    }

    /// Has the task wait here, in the place of whoever does. Either the next exchange asks, or the token comes out, since it was
    /// asked in vain.
    pub(crate) fn wait(&mut self, number: u32, cx: &Context<'_>, wish: Option<Wish>, asked: bool) {
        let Some(place) = self.places.get_mut(number as usize) else { return };
        let stage = if asked { Stage::Watching } else { Stage::Asking };
        let before = place.waiter.replace(Waiter { waker: cx.waker().clone(), wish, stage });
        if before.is_none_or(|before| before.stage == Stage::Woken) {
            self.waiting += 1;
        }
        if !asked {
            self.asking.push(number);
        }
    }

    /// What the task that waits here finds when it is polled. With an answer it waits no more.
    pub(crate) fn find(&mut self, number: u32, cx: &Context<'_>) -> Found {
        let Some(place) = self.places.get_mut(number as usize) else { return Found::Question };
        if let Some(answer) = place.answer.take() {
            self.withdraw(number);
            return Found::Answer(answer);
        }
        match &mut place.waiter {
            Some(waiter) if waiter.stage != Stage::Woken => {
                waiter.waker.clone_from(cx.waker());
                Found::Nothing
            }
            _ => Found::Question,
        }
    }

    /// Nobody waits here any more. Gives whether it was not even asked for what was waited for.
    pub(crate) fn withdraw(&mut self, number: u32) -> bool {
        let waiter = self.places.get_mut(number as usize).and_then(|place| place.waiter.take());
        let Some(waiter) = waiter else { return false };
        if waiter.stage != Stage::Woken {
            self.waiting = self.waiting.saturating_sub(1);
        }
        waiter.stage == Stage::Asking
    }

    /// Takes what came and was not found yet; whoever it came for has to ask by itself.
    pub(crate) fn take_answer(&mut self, number: u32) -> Option<Answer> {
        self.places.get_mut(number as usize)?.answer.take()
    }

    /// A token has come out: it is asked again in an exchange of `many`, or whoever waits is woken. False if nobody waits for it.
    pub(crate) fn come_out(&mut self, number: u32, many: bool) -> bool {
        let waiter = self.places.get_mut(number as usize).and_then(|place| place.waiter.as_mut());
        let Some(waiter) = waiter.filter(|waiter| waiter.stage == Stage::Watching) else { return false };
        if many && waiter.wish.is_some() {
            waiter.stage = Stage::Asking;
            self.asking.push(number);
        } else {
            self.wake(number);
        }
        true
    }

    /// Calls `ask` for each wish that is to be asked for, with its token.
    pub(crate) fn ask_all(&mut self, mut ask: impl FnMut(u32, &Wish)) {
        let places = &mut self.places;
        for number in self.asking.drain(..) {
            let waiter = places.get_mut(number as usize).and_then(|place| place.waiter.as_mut());
            if let Some(Waiter { wish: Some(wish), stage, .. }) = waiter
                && *stage == Stage::Asking
            {
                *stage = Stage::Watching;
                ask(number, wish);
            }
        }
    }

    /// What came for whoever waits, or nothing: it has to ask by itself.
    pub(crate) fn answer(&mut self, number: u32, answer: Option<Answer>) {
        if let Some(place) = self.places.get_mut(number as usize) {
            place.answer = answer;
            self.wake(number);
        }
    }

    fn wake(&mut self, number: u32) {
        let waiter = self.places.get_mut(number as usize).and_then(|place| place.waiter.as_mut());
        if let Some(waiter) = waiter
            && waiter.stage != Stage::Woken
        {
            waiter.stage = Stage::Woken;
            self.waiting = self.waiting.saturating_sub(1);
            waiter.waker.wake_by_ref();
        }
    }
}

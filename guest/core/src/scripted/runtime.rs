//! A deterministic executor.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use slab::Slab;

use crate::runtime::{Flush, Runtime, Task};

/// After so many polls without rest something wakes itself for ever.
const MOST_POLLS: usize = 10_000;

/// Runs tasks in the order in which they were woken, when the test says so.
#[derive(Default)]
pub struct ScriptedRuntime {
    tasks: RefCell<Slab<Entry>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
    later: RefCell<Vec<Waker>>,
    unsent: RefCell<Vec<Rc<dyn Flush>>>,
    in_task: Cell<bool>,
    resetting: Cell<bool>,
    gives_way: Cell<bool>,
    /// The wakers of tasks that have ended.
    ended: RefCell<Vec<Arc<TaskWaker>>>,
}

struct Entry {
    /// None while it is polled.
    task: Option<Task>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    key: usize,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.key) {
            ready.push_back(self.key);
        }
    }
}

impl ScriptedRuntime {
    /// A runtime that lives as long as the process, as connections want it: make one a thread, and [`reset`](Self::reset) it.
    pub fn leaked() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Polls the tasks that are ready, and those that get ready meanwhile. Whether there were any.
    ///
    /// # Panics
    /// If they never rest.
    pub fn run_ready(&self) -> bool {
        let mut polls = 0;
        while let Some(key) = self.next_ready() {
            let taken =
                self.tasks.borrow_mut().get_mut(key).and_then(|entry| Some((entry.task.take()?, entry.waker.clone())));
            let Some((mut task, handle)) = taken else { continue };
            polls += 1;
            assert!(polls < MOST_POLLS, "a spawned task wakes itself without end");
            let waker = Waker::from(handle);
            self.in_task.set(true);
            let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
            self.in_task.set(false);
            if polled.is_pending() {
                self.tasks.borrow_mut()[key].task = Some(task);
            } else {
                drop(task);
                let entry = self.tasks.borrow_mut().remove(key);
                self.ended.borrow_mut().push(entry.waker);
            }
        }
        polls > 0
    }

    fn next_ready(&self) -> Option<usize> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Everything that was ready has had its turn: wakes who waited for that. Whether anybody did.
    pub fn turn(&self) -> bool {
        let later = self.later.take();
        let any = !later.is_empty();
        later.into_iter().for_each(Waker::wake);
        any
    }

    /// The program rests: has what was written flushed. Whether there was anything.
    pub fn flush(&self) -> bool {
        let unsent = self.unsent.take();
        let any = !unsent.is_empty();
        unsent.into_iter().for_each(Flush::flush_written);
        any
    }

    /// Does all this until nothing is left to do.
    pub fn rest(&self) {
        while self.run_ready() || self.turn() || self.flush() {}
    }

    /// Has connections give way after many reads.
    pub fn give_way(&self) {
        self.gives_way.set(true);
    }

    /// Whether a spawned task is being polled.
    pub fn in_task(&self) -> bool {
        self.in_task.get()
    }

    /// How many spawned tasks have not ended.
    pub fn tasks(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// How many tasks have ended and could still be woken: somebody keeps a waker that nobody needs.
    pub fn leaked_wakers(&self) -> usize {
        let mut ended = self.ended.borrow_mut();
        ended.retain(|waker| Arc::strong_count(waker) > 1);
        ended.len()
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.resetting.set(true);
        drop((self.tasks.take(), self.later.take(), self.unsent.take()));
        // What was dropped may have begun something again.
        drop((self.tasks.take(), self.later.take(), self.unsent.take(), self.ended.take()));
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.in_task.set(false);
        self.resetting.set(false);
    }

    /// What is dropped now is dropped with whatever is in flight.
    pub(super) fn is_resetting(&self) -> bool {
        self.resetting.get()
    }
}

impl Runtime for ScriptedRuntime {
    fn spawn(&self, task: Task) {
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let waker = Arc::new(TaskWaker { key: entry.key(), ready: self.ready.clone() });
        entry.insert(Entry { task: Some(task), waker: waker.clone() });
        waker.wake();
    }

    fn flush_soon(&self, unsent: Rc<dyn Flush>) {
        self.unsent.borrow_mut().push(unsent);
    }

    fn wake_later(&self, waker: &Waker) {
        self.later.borrow_mut().push(waker.clone());
    }

    fn gives_way(&self) -> bool {
        self.gives_way.get()
    }
}

//! The threads that workers run on: each is made once, with its runtime, and runs one instance after the other.
//!
//! A replacement so needs no descriptor and no thread that was not there before, and a panic ends a run, not its thread.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Runtime;

use crate::{Error, Result};

type Job = Box<dyn FnOnce(&Runtime) + Send>;

/// A thread with a runtime. It ends, once its run has, when this is dropped.
pub(super) struct Thread(mpsc::Sender<Job>);

/// Threads that have nothing to run.
#[derive(Default)]
pub(super) struct Threads {
    free: Vec<Thread>,
    /// How many there are, with those that run something.
    made: usize,
}

impl Threads {
    /// Gives `count` threads, of which at most as many are made as is needed to have `most` in all.
    ///
    /// # Errors
    /// [`Error::Engine`] if the system does not give so many, or there would be more than `most`.
    pub(super) fn take(&mut self, count: usize, most: usize) -> Result<Vec<Thread>> {
        while self.free.len() < count {
            if self.made >= most {
                let message = format!("{} threads of earlier generations have not ended", self.made - self.free.len());
                return Err(Error::Engine { source: message.into() });
            }
            let number = self.made;
            self.free.push(Thread::start(number).map_err(|error| {
                let message = format!("thread {} of {count} for workers cannot be started: {error}", number + 1);
                Error::Engine { source: message.into() }
            })?);
            self.made += 1;
        }
        Ok(self.free.split_off(self.free.len() - count))
    }

    /// Takes back a thread that has nothing to run any more.
    pub(super) fn give_back(&mut self, thread: Thread) {
        self.free.push(thread);
    }
}

impl Thread {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (send, jobs) = mpsc::channel::<Job>();
        let work = move || {
            while let Ok(job) = jobs.recv() {
                job(&runtime);
            }
            // Files that are still being read must not keep the thread.
            runtime.shutdown_background();
        };
        thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
        Ok(Self(send))
    }

    /// Runs `run` on this thread, after whatever it runs now, and hands its result to `done`; if it panics, with what. Drops
    /// both if the thread is gone.
    pub(super) fn run<T>(
        &self,
        run: impl FnOnce(&Runtime) -> T + Send + 'static,
        done: impl FnOnce(std::result::Result<T, String>) + Send + 'static,
    ) {
        let job: Job = Box::new(move |runtime| {
            // Whatever the run held is dropped with it, so nothing broken is seen afterwards.
            let result = catch_unwind(AssertUnwindSafe(|| run(runtime)));
            done(result.map_err(|panic| message(panic.as_ref())));
        });
        // The thread catches all panics of runs, so that it is there as long as this is.
        _ = self.0.send(job);
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_of<T: Send + 'static>(
        thread: &Thread,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> std::result::Result<T, String> {
        let (send, receive) = mpsc::channel();
        thread.run(move |_| run(), move |result| send.send(result).expect("the test waits"));
        receive.recv_timeout(std::time::Duration::from_secs(30)).expect("it ran")
    }

    #[test]
    fn a_thread_outlives_a_panic_and_is_used_again() {
        let mut threads = Threads::default();
        let thread = threads.take(1, 1).unwrap().remove(0);
        let first = result_of(&thread, || thread::current().id()).unwrap();
        let panicked: std::result::Result<(), _> = result_of(&thread, || panic!("a test of {}", "panics"));
        assert_eq!(panicked, Err("a test of panics".to_owned()));
        threads.give_back(thread);
        let thread = threads.take(1, 1).unwrap().remove(0);
        assert_eq!(result_of(&thread, || thread::current().id()), Ok(first));
    }

    #[test]
    fn there_are_no_more_threads_than_that() {
        let mut threads = Threads::default();
        let held = threads.take(2, 3).unwrap();
        let error = threads.take(2, 3).err().expect("only one is left");
        assert!(error.to_string().contains("2 threads of earlier generations have not ended"), "{error}");
        held.into_iter().for_each(|thread| threads.give_back(thread));
        assert_eq!(threads.take(3, 3).unwrap().len(), 3);
    }
}

//! What a connection needs beside its transport: somebody who runs things.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

/// A future to be run beside the program.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Something with bytes to send.
pub trait Flush {
    /// Sends what can be sent without waiting.
    fn flush_written(self: Rc<Self>);
}

/// Runs futures in the one thread that there is.
pub trait Runtime {
    /// Runs `task` beside the program. May be called at any time, also where no task runs.
    fn spawn(&self, task: Task);

    /// Has `unsent` flushed once the program has come to rest: what it writes until then leaves together.
    fn flush_soon(&self, unsent: Rc<dyn Flush>);

    /// Has `waker` woken after everything else that is ready has had its turn: asyncio's `sleep(0)`.
    fn wake_later(&self, waker: &Waker);

    /// Whether a connection of which many reads in a row had their answer at once lets everything else run before the next begins.
    /// asyncio's goes on at once.
    fn gives_way(&self) -> bool {
        false
    }
}

//! What goes on without the program: sending what a socket did not take at once, and the end.
//!
//! A task of the session's own, which runs while there is such a thing. The end is CPython's: `close_notify` is sent, and the
//! peer's is waited for, all within the time for it. A peer that neither reads nor answers holds a connection up no longer.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::engine::{Engine, Incoming, Outgoing};
use super::session::{Inner, Phase, Session, wait};
use crate::wasi::tcp::bindings::types::ErrorCode;

/// How long the peer may take to hear of a failure, and how much of what it says is heard meanwhile: a connection that is closed
/// on bytes that were not read is reset, and what was sent last is lost.
const FAREWELL: Duration = Duration::from_secs(1);
const HEARD_AFTER_FAILURE: usize = 256 * 1024;

/// What the closing task knows.
pub(super) struct Closing {
    /// How long the end may take.
    timeout: Duration,
    /// The task runs.
    runs: bool,
    /// `close_notify` was said.
    said: bool,
    deadline: Option<Pin<Box<Sleep>>>,
    /// How much was heard after a failure.
    heard: usize,
}

impl Closing {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, runs: false, said: false, deadline: None, heard: 0 }
    }

    /// Whether the time is over, which begins with the first call.
    fn is_over(&mut self, time: Duration, context: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time)));
        deadline.as_mut().poll(context).is_ready()
    }
}

/// The shutdown has taken too long: CPython's words, for which `error-code` has none.
pub(super) const TIMED_OUT: &str = "SSL shutdown timed out";

impl Inner {
    /// Has the task run, or look again.
    pub(super) fn drive(&mut self, session: &Arc<Session>) {
        if mem::replace(&mut self.closing.runs, true) {
            if let Some(waker) = self.wakers.closing.take() {
                waker.wake();
            }
            return;
        }
        let session = Arc::clone(session);
        tokio::spawn(std::future::poll_fn(move |context| {
            let mut inner = session.lock();
            let driven = inner.poll_drive(context);
            if driven.is_ready() {
                inner.closing.runs = false;
                inner.closing.deadline = None;
            }
            driven
        }));
    }

    /// Goes as far as it can; ready when there is nothing to do.
    fn poll_drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        wait(&mut self.wakers.closing, context);
        match &mut self.phase {
            Phase::Setup { incoming, outgoing } => {
                if !self.reading && !self.writing {
                    (*incoming, *outgoing) = (Incoming::Ended, Outgoing::Ended);
                }
                Poll::Ready(())
            }
            // Who shakes hands sends, too, and tells of the failure.
            Phase::Handshake(_) => Poll::Ready(()),
            Phase::Failed(failure, engine) => {
                let code = failure.code();
                if let Some(engine) = engine {
                    std::task::ready!(poll_farewell(engine, &mut self.closing, context));
                }
                if let Phase::Failed(_, engine) = &mut self.phase {
                    *engine = None;
                }
                self.tell_sent(Err(code));
                self.wakers.wake_all();
                Poll::Ready(())
            }
            Phase::Open(_) => self.poll_open(context),
        }
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Phase::Open(engine) = &mut self.phase else { return Poll::Ready(()) };
        if !self.writing && !mem::replace(&mut self.closing.said, true) {
            engine.tls.send_close_notify();
        }
        let unsent = engine.tls.wants_write();
        let flushed = engine.poll_flush(context);
        if unsent {
            // For who takes it, and who waits to say more.
            self.wakers.wake_others();
        }
        match flushed {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(code)) => {
                self.broken.get_or_insert_with(|| code.clone());
                self.tell_sent(Err(code));
                if !self.reading {
                    self.close();
                }
                self.wakers.wake_others();
                return Poll::Ready(());
            }
            Poll::Pending => {
                // Who still takes and says things may wait as long as it likes.
                let ending = !self.reading || !self.writing;
                if ending && self.closing.is_over(self.closing.timeout, context) {
                    self.cut();
                    return Poll::Ready(());
                }
                return Poll::Pending;
            }
        }
        if self.writing {
            return Poll::Ready(());
        }
        // Nobody who has let go of everything, as `abort` does, is to wait for the peer.
        let awaits_answer =
            !self.reading && self.sent.as_mut().is_some_and(|sent| sent.poll_closed(context).is_pending());
        let Phase::Open(engine) = &mut self.phase else { return Poll::Ready(()) };
        if awaits_answer && poll_answer(engine, context).is_pending() {
            if self.closing.is_over(self.closing.timeout, context) {
                self.cut();
                return Poll::Ready(());
            }
            return Poll::Pending;
        }
        self.tell_sent(Ok(()));
        if self.reading {
            let Phase::Open(engine) = &mut self.phase else { return Poll::Ready(()) };
            engine.outgoing = Outgoing::Ended;
        } else {
            self.close();
        }
        self.wakers.wake_others();
        Poll::Ready(())
    }

    /// Lets go of the connection.
    fn close(&mut self) {
        if let Phase::Open(engine) = &mut self.phase {
            engine.outgoing = Outgoing::Ended;
            engine.incoming = Incoming::Ended;
        }
    }

    /// The end takes too long.
    fn cut(&mut self) {
        let code = ErrorCode::Other(Some(TIMED_OUT.to_owned()));
        self.broken = Some(code.clone());
        self.tell_sent(Err(code));
        self.close();
        self.wakers.wake_others();
    }

    fn tell_sent(&mut self, result: Result<(), ErrorCode>) {
        if let Some(sent) = self.sent.take() {
            // Fails if the program does not want to know.
            _ = sent.send(result);
        }
    }
}

impl super::session::Wakers {
    /// Wakes all but the closing task itself.
    fn wake_others(&mut self) {
        let own = self.closing.take();
        self.wake_all();
        self.closing = own;
    }
}

/// Hears the peer out, up to its own end.
fn poll_answer(engine: &mut Engine, context: &mut Context<'_>) -> Poll<()> {
    let mut unheard = [0; 4096];
    loop {
        match engine.read(&mut unheard) {
            Ok(Some(0)) | Err(_) => return Poll::Ready(()),
            Ok(Some(_)) => continue,
            Ok(None) => {}
        }
        if std::task::ready!(engine.poll_fill(context)).is_err() {
            return Poll::Ready(());
        }
    }
}

/// Has the peer hear why the session has failed, as far as it listens.
fn poll_farewell(engine: &mut Engine, closing: &mut Closing, context: &mut Context<'_>) -> Poll<()> {
    let over = closing.is_over(FAREWELL, context);
    if engine.poll_flush(context).is_pending() && !over {
        return Poll::Pending;
    }
    engine.outgoing = Outgoing::Ended;
    while let Incoming::Socket(receiving) = &mut engine.incoming {
        let mut unheard = [0; 4096];
        match receiving.poll_receive(context, &mut unheard) {
            Poll::Ready(Ok(count)) if count > 0 && closing.heard < HEARD_AFTER_FAILURE => closing.heard += count,
            Poll::Pending if !over => return Poll::Pending,
            _ => engine.incoming = Incoming::Ended,
        }
    }
    Poll::Ready(())
}

//! Ending, by `close`, by `abort`, by an error; and the driver, which does what has to wait for the transport.
//!
//! The driver is one spawned task of a connection: it sends what the system did not take at once, and when the connection is
//! to end it ends what is in flight. It runs only while there is something to do, and looks at the phase each time
//! that it is polled; whoever changes the phase wakes it. So there is one place that leads a connection to its end.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::send_buffer::Progress;
use super::{Connection, Phase};
use crate::error::{Error, Result};
use crate::reader_state::Source;
use crate::semantics::reader_core::ReaderCore;
use crate::transport::TLS;

impl Connection {
    /// `transport.close`.
    pub(crate) fn close(self: &Rc<Self>) {
        if self.is_closing() {
            return;
        }
        self.flush();
        if let Some(error) = self.receive_rest() {
            self.lose(Some(error));
            return;
        }
        self.phase.set(Phase::Closing);
        self.writes_dropped.set(self.unsent() == 0);
        self.settle();
    }

    /// `transport.abort`.
    pub(crate) fn abort(self: &Rc<Self>) {
        self.lose(None);
    }

    /// Ends the connection at once, with the error that broke it if there is one: asyncio's `_force_close`.
    pub(crate) fn lose(self: &Rc<Self>, error: Option<Error>) {
        if matches!(self.phase.get(), Phase::Aborting | Phase::Lost) {
            return;
        }
        if let Some(sending) = self.sending.borrow_mut().as_mut() {
            sending.discard();
        }
        self.writes_dropped.set(true);
        self.phase.set(Phase::Aborting);
        if let Some(error) = error {
            self.cause.replace(Some(error.clone()));
            self.reader.tell(|core| core.set_exception(error));
        }
        self.settle();
    }

    /// Ends a connection that is closing or aborting: at once if nothing waits for the transport, else by the driver.
    fn settle(self: &Rc<Self>) {
        // A read that waits is told of the end, and of nothing that arrives before.
        self.withdraw_fill();
        let receiving = self.receiving.borrow().as_ref().is_some_and(|receiving| receiving.half.in_flight());
        let sending = self.sending.borrow().as_ref().is_some_and(|sending| {
            let unsent = self.phase.get() == Phase::Closing && (sending.len() > 0 || sending.is_broken());
            sending.half.in_flight() || unsent
        });
        let waits = self.phase.get() == Phase::Closing && self.waits_for_end();
        if receiving || sending || waits {
            self.drive();
        } else {
            self.finish();
        }
    }

    /// Has the driver run, and look at the phase.
    pub(super) fn drive(self: &Rc<Self>) {
        if self.driver_runs.replace(true) {
            if let Some(driver) = self.driver.take() {
                driver.wake();
            }
        } else {
            let connection = self.clone();
            self.runtime.spawn(Box::pin(poll_fn(move |cx| connection.poll_drive(cx))));
        }
    }

    fn poll_drive(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.phase.get() == Phase::Closing {
                // As CPython stops reading: a read in flight would take the reason from the write that a reset breaks.
                self.cancel_receiving();
            }
            // The phase behind it: who is woken there may be run at once, and close.
            let sending = self.poll_sending(cx);
            match (self.phase.get(), sending) {
                (Phase::Lost, _) => return Poll::Ready(()),
                (Phase::Aborting, _) => {
                    self.cancel_receiving();
                    if let Some(sending) = self.sending.borrow_mut().as_mut() {
                        sending.cancel();
                    }
                    self.finish();
                }
                (Phase::Open | Phase::Closing, Poll::Pending) => {
                    self.driver.replace(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
                (Phase::Open | Phase::Closing, Poll::Ready(Err(error))) => self.lose(Some(error)),
                (Phase::Open, Poll::Ready(Ok(()))) => {
                    self.driver_runs.set(false);
                    self.driver.take();
                    return Poll::Ready(());
                }
                (Phase::Closing, Poll::Ready(Ok(()))) => match self.poll_end(cx) {
                    Poll::Ready(Ok(())) => self.finish(),
                    Poll::Ready(Err(error)) => self.lose(Some(error)),
                    Poll::Pending => {
                        self.driver.replace(Some(cx.waker().clone()));
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    /// Sends on, and finds out why if it cannot. Not while aborting.
    fn poll_sending(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if matches!(self.phase.get(), Phase::Aborting | Phase::Lost) {
            return Poll::Pending;
        }
        let progress = match self.sending.borrow_mut().as_mut() {
            Some(sending) => sending.poll_flush(Some(cx)),
            None => Poll::Ready(Progress::Done),
        };
        self.progressed();
        match std::task::ready!(progress) {
            Progress::Done => Poll::Ready(Ok(())),
            Progress::Broken => {
                let outcome = match self.sending.borrow_mut().as_mut() {
                    Some(sending) => std::task::ready!(sending.poll_outcome(cx)),
                    None => Ok(()),
                };
                let error = outcome.map_or_else(|failure| self.error_of(failure), |()| Error::connection_lost());
                Poll::Ready(Err(error))
            }
        }
    }

    /// Whether closing has to wait for the peer. Directions that are being replaced have nothing to wait for.
    pub(super) fn waits_for_end(&self) -> bool {
        TLS && self.capabilities().waits_for_end && self.sending.borrow().is_some()
    }

    /// Everything was sent: ends the sending direction, and waits for the answer where there is one.
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.waits_for_end() {
            return Poll::Ready(Ok(()));
        }
        // Nothing is in flight. Nobody listens any more: the transport may hear the peer out by itself.
        drop(self.receiving.take());
        let mut sending = self.sending.borrow_mut();
        let Some(sending) = sending.as_mut() else { return Poll::Ready(Ok(())) };
        sending.end();
        sending.poll_outcome(cx).map_err(|failure| self.error_of(failure))
    }

    /// The connection is gone: asyncio's `connection_lost`. Nothing is in flight.
    fn finish(&self) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        self.receiving.take();
        self.sending.take();
        self.info().connection_lost();
        self.tell_everybody();
    }

    /// The directions were taken, and go on elsewhere: here it is over, without an error.
    pub(super) fn taken(&self) {
        self.phase.set(Phase::Lost);
        self.tell_everybody();
    }

    /// The connection is lost: whoever waits for it, or for anything on it, is told, each once.
    fn tell_everybody(&self) {
        self.writes_dropped.set(true);
        let cause = self.cause.borrow().clone();
        if cause.is_none() {
            // An error was told when it came.
            self.reader.tell(ReaderCore::feed_eof);
        }
        self.resumed.take();
        self.drainers.answer(&cause.map_or(Ok(()), Err));
        self.closed.wake();
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
        drop(self.membership.take());
    }

    /// `StreamWriter.wait_closed`.
    pub(crate) async fn wait_closed(&self) -> Result<()> {
        self.closed
            .wait(|| (self.phase.get() == Phase::Lost).then(|| self.cause.borrow().clone().map_or(Ok(()), Err)))
            .await
    }
}

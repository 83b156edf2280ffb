//! Ending: by `close`, by `abort`, by an error. All ways lead through [`Connection::finish`], once.

use std::rc::Rc;

use super::{Connection, Phase};
use crate::error::{Error, OsError, Result};
use crate::transport::background;
use crate::transport::inbound::Inbound;
use crate::transport::tcp;

/// How a connection is to end.
enum End {
    /// What was written is sent first.
    Sent,
    /// At once, with the error that broke it if there is one.
    Cut(Option<Error>),
}

impl Connection {
    /// `transport.close`.
    pub(crate) fn close(self: &Rc<Self>) {
        if self.is_closing() {
            return;
        }
        self.flush();
        self.phase.set(Phase::Closing);
        self.writes_dropped.set(self.unsent() == 0);
        self.shut(End::Sent);
    }

    /// `transport.abort`.
    pub(crate) fn abort(self: &Rc<Self>) {
        self.lose(None);
    }

    /// The connection broke while receiving.
    pub(super) fn fail(self: &Rc<Self>, code: &tcp::ErrorCode) {
        let error = self.error_of(Err(code.clone()));
        // Deferred: the directions are borrowed while this is called.
        let connection = self.clone();
        self.phase.set(Phase::Closing);
        self.writes_dropped.set(true);
        if let Some(error) = &error {
            self.reader.core().set_exception(error.clone());
        }
        background::spawn(async move { connection.lose(error) });
    }

    /// Ends the connection at once, with the error that broke it if there is one: asyncio's `_force_close`.
    pub(crate) fn lose(self: &Rc<Self>, error: Option<Error>) {
        if self.phase.get() == Phase::Lost {
            return;
        }
        if let Some(outbound) = self.outbound.borrow_mut().as_mut() {
            outbound.discard();
        }
        self.writes_dropped.set(true);
        self.phase.set(Phase::Closing);
        self.shut(End::Cut(error));
    }

    /// Lets go of both directions, at once if nothing is in flight, else in the background.
    fn shut(self: &Rc<Self>, end: End) {
        let receiving = self.inbound.borrow().as_ref().is_some_and(Inbound::in_flight);
        let sending = self.outbound.borrow().as_ref().is_some_and(|out| match end {
            End::Sent => out.in_flight() || out.len() > 0 || out.is_broken(),
            End::Cut(_) => out.in_flight(),
        });
        if receiving || sending {
            background::spawn(self.clone().shut_slowly(end));
        } else {
            self.finish(match end {
                End::Sent => None,
                End::Cut(error) => error,
            });
        }
    }

    async fn shut_slowly(self: Rc<Self>, end: End) {
        let gracefully = matches!(end, End::Sent);
        if gracefully {
            // A background sender that runs already goes on; it wakes `closers`.
            self.flush();
            self.closers
                .wait(|| (self.is_broken() || self.unsent() == 0 || self.phase.get() == Phase::Lost).then_some(()))
                .await;
        }
        if self.phase.get() == Phase::Lost {
            return;
        }
        if let Some(mut inbound) = self.inbound.take() {
            inbound.cancel();
        }
        let mut error = match end {
            End::Sent => None,
            End::Cut(error) => error,
        };
        if let Some(mut outbound) = self.outbound.take() {
            outbound.cancel();
            if gracefully && outbound.is_broken() {
                error = self.error_of(outbound.outcome().await).or_else(|| Some(Error::connection_lost()));
            }
        }
        self.finish(error);
    }

    /// The connection is gone: asyncio's `connection_lost`.
    pub(super) fn finish(&self, error: Option<Error>) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        self.inbound.take();
        self.outbound.take();
        self.writes_dropped.set(true);
        self.outcome.replace(error.clone());
        match error {
            Some(error) => self.reader.core().set_exception(error),
            None => self.reader.core().feed_eof(),
        }
        self.drainers.wake();
        self.closers.wake();
        if let Some((owner, number)) = self.owner.take()
            && let Some(owner) = owner.upgrade()
        {
            owner.connection_lost(number);
        }
    }

    /// `StreamWriter.wait_closed`.
    pub(crate) async fn wait_closed(self: &Rc<Self>) -> Result<()> {
        self.closers
            .wait(|| (self.phase.get() == Phase::Lost).then(|| self.outcome.borrow().clone().map_or(Ok(()), Err)))
            .await
    }

    pub(super) fn error_of(&self, outcome: tcp::Outcome) -> Option<Error> {
        let code = outcome.err()?;
        let error = OsError::new(tcp::kind_of(&code), tcp::describe(&code));
        Some(match self.info.peername {
            Some(peer) => error.at(peer).into(),
            None => error.into(),
        })
    }
}

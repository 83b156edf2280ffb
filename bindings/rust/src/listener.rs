//! A server of the imported component as a listener.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use wasyncio_core::Result;
use wasyncio_core::address::SocketAddress;
use wasyncio_core::runtime::Task;
use wasyncio_core::transport::{Halves, Listener};

use crate::connection::halves;
use crate::generated::{raw, server, types};

type Call<T> = Pin<Box<dyn Future<Output = std::result::Result<T, types::Error>>>>;

/// A server of the component, whose connections are taken as they are.
pub(crate) struct RemoteListener {
    server: Rc<server::Server>,
    listens: bool,
    starting: Option<Call<()>>,
    /// Calls in flight belong to this and not to whoever waits: an answer that came for somebody who has gone is for the next.
    accepting: Option<Call<Vec<raw::Connection>>>,
    accepted: VecDeque<raw::Connection>,
}

impl RemoteListener {
    /// `listens`: it was made so.
    pub(crate) fn new(server: server::Server, listens: bool) -> Self {
        let server = Rc::new(server);
        Self { server, listens, starting: None, accepting: None, accepted: VecDeque::new() }
    }
}

impl Listener for RemoteListener {
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.listens {
            let server = &self.server;
            let starting = self.starting.get_or_insert_with(|| {
                let server = server.clone();
                Box::pin(async move { server.start_serving().await })
            });
            let started = ready!(starting.as_mut().poll(cx));
            self.starting = None;
            started?;
            self.listens = true;
        }
        Poll::Ready(Ok(()))
    }

    fn addresses(&self) -> Vec<SocketAddress> {
        self.server.sockets().into_iter().filter_map(crate::convert::address).collect()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>> {
        loop {
            while let Some(connection) = self.accepted.pop_front() {
                // One that the component was told to end meanwhile has no directions any more.
                if let Ok((halves, _)) = halves(connection) {
                    return Poll::Ready(Some(halves));
                }
            }
            let server = &self.server;
            let accepting = self.accepting.get_or_insert_with(|| {
                let server = server.clone();
                Box::pin(async move { raw::accept(&server).await })
            });
            let accepted = ready!(accepting.as_mut().poll(cx));
            self.accepting = None;
            match accepted {
                Ok(accepted) => self.accepted.extend(accepted),
                Err(_) => return Poll::Ready(None),
            }
        }
    }

    fn withdraw(&mut self) {}

    fn close(self: Box<Self>) -> Option<Task> {
        self.server.close();
        if self.starting.is_none() && self.accepting.is_none() {
            return None;
        }
        // The server lives until the calls that borrow it have answered; closed, it has them answer.
        Some(Box::pin(async move {
            // What they have brought is of no interest any more, and is closed.
            if let Some(starting) = self.starting {
                drop(starting.await);
            }
            if let Some(accepting) = self.accepting {
                drop(accepting.await);
            }
        }))
    }
}

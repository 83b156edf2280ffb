//! The connections that a listening socket accepts, as wasmtime polls for them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, Resource, StreamProducer, StreamResult};

use super::connection::Connection;
use super::error::is_exhausted;
use super::listener::Listener;
use super::network::{Network, Permit, TooMany};
use super::options::{Family, Inherited};
use super::socket::TcpSocket;
use crate::run::state::State;

/// Accepts connections, each only when there is a permit for it: until then peers wait in the system's queue.
pub(super) struct Accepting {
    listener: Arc<Listener>,
    network: Arc<Network>,
    family: Family,
    inherited: Inherited,
    /// Waits for a permit, while there is none.
    waiting: Option<Pin<Box<dyn Future<Output = Permit> + Send>>>,
    /// Waits, after descriptors had run out, for some to be free again.
    pausing: Option<Pin<Box<Sleep>>>,
    /// Accepted by a check for readiness, and not taken yet.
    accepted: Option<TcpSocket>,
    /// Completes when the program is being stopped: nothing more is accepted.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// How long accepting pauses when descriptors have run out: as long as asyncio's, whose `ACCEPT_RETRY_DELAY` it is.
const PAUSE: Duration = Duration::from_secs(1);

impl Accepting {
    pub(super) fn new(listener: Arc<Listener>, network: Arc<Network>, family: Family, inherited: Inherited) -> Self {
        let closed = Box::pin(listener.closed());
        Self { listener, network, family, inherited, waiting: None, pausing: None, accepted: None, closed }
    }

    /// The next connection; `None` once there will be no more.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<TcpSocket>> {
        if let Some(accepted) = self.accepted.take() {
            return Poll::Ready(Some(accepted));
        }
        if self.closed.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        self.poll_accept(context).map(Some)
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<TcpSocket> {
        if let Some(pausing) = &mut self.pausing {
            ready!(pausing.as_mut().poll(context));
            self.pausing = None;
        }
        let permit = match self.network.try_permit() {
            Some(permit) => permit,
            None => {
                let network = &self.network;
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(Arc::clone(network).permit()));
                ready!(waiting.as_mut().poll(context))
            }
        };
        self.waiting = None;
        // If nobody is there to accept, the permit goes back, for others to use.
        let (accepted, of_peer) = loop {
            // Ends also if a peer connects without end: tokio has it give way to others.
            let accepted = ready!(self.listener.poll_accept(context));
            match accepted.as_ref().map(|(stream, peer)| self.network.count_peer(stream, *peer)) {
                Ok(Ok(of_peer)) => break (accepted, of_peer),
                // It is closed as it is dropped.
                Ok(Err(TooMany)) => {}
                Err(_) => break (accepted, None),
            }
        };
        let family = self.family;
        Poll::Ready(match accepted {
            Ok((stream, peer)) => {
                self.network.metrics.accepted();
                self.inherited.apply(family, &stream, self.network.max_buffer.is_some());
                let connection = Connection::accepted(stream, peer, permit.of_peer(of_peer));
                TcpSocket::connected(Arc::clone(&self.network), family, connection)
            }
            Err(error) if is_exhausted(&error) => {
                // The peer waits in the system's queue. Asking again at once would only make the program compute.
                self.network.exhausted(error);
                return self.pause(context);
            }
            Err(error) => {
                let code = super::options::accept_error(error);
                self.network.failed(&code);
                TcpSocket::failed(Arc::clone(&self.network), family, code)
            }
        })
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Poll<TcpSocket> {
        let pausing = self.pausing.insert(Box::pin(sleep(PAUSE)));
        // Has it wake the task; it is not over yet.
        _ = pausing.as_mut().poll(context);
        Poll::Pending
    }
}

impl StreamProducer<State> for Accepting {
    type Item = Resource<TcpSocket>;
    type Buffer = Option<Self::Item>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, State>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let check = destination.remaining(&mut store) == Some(0);
        let socket = match self.poll_next(context) {
            Poll::Ready(Some(socket)) => socket,
            // The program learns so that it is being stopped.
            Poll::Ready(None) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
        };
        if check {
            self.accepted = Some(socket);
        } else {
            destination.set_buffer(Some(store.data_mut().table.push(socket)?));
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

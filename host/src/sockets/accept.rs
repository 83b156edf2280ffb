//! The connections that a listening socket accepts, as wasmtime polls for them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, Resource, StreamProducer, StreamResult};

use super::error::{accept_error, is_exhausted};
use super::listener::Listener;
use super::network::{Network, Permit, TooMany};
use super::stream::Stream;
use crate::run::state::State;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// A kind of socket that a listening one makes of what it accepts.
pub(crate) trait Kind: Unpin + Send + 'static {
    /// What the program gets.
    type Socket: Unpin + Send + 'static;

    /// A connection was accepted, from `peer` if that has an address.
    fn connected(
        &self,
        network: &Arc<Network>,
        stream: Stream,
        peer: Option<SocketAddr>,
        permit: Permit,
    ) -> Self::Socket;

    /// A connection has failed before it could be accepted. None: it is passed over.
    fn failed(&self, network: &Arc<Network>, code: ErrorCode) -> Option<Self::Socket>;
}

/// Accepts connections, each only when there is a permit for it: until then peers wait in the system's queue.
pub(crate) struct Accepting<K: Kind> {
    listener: Arc<Listener>,
    network: Arc<Network>,
    kind: K,
    /// Waits for a permit, while there is none.
    waiting: Option<Pin<Box<dyn Future<Output = Permit> + Send>>>,
    /// Waits, after descriptors had run out, for some to be free again.
    pausing: Option<Pin<Box<Sleep>>>,
    /// Accepted by a check for readiness, and not taken yet.
    accepted: Option<K::Socket>,
    /// Completes when the program is being stopped: nothing more is accepted.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// How long accepting pauses when descriptors have run out: as long as asyncio's, whose `ACCEPT_RETRY_DELAY` it is.
const PAUSE: Duration = Duration::from_secs(1);

impl<K: Kind> Accepting<K> {
    pub(crate) fn new(listener: Arc<Listener>, network: Arc<Network>, kind: K) -> Self {
        let closed = Box::pin(listener.closed());
        Self { listener, network, kind, waiting: None, pausing: None, accepted: None, closed }
    }

    /// The next connection; `None` once there will be no more.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<K::Socket>> {
        if let Some(accepted) = self.accepted.take() {
            return Poll::Ready(Some(accepted));
        }
        if self.closed.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        self.poll_accept(context).map(Some)
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<K::Socket> {
        loop {
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
            match ready!(self.listener.poll_accept(context)) {
                Ok((stream, peer)) => {
                    let of_peer = match peer.map(|peer| self.network.count_peer(&stream, peer)) {
                        None => None,
                        Some(Ok(of_peer)) => of_peer,
                        // It is closed as it is dropped. If a peer connects without end, tokio has this give way to others.
                        Some(Err(TooMany)) => continue,
                    };
                    self.network.metrics.accepted();
                    let permit = permit.of_peer(of_peer);
                    return Poll::Ready(self.kind.connected(&self.network, stream, peer, permit));
                }
                Err(error) if is_exhausted(&error) => {
                    // The peer waits in the system's queue. Asking again at once would only make the program compute.
                    self.network.exhausted(error);
                    return self.pause(context);
                }
                Err(error) => {
                    let code = accept_error(error);
                    self.network.failed(&code);
                    if let Some(failed) = self.kind.failed(&self.network, code) {
                        return Poll::Ready(failed);
                    }
                }
            }
        }
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Poll<K::Socket> {
        let pausing = self.pausing.insert(Box::pin(sleep(PAUSE)));
        // Has it wake the task; it is not over yet.
        _ = pausing.as_mut().poll(context);
        Poll::Pending
    }
}

impl<K: Kind> StreamProducer<State> for Accepting<K> {
    type Item = Resource<K::Socket>;
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

//! The task that owns an instance's store, and makes the calls of all its handles.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, mpsc};
use wasmtime::Store;

use super::NAME;
use super::bindings::Embedding;
use super::garbage::Garbage;
use super::link::{Component, Instance, Request};
use super::unix::UnixFunctions;
use crate::Metrics;
use crate::run::meter::Computing;
use crate::run::runner::ended;
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::sockets::Network;

/// How many requests are taken before the calls that are under way have their turn.
const REQUESTS_AT_ONCE: usize = 64;

/// What the task has.
pub(super) struct Driver {
    pub(super) store: Store<State>,
    pub(super) guest: Embedding,
    pub(super) unix: Option<UnixFunctions>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) ending: Ending,
    pub(super) network: Arc<Network>,
    pub(super) ticker: Arc<Ticker>,
    pub(super) computing: Arc<Computing>,
    pub(super) metrics: Metrics,
    pub(super) linger: Duration,
}

impl Driver {
    /// Makes calls until there is no handle any more, the component has ended, or it is aborted.
    pub(super) async fn run(self) {
        let Self { mut store, guest, unix, mut requests, ending, network, ticker, computing, metrics, linger } = self;
        let unused = Notify::new();
        let calls = store.run_concurrent(async |accessor| {
            Calls::new(Component { accessor, guest: &guest, unix: unix.as_ref() }).run(&mut requests, &unused).await
        });
        let calls = ticker.while_polled(calls, || {
            computing.resumed();
            metrics.wakeups.inc();
        });
        // What was written is still sent. The time limit is around the event loop because one inside it may not fire.
        let unused = async {
            unused.notified().await;
            if tokio::time::timeout(linger, network.all_closed()).await.is_err() {
                tracing::debug!("{NAME} ended with {} connections after {linger:?}", network.open_connections());
            }
        };
        tokio::select! {
            biased;
            () = ending.0.abort.notified() => {}
            result = calls => {
                let Err(error) = result.flatten();
                metrics.traps.inc();
                ending.0.end(Some(ended(NAME, error)));
            }
            () = unused => {}
        }
    }
}

/// Tells everybody who waits that the instance has ended, if nothing else told them before: whatever becomes of the task, also if
/// it never begins.
pub(super) struct Ending(pub(super) Arc<Instance>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

/// The calls under way.
struct Calls<'a> {
    component: Component<'a>,
    calls: FuturesUnordered<BoxFuture<'a, wasmtime::Result<()>>>,
    garbage: Garbage,
}

impl<'a> Calls<'a> {
    fn new(component: Component<'a>) -> Self {
        Self { component, calls: FuturesUnordered::new(), garbage: Garbage::default() }
    }

    /// Makes the calls that are asked for. Notifies `unused` when nobody can ask any more. Ends with the component.
    async fn run(
        &mut self,
        requests: &mut mpsc::UnboundedReceiver<Request>,
        unused: &Notify,
    ) -> wasmtime::Result<Infallible> {
        poll_fn(|context| self.poll_until_unused(context, requests)).await?;
        unused.notify_one();
        // What is under way may end connections.
        poll_fn(|context| match self.poll_calls(context) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) => Poll::Pending,
        })
        .await
    }

    fn poll_until_unused(
        &mut self,
        context: &mut Context<'_>,
        requests: &mut mpsc::UnboundedReceiver<Request>,
    ) -> Poll<wasmtime::Result<()>> {
        let mut used = true;
        for taken in 0.. {
            if taken == REQUESTS_AT_ONCE {
                context.waker().wake_by_ref();
                break;
            }
            match requests.poll_recv(context) {
                Poll::Ready(Some(Request::Call(call))) => self.calls.push(call(self.component)),
                Poll::Ready(Some(Request::Free(resource))) => self.garbage.push(resource),
                Poll::Ready(None) => {
                    used = false;
                    break;
                }
                Poll::Pending => break,
            }
        }
        match self.poll_calls(context) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) if used => Poll::Pending,
            Ok(()) => Poll::Ready(Ok(())),
        }
    }

    /// Lets the calls go on, and frees what they do not use any more.
    fn poll_calls(&mut self, context: &mut Context<'_>) -> wasmtime::Result<()> {
        loop {
            while let Poll::Ready(Some(ended)) = self.calls.poll_next_unpin(context) {
                ended?;
                self.garbage.retry();
            }
            let ending = self.garbage.free(self.component)?;
            if ending.is_empty() {
                return Ok(());
            }
            self.calls.extend(ending);
        }
    }
}

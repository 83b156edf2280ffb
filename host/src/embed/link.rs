//! The way from a handle to the component: requests go through a channel to the task that owns the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, SetOnce, mpsc, oneshot};
use wasmtime::component::{Accessor, ResourceAny};

use super::unix::UnixFunctions;
use super::{NAME, StreamError, StreamResult, bindings};
use crate::run::runner::ended;
use crate::run::state::State;

/// A call under way, as a handle waits for it.
pub(super) type Call<T> = BoxFuture<'static, StreamResult<T>>;

/// The component, as the task that owns its store sees it.
#[derive(Clone, Copy)]
pub(super) struct Component<'a> {
    pub(super) accessor: &'a Accessor<State>,
    pub(super) guest: &'a bindings::Embedding,
    /// If it has Unix sockets.
    pub(super) unix: Option<&'a UnixFunctions>,
}

/// Makes a call. The future fails only if the component has ended by that.
pub(super) type MakeCall = Box<dyn for<'a> FnOnce(Component<'a>) -> BoxFuture<'a, wasmtime::Result<()>> + Send>;

/// What is asked of the task that owns the store.
pub(super) enum Request {
    Call(MakeCall),
    /// Free a resource that has no handle any more.
    Free(Resource),
}

/// A resource of the component, as handles and the task that owns the store know it.
#[derive(Clone)]
pub(super) struct Resource {
    pub(super) resource: ResourceAny,
    pub(super) kind: ResourceKind,
    /// How many calls use it. wasmtime takes notice of a use only when the call begins, which is later than it is asked for.
    uses: Arc<AtomicUsize>,
}

/// A call uses a resource as long as this lives.
pub(super) struct Using(Arc<AtomicUsize>);

impl Resource {
    pub(super) fn using(&self) -> Using {
        self.uses.fetch_add(1, Ordering::SeqCst);
        Using(Arc::clone(&self.uses))
    }

    pub(super) fn is_used(&self) -> bool {
        self.uses.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a resource is. It tells how the calls that still use it are brought to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceKind {
    Reader,
    Writer,
    Transport,
    Server,
}

/// The way to one instance of the component. It lives as long as somebody has one of these.
#[derive(Clone)]
pub(super) struct Link {
    requests: mpsc::UnboundedSender<Request>,
    instance: Arc<Instance>,
}

/// What is known about an instance on both ends.
pub(super) struct Instance {
    /// Why it has ended; none if nobody needed it any more.
    ended: SetOnce<Option<Arc<crate::Error>>>,
    pub(super) abort: Notify,
    /// What a reader keeps of the stream at most, in bytes.
    pub(super) max_memory: Option<u64>,
}

impl Instance {
    pub(super) fn new(max_memory: Option<u64>) -> Arc<Self> {
        Arc::new(Self { ended: SetOnce::new(), abort: Notify::new(), max_memory })
    }

    /// Takes notice of the end, once: what comes later is not the reason.
    pub(super) fn end(&self, error: Option<crate::Error>) {
        _ = self.ended.set(error.map(Arc::new));
    }
}

impl Link {
    pub(super) fn new(instance: &Arc<Instance>) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (requests, received) = mpsc::unbounded_channel();
        (Self { requests, instance: Arc::clone(instance) }, received)
    }

    /// Makes a call. What it returns need not be awaited for the call to be made.
    pub(super) fn call<T, F>(&self, call: F) -> impl Future<Output = StreamResult<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(Component<'a>) -> BoxFuture<'a, wasmtime::Result<T>> + Send + 'static,
    {
        self.call_using(None, call)
    }

    fn call_using<T, F>(
        &self,
        using: Option<Using>,
        call: F,
    ) -> impl Future<Output = StreamResult<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(Component<'a>) -> BoxFuture<'a, wasmtime::Result<T>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let request = Request::Call(Box::new(move |component| {
            let call = call(component);
            Box::pin(async move {
                let result = call.await;
                drop(using);
                let result = match result {
                    Err(error) if is_end(&error) => return Err(error),
                    result => result,
                };
                // Whoever asked may be gone. What is in the answer frees itself.
                _ = answer.send(result);
                Ok(())
            })
        }));
        // If the instance has ended, the request is dropped, and with it the sender of the answer.
        _ = self.requests.send(request);
        let instance = Arc::clone(&self.instance);
        async move {
            match answered.await {
                Ok(result) => result.map_err(|error| StreamError::Host(Arc::new(ended(NAME, error)))),
                Err(_) => Err(instance.wait_ended().await),
            }
        }
    }

    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// A link for the component's side, which does not keep the instance.
    pub(super) fn downgrade(&self) -> WeakLink {
        WeakLink { requests: self.requests.downgrade(), instance: Arc::clone(&self.instance) }
    }
}

/// A link that does not keep the instance: for calls under way, which may outlive every handle.
pub(super) struct WeakLink {
    requests: mpsc::WeakUnboundedSender<Request>,
    instance: Arc<Instance>,
}

impl WeakLink {
    /// The link, if there is still a handle.
    pub(super) fn upgrade(self) -> wasmtime::Result<Link> {
        match self.requests.upgrade() {
            Some(requests) => Ok(Link { requests, instance: self.instance }),
            None => wasmtime::bail!("nobody is left who would use it"),
        }
    }
}

impl Instance {
    /// Waits until the instance has ended, and tells why.
    pub(super) async fn wait_ended(&self) -> StreamError {
        match self.ended.wait().await {
            Some(error) => StreamError::Host(Arc::clone(error)),
            None => StreamError::Ended,
        }
    }
}

/// Whether nothing more can be done with the instance after `error`.
pub(super) fn is_end(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::Trap>() || error.is::<crate::Limit>()
}

/// A handle of a resource of the component, which is freed when this is dropped.
pub(super) struct Held {
    pub(super) link: Link,
    resource: Resource,
}

impl Held {
    pub(super) fn new(link: Link, resource: ResourceAny, kind: ResourceKind) -> Self {
        Self { link, resource: Resource { resource, kind, uses: Arc::default() } }
    }

    /// The resource, for a call that is made by [`call`](Self::call).
    pub(super) fn resource(&self) -> ResourceAny {
        self.resource.resource
    }

    /// The right to use the resource in a call of another.
    pub(super) fn using(&self) -> Using {
        self.resource.using()
    }

    /// Makes a call that uses the resource. See [`Link::call`].
    pub(super) fn call<T, F>(&self, call: F) -> impl Future<Output = StreamResult<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(Component<'a>) -> BoxFuture<'a, wasmtime::Result<T>> + Send + 'static,
    {
        self.link.call_using(Some(self.using()), call)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // An instance that has ended has freed everything.
        _ = self.link.requests.send(Request::Free(self.resource.clone()));
    }
}

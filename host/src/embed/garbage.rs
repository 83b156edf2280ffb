//! Resources of the component that have no handle any more, and their end.
//!
//! A destructor is a function of the component and needs its store, so a handle that is dropped only asks for it. What a call
//! still uses cannot be freed yet. Such a call is one that nobody waits for: it is brought to its end.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;

use super::link::{Component, Resource, ResourceKind, is_end};

/// Resources to be freed.
#[derive(Default)]
pub(super) struct Garbage {
    resources: Vec<Unheld>,
    /// Whether one of them may be free to go by now.
    changed: bool,
}

/// A resource without a handle.
struct Unheld {
    resource: Resource,
    /// Whether the calls that use it are being brought to their end.
    ending: bool,
}

impl Garbage {
    pub(super) fn push(&mut self, resource: Resource) {
        self.resources.push(Unheld { resource, ending: false });
        self.changed = true;
    }

    /// Takes notice that a call has ended, which may have used one of them.
    pub(super) fn retry(&mut self) {
        self.changed = true;
    }

    /// Frees what no call uses. Gives the calls that bring others to their end.
    pub(super) fn free<'a>(
        &mut self,
        component: Component<'a>,
    ) -> wasmtime::Result<Vec<BoxFuture<'a, wasmtime::Result<()>>>> {
        let mut ending = Vec::new();
        if !std::mem::take(&mut self.changed) || self.resources.is_empty() {
            return Ok(ending);
        }
        for mut unheld in std::mem::take(&mut self.resources) {
            if unheld.resource.is_used() {
                if !std::mem::replace(&mut unheld.ending, true) {
                    ending.extend(end_calls(&unheld.resource, component));
                }
                self.resources.push(unheld);
                continue;
            }
            let resource = unheld.resource.resource;
            let freed =
                component.accessor.with(|mut access| without_waiting(resource.resource_drop_async(&mut access)));
            match freed {
                Ok(()) => {}
                Err(error) if is_end(&error) => return Err(error),
                Err(error) => {
                    tracing::trace!("to be freed later: {error}");
                    self.resources.push(unheld);
                    self.changed = true;
                }
            }
        }
        Ok(ending)
    }
}

/// A call after which those that use `unheld` end.
fn end_calls<'a>(unheld: &Resource, component: Component<'a>) -> Option<BoxFuture<'a, wasmtime::Result<()>>> {
    let Component { accessor, guest, .. } = component;
    let (resource, using) = (unheld.resource, unheld.using());
    let streams = guest.wasyncio_streams_streams();
    let kind = unheld.kind;
    if kind == ResourceKind::Transport {
        // Its calls answer at once.
        return None;
    }
    Some(Box::pin(async move {
        let _using = using;
        match kind {
            // Not by an exception: the writer's `drain` would fail with it.
            ResourceKind::Reader => streams.stream_reader().call_feed_eof(accessor, resource).await,
            ResourceKind::Writer => streams.stream_writer().call_close(accessor, resource).await,
            ResourceKind::Server => guest.wasyncio_streams_server().server().call_close(accessor, resource).await,
            ResourceKind::Transport => Ok(()),
        }
    }))
}

/// The result of a destructor. It cannot wait for anything; what makes it pause is the tick by which long computing gives
/// way to others, and then it just goes on.
fn without_waiting<T>(destructor: impl Future<Output = T>) -> T {
    let mut destructor = pin!(destructor);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = destructor.as_mut().poll(&mut context) {
            return result;
        }
    }
}

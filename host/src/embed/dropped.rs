//! Resources of the component that nobody here uses any more, and their end.
//!
//! Dropping one in Rust only puts it into a queue: its destructor is a function of the component, and needs the store.
//! [`Streams::run`](super::Streams::run) empties the queue whenever the caller's code has had its turn.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Accessor, ResourceAny};
use wasmtime::{AsContextMut, Trap};

use crate::Limit;
use crate::run::state::State;

/// Resources to be freed.
#[derive(Default)]
pub(super) struct Dropped(Mutex<Vec<ResourceAny>>);

impl Dropped {
    pub(super) fn push(&self, resource: ResourceAny) {
        self.lock().push(resource);
    }

    /// Frees what can be freed, while functions of the component are at work.
    pub(super) fn free(&self, accessor: &Accessor<State>) -> wasmtime::Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        accessor.with(|mut access| self.free_in(&mut access))
    }

    /// Frees what can be freed. What a call still uses stays for the next time.
    pub(super) fn free_in(&self, mut store: impl AsContextMut<Data = State>) -> wasmtime::Result<()> {
        let resources = std::mem::take(&mut *self.lock());
        for resource in resources {
            match at_once(resource.resource_drop_async(&mut store)) {
                Ok(()) => {}
                Err(error) if error.is::<Trap>() || error.is::<Limit>() => return Err(error),
                Err(error) => {
                    tracing::trace!("to be freed later: {error}");
                    self.push(resource);
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ResourceAny>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a destructor. It cannot wait for anything; what makes it pause is the tick by which long computing gives
/// way to others, and then it just goes on.
fn at_once<T>(destructor: impl Future<Output = T>) -> T {
    let mut destructor = pin!(destructor);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = destructor.as_mut().poll(&mut context) {
            return result;
        }
    }
}

//! Name look-ups, name by name.
//!
//! wasmtime-wasi allows all look-ups or none. A look-up of an arbitrary name sends a message to whoever serves that
//! domain, so it takes a grant of its own; here `wasi:sockets/ip-name-lookup`, of 0.2 and 0.3, asks the check first,
//! takes what is known without asking anybody, leaves the rest to the [`resolver`], and tells the check what the answer was.
//! What is too long for a name is refused before anything is kept of it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::JoinSet;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup as p2;
use wasmtime_wasi::p2::bindings::sockets::network;
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, subscribe};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3;
use wasmtime_wasi::p3::bindings::sockets::types::IpAddress;
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::run::state::State;
use crate::wasi::calls;
use crate::wasi::resolver::{self, Failure};

/// Replaces the look-ups in `linker` with those that ask the check.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    p2::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    p3::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A look-up of WASI 0.2 that the program reads the answers of. To the program it is wasmtime-wasi's resource, of which this
/// host has all functions.
struct Lookup {
    name: String,
    asked: Instant,
    answer: Answer,
}

type Answered = Result<VecDeque<IpAddr>, Failure>;

enum Answer {
    Waiting(Pin<Box<dyn Future<Output = Answered> + Send>>),
    Ready(Answered),
}

impl Lookup {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<&mut Answered> {
        if let Answer::Waiting(waiting) = &mut self.answer
            && let Poll::Ready(answered) = waiting.as_mut().poll(context)
        {
            self.answer = Answer::Ready(answered);
        }
        match &mut self.answer {
            Answer::Waiting(_) => Poll::Pending,
            Answer::Ready(answered) => Poll::Ready(answered),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        poll_fn(|context| self.poll(context).map(|_| ())).await;
    }
}

/// Parts of WASI's sockets that ask the check.
pub(crate) struct Guarded;

impl HasData for Guarded {
    type Data<'a> = GuardedView<'a>;
}

pub(crate) struct GuardedView<'a>(pub(crate) &'a mut State);

impl p3::Host for GuardedView<'_> {}

impl p3::HostWithStore<State> for Guarded {
    async fn resolve_addresses(
        store: &Accessor<State, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<IpAddress>, p3::ErrorCode>> {
        if !resolver::is_short_enough(&name) {
            return Ok(Err(p3::ErrorCode::InvalidArgument));
        }
        let (check, permits, pending) = store.with(|mut view| {
            let state = view.get().0;
            (Arc::clone(&state.check), Arc::clone(&state.network.lookups), calls::begin(&state.network, 0))
        });
        let _pending = pending?;
        if !check.permits_lookup(&name) {
            return Ok(Err(p3::ErrorCode::AccessDenied));
        }
        if let Some(addresses) = check.addresses_of(&name) {
            return Ok(Ok(addresses.into_iter().map(IpAddress::from).collect()));
        }
        let asked = Instant::now();
        Ok(match resolver::resolve(permits, &name).await {
            Ok(addresses) => {
                addresses.iter().for_each(|address| check.answered(&name, *address, asked));
                Ok(addresses.into_iter().map(IpAddress::from).collect())
            }
            Err(Failure::Invalid) => Err(p3::ErrorCode::InvalidArgument),
            Err(Failure::Unresolvable) => Err(p3::ErrorCode::NameUnresolvable),
        })
    }
}

impl network::Host for GuardedView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        network::Host::convert_error_code(&mut self.0.sockets(), error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<network::ErrorCode>> {
        network::Host::network_error_code(&mut self.0.sockets(), error)
    }
}

impl network::HostNetwork for GuardedView<'_> {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.0.sockets(), network)
    }
}

impl p2::Host for GuardedView<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<network::Network>,
        name: String,
    ) -> Result<Resource<p2::ResolveAddressStream>, SocketError> {
        self.0.table.get(&network)?;
        if !resolver::is_short_enough(&name) {
            return Err(network::ErrorCode::InvalidArgument.into());
        }
        if !self.0.check.permits_lookup(&name) {
            return Err(network::ErrorCode::AccessDenied.into());
        }
        let answer = match self.0.check.addresses_of(&name) {
            Some(given) => Answer::Ready(Ok(given.into())),
            None => {
                let mut asked = Box::pin(resolver::resolve(Arc::clone(&self.0.network.lookups), &name));
                // What needs no resolver, and what is no name, is told at once.
                match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(addresses)) => Answer::Ready(Ok(addresses.into())),
                    Poll::Ready(Err(failure)) => return Err(error_code(failure).into()),
                    Poll::Pending => {
                        // WASI 0.2 polls only what a program waits for, and a look-up goes on meanwhile.
                        // The set ends it when nobody waits any more.
                        let mut task = JoinSet::new();
                        task.spawn(asked);
                        Answer::Waiting(Box::pin(async move {
                            match task.join_next().await {
                                Some(Ok(answer)) => answer.map(VecDeque::from),
                                _ => Err(Failure::Unresolvable),
                            }
                        }))
                    }
                }
            }
        };
        let lookup = self.0.table.push(Lookup { name, asked: Instant::now(), answer })?;
        Ok(Resource::new_own(lookup.rep()))
    }
}

impl p2::HostResolveAddressStream for GuardedView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<p2::ResolveAddressStream>,
    ) -> Result<Option<network::IpAddress>, SocketError> {
        let lookup = self.0.table.get_mut(&Resource::<Lookup>::new_borrow(stream.rep()))?;
        let address = match lookup.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return Err(network::ErrorCode::WouldBlock.into()),
            Poll::Ready(Err(failure)) => return Err(error_code(*failure).into()),
            Poll::Ready(Ok(addresses)) => addresses.pop_front(),
        };
        if let Some(address) = address {
            self.0.check.answered(&lookup.name, address, lookup.asked);
        }
        Ok(address.map(network::IpAddress::from))
    }

    fn subscribe(&mut self, stream: Resource<p2::ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.0.table, Resource::<Lookup>::new_borrow(stream.rep()))
    }

    fn drop(&mut self, stream: Resource<p2::ResolveAddressStream>) -> wasmtime::Result<()> {
        self.0.table.delete(Resource::<Lookup>::new_own(stream.rep()))?;
        Ok(())
    }
}

fn error_code(failure: Failure) -> network::ErrorCode {
    match failure {
        Failure::Invalid => network::ErrorCode::InvalidArgument,
        Failure::Unresolvable => network::ErrorCode::NameUnresolvable,
    }
}

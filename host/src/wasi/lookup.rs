//! Name look-ups, name by name.
//!
//! wasmtime-wasi allows all look-ups or none. A look-up of an arbitrary name sends a message to whoever serves that
//! domain, so it takes a grant of its own; here `wasi:sockets/ip-name-lookup`, of 0.2 and 0.3, asks the check first,
//! takes what is known without asking anybody, leaves the rest to wasmtime-wasi, and tells the check what the answer was.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup as p2;
use wasmtime_wasi::p2::bindings::sockets::network;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3;
use wasmtime_wasi::p3::bindings::sockets::types::IpAddress;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};

use crate::run::state::State;

/// Replaces the look-ups in `linker` with those that ask the check.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    p2::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    p3::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// An address, no matter which, to look up.
const ANY_ADDRESS: &str = "127.0.0.1";

/// A look-up of WASI 0.2 that the program reads the answers of.
pub(crate) struct Lookup {
    name: String,
    asked: Instant,
    /// The answers that are left, if no resolver was asked.
    given: Option<VecDeque<IpAddr>>,
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
        let check = store.with(|mut view| Arc::clone(&view.get().0.check));
        if !check.permits_lookup(&name) {
            return Ok(Err(p3::ErrorCode::AccessDenied));
        }
        if let Some(addresses) = check.addresses_of(&name) {
            return Ok(Ok(addresses.into_iter().map(IpAddress::from).collect()));
        }
        let wasi = store.with_getter::<WasiSockets>(|state| state.sockets());
        let asked = Instant::now();
        let answer = <WasiSockets as p3::HostWithStore<State>>::resolve_addresses(&wasi, name.clone()).await?;
        for address in answer.iter().flatten() {
            check.answered(&name, IpAddr::from(*address), asked);
        }
        Ok(answer)
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
        if !self.0.check.permits_lookup(&name) {
            return Err(network::ErrorCode::AccessDenied.into());
        }
        let given = self.0.check.addresses_of(&name).map(VecDeque::from);
        // wasmtime-wasi's stream has no constructor, but one for an address is ready at once.
        let asked = if given.is_some() { ANY_ADDRESS.to_owned() } else { name.clone() };
        let stream = p2::Host::resolve_addresses(&mut self.0.sockets(), network, asked)?;
        self.0.lookups.insert(stream.rep(), Lookup { name, asked: Instant::now(), given });
        Ok(stream)
    }
}

impl p2::HostResolveAddressStream for GuardedView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<p2::ResolveAddressStream>,
    ) -> Result<Option<network::IpAddress>, SocketError> {
        let index = stream.rep();
        if let Some(Lookup { given: Some(given), .. }) = self.0.lookups.get_mut(&index) {
            return Ok(given.pop_front().map(network::IpAddress::from));
        }
        let answer = p2::HostResolveAddressStream::resolve_next_address(&mut self.0.sockets(), stream)?;
        if let (Some(address), Some(lookup)) = (answer, self.0.lookups.get(&index)) {
            self.0.check.answered(&lookup.name, ip_addr(address), lookup.asked);
        }
        Ok(answer)
    }

    fn subscribe(
        &mut self,
        stream: Resource<p2::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<wasmtime_wasi::p2::DynPollable>> {
        p2::HostResolveAddressStream::subscribe(&mut self.0.sockets(), stream)
    }

    fn drop(&mut self, stream: Resource<p2::ResolveAddressStream>) -> wasmtime::Result<()> {
        self.0.lookups.remove(&stream.rep());
        p2::HostResolveAddressStream::drop(&mut self.0.sockets(), stream)
    }
}

fn ip_addr(address: network::IpAddress) -> IpAddr {
    match address {
        network::IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]),
        network::IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => IpAddr::from([a, b, c, d, e, f, g, h]),
    }
}

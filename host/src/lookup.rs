//! Name look-ups, name by name.
//!
//! wasmtime-wasi allows all look-ups or none. A look-up of an arbitrary name sends a message to whoever serves that
//! domain, so it takes a grant of its own; here `wasi:sockets/ip-name-lookup`, of 0.2 and 0.3, asks the gate first
//! and leaves the rest to wasmtime-wasi.

use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup as p2;
use wasmtime_wasi::p2::bindings::sockets::network;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup as p3;
use wasmtime_wasi::p3::bindings::sockets::types::IpAddress;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};

use crate::state::State;

/// Replaces the look-ups in `linker` with those that ask the gate.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    p2::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    p3::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Guarded;

impl HasData for Guarded {
    type Data<'a> = GuardedView<'a>;
}

struct GuardedView<'a>(&'a mut State);

impl p3::Host for GuardedView<'_> {}

impl p3::HostWithStore<State> for Guarded {
    async fn resolve_addresses(
        store: &Accessor<State, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<IpAddress>, p3::ErrorCode>> {
        if !store.with(|mut view| view.get().0.gate.permits_lookup(&name)) {
            return Ok(Err(p3::ErrorCode::AccessDenied));
        }
        let wasi = store.with_getter::<WasiSockets>(|state| state.sockets());
        <WasiSockets as p3::HostWithStore<State>>::resolve_addresses(&wasi, name).await
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
        if !self.0.gate.permits_lookup(&name) {
            return Err(network::ErrorCode::AccessDenied.into());
        }
        p2::Host::resolve_addresses(&mut self.0.sockets(), network, name)
    }
}

impl p2::HostResolveAddressStream for GuardedView<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<p2::ResolveAddressStream>,
    ) -> Result<Option<network::IpAddress>, SocketError> {
        p2::HostResolveAddressStream::resolve_next_address(&mut self.0.sockets(), stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<p2::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<wasmtime_wasi::p2::DynPollable>> {
        p2::HostResolveAddressStream::subscribe(&mut self.0.sockets(), stream)
    }

    fn drop(&mut self, stream: Resource<p2::ResolveAddressStream>) -> wasmtime::Result<()> {
        p2::HostResolveAddressStream::drop(&mut self.0.sockets(), stream)
    }
}

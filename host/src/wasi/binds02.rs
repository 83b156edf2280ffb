//! Binding and connecting of sockets of WASI 0.2, as the check has to be asked.
//!
//! wasmtime-wasi asks about binding the unspecified address, port 0, also where a program did not bind but connects.
//! Here is what the program itself asks for: to bind, and to connect a socket that it has bound.

use std::net::SocketAddr;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::{SocketResult, TcpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::run::state::State;

/// The version that wasmtime-wasi has; programs of every 0.2 get it.
pub(super) const TCP: &str = "wasi:sockets/tcp@0.2.12";

/// Replaces the functions in `linker` that bind and connect.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut tcp = linker.instance(TCP)?;
    tcp.func_wrap_async("[method]tcp-socket.start-bind", |store, (socket, network, address)| {
        Box::new(start_bind(store, socket, network, address))
    })?;
    tcp.func_wrap("[method]tcp-socket.start-connect", |mut store, (socket, network, address)| {
        let result = start_connect(store.data_mut(), socket, network, address);
        answer(store.data_mut(), result)
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

type Answer = (Result<(), ErrorCode>,);

async fn start_bind(
    mut store: StoreContextMut<'_, State>,
    socket: Resource<TcpSocket>,
    network: Resource<Network>,
    address: IpSocketAddress,
) -> wasmtime::Result<Answer> {
    let state = store.data_mut();
    if !state.check.permits_bind(SocketAddr::from(address)) {
        return Ok((Err(ErrorCode::AccessDenied),));
    }
    let result = state.sockets().start_bind(socket, network, address).await;
    answer(state, result)
}

fn start_connect(
    state: &mut State,
    socket: Resource<TcpSocket>,
    network: Resource<Network>,
    address: IpSocketAddress,
) -> SocketResult<()> {
    // Fails unless it is bound.
    let bound = state.sockets().local_address(Resource::new_borrow(socket.rep()));
    if let Ok(local) = bound
        && !state.check.permits_source(SocketAddr::from(local))
    {
        return Err(ErrorCode::AccessDenied.into());
    }
    state.sockets().start_connect(socket, network, address)
}

fn answer(state: &mut State, result: SocketResult<()>) -> wasmtime::Result<Answer> {
    Ok((match result {
        Ok(()) => Ok(()),
        Err(error) => Err(network::Host::convert_error_code(&mut state.sockets(), error)?),
    },))
}

//! Sockets of WASI 0.2: TCP only where it is granted, within the program's descriptors, and no UDP.
//!
//! The TCP sockets of 0.2 are wasmtime-wasi's, which counts no connections and closes none, shares no listening sockets and
//! knows no end but that of the program. A program that only imports them, as what some compilers make does, runs in any case.

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{StoreContextMut, error::Result as WasmResult};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, HostTcpSocket};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::Denial;
use crate::run::state::State;
use crate::wasi::lookup::{Guarded, GuardedView};

/// wasmtime-wasi's name for the interface whose functions are replaced one by one.
pub(super) const TCP: &str = "wasi:sockets/tcp@0.2.12";

/// What `accept` gives: a connection and its two streams.
type Accepted = (Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>);

/// Replaces the functions in `linker` that make and close sockets.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> WasmResult<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    udp_create_socket::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    let mut tcp = linker.instance(TCP)?;
    tcp.func_wrap("[method]tcp-socket.accept", |mut store: StoreContextMut<'_, State>, (socket,)| {
        Ok((accept(store.data_mut(), socket)?,))
    })?;
    tcp.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |mut store, index| {
        let state = store.data_mut();
        HostTcpSocket::drop(&mut state.sockets(), Resource::new_own(index))?;
        // After the socket is closed, if it could be.
        state.sockets02.as_mut().and_then(|sockets| sockets.remove(&index));
        Ok(())
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn accept(state: &mut State, socket: Resource<TcpSocket>) -> WasmResult<Result<Accepted, ErrorCode>> {
    let Some(descriptor) = state.network.descriptors.try_take() else {
        state.network.tell_descriptors("accepting fails until others close");
        return Ok(Err(ErrorCode::NewSocketLimit));
    };
    match tcp::HostTcpSocket::accept(&mut state.sockets(), socket) {
        Ok(accepted) => {
            state.sockets02.get_or_insert_default().insert(accepted.0.rep(), descriptor);
            Ok(Ok(accepted))
        }
        Err(error) => error.downcast().map(Err),
    }
}

impl tcp_create_socket::Host for GuardedView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        let state = &mut *self.0;
        if state.sockets02.is_none() {
            state.check.report(Denial::Wasi02Tcp);
            return Err(ErrorCode::AccessDenied.into());
        }
        let Some(descriptor) = state.network.descriptors.try_take() else {
            state.network.tell_descriptors("sockets are not made until others close");
            return Err(ErrorCode::NewSocketLimit.into());
        };
        let socket = tcp_create_socket::Host::create_tcp_socket(&mut state.sockets(), family)?;
        state.sockets02.get_or_insert_default().insert(socket.rep(), descriptor);
        Ok(socket)
    }
}

impl udp_create_socket::Host for GuardedView<'_> {
    async fn create_udp_socket(&mut self, _family: IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        self.0.check.report(Denial::Udp);
        Err(ErrorCode::AccessDenied.into())
    }
}

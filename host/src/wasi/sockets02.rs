//! Sockets of WASI 0.2 that a program does not get: TCP under limits that do not reach them, and UDP.
//!
//! The TCP sockets of 0.2 are wasmtime-wasi's, which counts no connections and closes none. A program that used them
//! under a limit would be without it; one that only imports them, as what some compilers make does, runs.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;

use crate::Denial;
use crate::run::state::State;
use crate::wasi::lookup::{Guarded, GuardedView};

/// Replaces the functions in `linker` that make sockets.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    udp_create_socket::add_to_linker::<State, Guarded>(linker, |state| GuardedView(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

impl tcp_create_socket::Host for GuardedView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        if !self.0.sockets02 {
            self.0.check.report(Denial::Unlimited);
            return Err(ErrorCode::AccessDenied.into());
        }
        tcp_create_socket::Host::create_tcp_socket(&mut self.0.sockets(), family)
    }
}

impl udp_create_socket::Host for GuardedView<'_> {
    async fn create_udp_socket(&mut self, _family: IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        self.0.check.report(Denial::Udp);
        Err(ErrorCode::AccessDenied.into())
    }
}

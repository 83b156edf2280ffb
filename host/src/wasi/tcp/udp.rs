//! UDP: no grant is for it, so no socket is ever made, and the functions of one are never reached.

use wasmtime::component::{Accessor, Resource};

use super::bindings::types::{ErrorCode, HostUdpSocket, HostUdpSocketWithStore, IpAddressFamily, IpSocketAddress};
use super::host::{Tcp, TcpView};
use crate::Denial;
use crate::run::state::State;
use crate::sockets::error::{SocketError, SocketResult};

/// There is none.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum UdpSocket {}

impl TcpView<'_> {
    /// Fails: nothing in the table is a UDP socket.
    fn none(&mut self, socket: &Resource<UdpSocket>) -> SocketResult<&UdpSocket> {
        self.0.table.get(socket).map_err(SocketError::trap)
    }
}

impl HostUdpSocketWithStore<State> for Tcp {
    async fn send(
        store: &Accessor<State, Self>,
        socket: Resource<UdpSocket>,
        _data: Vec<u8>,
        _remote: Option<IpSocketAddress>,
    ) -> SocketResult<()> {
        store.with(|mut access| match *access.get().none(&socket)? {})
    }

    async fn receive(
        store: &Accessor<State, Self>,
        socket: Resource<UdpSocket>,
    ) -> SocketResult<(Vec<u8>, IpSocketAddress)> {
        store.with(|mut access| match *access.get().none(&socket)? {})
    }
}

impl HostUdpSocket for TcpView<'_> {
    fn create(&mut self, _family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.0.check.report(Denial::Udp);
        Err(ErrorCode::AccessDenied.into())
    }

    fn bind(&mut self, socket: Resource<UdpSocket>, _local: IpSocketAddress) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn connect(&mut self, socket: Resource<UdpSocket>, _remote: IpSocketAddress) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn disconnect(&mut self, socket: Resource<UdpSocket>) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn get_local_address(&mut self, socket: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        match *self.none(&socket)? {}
    }

    fn get_remote_address(&mut self, socket: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        match *self.none(&socket)? {}
    }

    fn get_address_family(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        match *self.0.table.get(&socket)? {}
    }

    fn get_unicast_hop_limit(&mut self, socket: Resource<UdpSocket>) -> SocketResult<u8> {
        match *self.none(&socket)? {}
    }

    fn set_unicast_hop_limit(&mut self, socket: Resource<UdpSocket>, _value: u8) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn get_receive_buffer_size(&mut self, socket: Resource<UdpSocket>) -> SocketResult<u64> {
        match *self.none(&socket)? {}
    }

    fn set_receive_buffer_size(&mut self, socket: Resource<UdpSocket>, _value: u64) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn get_send_buffer_size(&mut self, socket: Resource<UdpSocket>) -> SocketResult<u64> {
        match *self.none(&socket)? {}
    }

    fn set_send_buffer_size(&mut self, socket: Resource<UdpSocket>, _value: u64) -> SocketResult<()> {
        match *self.none(&socket)? {}
    }

    fn drop(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<()> {
        match self.0.table.delete(socket)? {}
    }
}

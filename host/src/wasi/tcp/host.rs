//! The functions that a program imports: to the socket and back, nothing else.

use std::future::poll_fn;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use socket2::TcpKeepalive;
use wasmtime::component::{Access, Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

use super::bindings::types::{
    self, Duration, ErrorCode, HostTcpSocket, HostTcpSocketWithStore, IpAddressFamily, IpSocketAddress,
    Ipv4SocketAddress, Ipv6SocketAddress,
};
use super::options::{
    allowed_buffer, buffer_size, clamped, clamped_count, hop_limit, nanoseconds, set_hop_limit, set_keep_alive,
    set_receive_buffer, set_send_buffer,
};
use super::socket::TcpSocket;
use crate::run::state::State;
use crate::sockets::error::{SocketError, SocketResult};
use crate::sockets::streams::{receive, send};

/// Adds `wasi:sockets/types` of WASI 0.3.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<State, Tcp>(linker, |state| TcpView(state))
}

pub(super) struct Tcp;

impl HasData for Tcp {
    type Data<'a> = TcpView<'a>;
}

pub(super) struct TcpView<'a>(pub(super) &'a mut State);

impl TcpView<'_> {
    fn get(&mut self, socket: &Resource<TcpSocket>) -> SocketResult<&mut TcpSocket> {
        self.0.table.get_mut(socket).map_err(SocketError::trap)
    }
}

impl types::Host for TcpView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

impl HostTcpSocketWithStore<State> for Tcp {
    async fn connect(
        store: &Accessor<State, Self>,
        socket: Resource<TcpSocket>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        store.with(|mut access| {
            let mut view = access.get();
            let check = Arc::clone(&view.0.check);
            SocketResult::Ok(view.get(&socket)?.start_connect(remote.into(), check)?)
        })?;
        poll_fn(|context| {
            store.with(|mut access| match access.get().get(&socket) {
                Ok(socket) => socket.poll_connect(context).map_err(SocketError::from),
                Err(trap) => std::task::Poll::Ready(Err(trap)),
            })
        })
        .await
    }

    async fn listen(
        mut store: Access<'_, State, Self>,
        socket: Resource<TcpSocket>,
    ) -> SocketResult<StreamReader<Resource<TcpSocket>>> {
        let check = Arc::clone(&store.get().0.check);
        let accepting = store.get().get(&socket)?.listen(&check).await?;
        StreamReader::new(&mut store, accepting).map_err(SocketError::trap)
    }

    fn send(
        mut store: Access<'_, State, Self>,
        socket: Resource<TcpSocket>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), ErrorCode>>> {
        let connection = store.get().0.table.get_mut(&socket)?.take_sending();
        send(store, connection, data)
    }

    fn receive(
        mut store: Access<'_, State, Self>,
        socket: Resource<TcpSocket>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), ErrorCode>>)> {
        let connection = store.get().0.table.get_mut(&socket)?.take_receiving();
        receive(store, connection)
    }
}

impl HostTcpSocket for TcpView<'_> {
    fn create(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let socket = TcpSocket::fresh(Arc::clone(&self.0.network), family.into())?;
        self.0.table.push(socket).map_err(SocketError::trap)
    }

    async fn bind(&mut self, socket: Resource<TcpSocket>, local: IpSocketAddress) -> SocketResult<()> {
        let address = SocketAddr::from(local);
        let check = Arc::clone(&self.0.check);
        Ok(self.get(&socket)?.bind(address, &check).await?)
    }

    fn get_local_address(&mut self, socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.get(&socket)?.local_address()?.into())
    }

    fn get_remote_address(&mut self, socket: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.get(&socket)?.remote_address()?.into())
    }

    fn get_is_listening(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(self.0.table.get(&socket)?.is_listening())
    }

    fn get_address_family(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.0.table.get(&socket)?.family.into())
    }

    fn set_listen_backlog_size(&mut self, socket: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        Ok(self.get(&socket)?.set_backlog(value)?)
    }

    fn get_keep_alive_enabled(&mut self, socket: Resource<TcpSocket>) -> SocketResult<bool> {
        Ok(self.get(&socket)?.option(|socket| Ok(socket.keepalive()?))?)
    }

    fn set_keep_alive_enabled(&mut self, socket: Resource<TcpSocket>, value: bool) -> SocketResult<()> {
        Ok(self.get(&socket)?.option(|socket| Ok(socket.set_keepalive(value)?))?)
    }

    fn get_keep_alive_idle_time(&mut self, socket: Resource<TcpSocket>) -> SocketResult<Duration> {
        #[cfg(unix)]
        return Ok(self.get(&socket)?.option(|socket| Ok(nanoseconds(socket.tcp_keepalive_time()?)))?);
        #[cfg(not(unix))]
        return Err(ErrorCode::NotSupported.into());
    }

    fn set_keep_alive_idle_time(&mut self, socket: Resource<TcpSocket>, value: Duration) -> SocketResult<()> {
        let time = clamped(value)?;
        let socket = self.get(&socket)?;
        socket.option(|socket| set_keep_alive(&socket, TcpKeepalive::new().with_time(time)))?;
        socket.inherited.keep_alive_idle = Some(time);
        Ok(())
    }

    fn get_keep_alive_interval(&mut self, socket: Resource<TcpSocket>) -> SocketResult<Duration> {
        #[cfg(unix)]
        return Ok(self.get(&socket)?.option(|socket| Ok(nanoseconds(socket.tcp_keepalive_interval()?)))?);
        #[cfg(not(unix))]
        return Err(ErrorCode::NotSupported.into());
    }

    fn set_keep_alive_interval(&mut self, socket: Resource<TcpSocket>, value: Duration) -> SocketResult<()> {
        let options = TcpKeepalive::new().with_interval(clamped(value)?);
        Ok(self.get(&socket)?.option(|socket| set_keep_alive(&socket, options))?)
    }

    fn get_keep_alive_count(&mut self, socket: Resource<TcpSocket>) -> SocketResult<u32> {
        #[cfg(unix)]
        return Ok(self.get(&socket)?.option(|socket| Ok(socket.tcp_keepalive_retries()?))?);
        #[cfg(not(unix))]
        return Err(ErrorCode::NotSupported.into());
    }

    fn set_keep_alive_count(&mut self, socket: Resource<TcpSocket>, value: u32) -> SocketResult<()> {
        let options = TcpKeepalive::new().with_retries(clamped_count(value)?);
        Ok(self.get(&socket)?.option(|socket| set_keep_alive(&socket, options))?)
    }

    fn get_hop_limit(&mut self, socket: Resource<TcpSocket>) -> SocketResult<u8> {
        let socket = self.get(&socket)?;
        let family = socket.family;
        Ok(socket.option(|socket| hop_limit(&socket, family))?)
    }

    fn set_hop_limit(&mut self, socket: Resource<TcpSocket>, value: u8) -> SocketResult<()> {
        let socket = self.get(&socket)?;
        let family = socket.family;
        socket.option(|socket| set_hop_limit(&socket, family, value))?;
        socket.inherited.hop_limit = Some(value);
        Ok(())
    }

    fn get_receive_buffer_size(&mut self, socket: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.get(&socket)?.option(|socket| buffer_size(socket.recv_buffer_size()))?)
    }

    fn set_receive_buffer_size(&mut self, socket: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        let value = allowed_buffer(value, self.0.network.max_buffer);
        let socket = self.get(&socket)?;
        socket.option(|socket| set_receive_buffer(&socket, value))?;
        socket.inherited.receive_buffer = Some(value);
        Ok(())
    }

    fn get_send_buffer_size(&mut self, socket: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.get(&socket)?.option(|socket| buffer_size(socket.send_buffer_size()))?)
    }

    fn set_send_buffer_size(&mut self, socket: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        let value = allowed_buffer(value, self.0.network.max_buffer);
        let socket = self.get(&socket)?;
        socket.option(|socket| set_send_buffer(&socket, value))?;
        socket.inherited.send_buffer = Some(value);
        Ok(())
    }

    fn drop(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.0.table.delete(socket)?;
        Ok(())
    }
}

impl From<IpSocketAddress> for SocketAddr {
    fn from(address: IpSocketAddress) -> Self {
        match address {
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) }) => {
                SocketAddrV4::new([a, b, c, d].into(), port).into()
            }
            IpSocketAddress::Ipv6(v6) => {
                let (a, b, c, d, e, f, g, h) = v6.address;
                SocketAddrV6::new([a, b, c, d, e, f, g, h].into(), v6.port, v6.flow_info, v6.scope_id).into()
            }
        }
    }
}

impl From<SocketAddr> for IpSocketAddress {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => {
                let [a, b, c, d] = v4.ip().octets();
                Self::Ipv4(Ipv4SocketAddress { port: v4.port(), address: (a, b, c, d) })
            }
            SocketAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h] = v6.ip().segments();
                Self::Ipv6(Ipv6SocketAddress {
                    port: v6.port(),
                    flow_info: v6.flowinfo(),
                    address: (a, b, c, d, e, f, g, h),
                    scope_id: v6.scope_id(),
                })
            }
        }
    }
}

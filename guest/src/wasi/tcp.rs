//! TCP sockets of `wasi:sockets`: making them, what a connection over one is, and what their errors mean.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::rc::Rc;

use wasyncio_core::OsErrorKind;
use wasyncio_core::extra_info::Addresses;
use wasyncio_core::transport::{Capabilities, Halves};
use wasyncio_transport::outcome::{FutureOutcome, OutcomeSource};
use wasyncio_transport::{Begin, ByteStream, Inbound, Outbound};
use wit_bindgen::rt::async_support::FutureReader;

use super::bindings::BYTES;
use super::bindings::sockets::types as wasi;

pub(crate) use wasi::ErrorCode;
pub use wasi::TcpSocket;

/// A new socket of the family of `address`.
pub(crate) fn create(address: &SocketAddr) -> Result<TcpSocket, ErrorCode> {
    TcpSocket::create(match address {
        SocketAddr::V4(_) => wasi::IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => wasi::IpAddressFamily::Ipv6,
    })
}

/// The two directions of a connected socket. The sending one is begun when something is sent; until then it holds the socket.
///
/// The addresses are asked for now: once the peer has reset the connection, not every system knows them.
pub(crate) fn halves(socket: TcpSocket) -> Halves {
    let info = Addresses {
        sockname: socket.get_local_address().ok().map(|address| from_wasi(address).into()),
        peername: socket.get_remote_address().ok().map(|address| from_wasi(address).into()),
        peer_credentials: None,
    };
    socket_halves(socket.receive(), Box::new(Sending(socket)), info)
}

/// The two directions of a socket: what it receives, with its outcome, and what begins to send.
pub(crate) fn socket_halves(
    (incoming, received): (ByteStream, FutureReader<Result<(), ErrorCode>>),
    sending: Box<dyn Begin>,
    info: Addresses,
) -> Halves {
    Halves {
        receive: Box::new(Inbound::new(incoming, BYTES, Some(outcome(received)))),
        send: Box::new(Outbound::unbegun(sending, BYTES)),
        info: Rc::new(info),
        capabilities: Capabilities::default(),
    }
}

/// A connected socket that sends nothing yet.
struct Sending(TcpSocket);

impl Begin for Sending {
    fn begin(self: Box<Self>, outgoing: ByteStream) -> Box<dyn OutcomeSource> {
        outcome(self.0.send(outgoing))
    }
}

/// How a direction of a socket ended.
pub(crate) fn outcome(told: FutureReader<Result<(), ErrorCode>>) -> Box<dyn OutcomeSource> {
    Box::new(FutureOutcome::new(told, |result| result.map_err(|code| failure(&code))))
}

wasyncio_transport::failure_of_error_code!(ErrorCode);

/// The kind of Python's error for an error code, and the system's words.
pub(crate) fn describe(code: &ErrorCode) -> (OsErrorKind, String) {
    let error = wasyncio_core::OsError::from(failure(code));
    (error.kind, error.message)
}

/// A WASI address from ours.
pub(crate) fn to_wasi(address: SocketAddr) -> wasi::IpSocketAddress {
    match address {
        SocketAddr::V4(address) => wasi::IpSocketAddress::Ipv4(wasi::Ipv4SocketAddress {
            port: address.port(),
            address: address.ip().octets().into(),
        }),
        SocketAddr::V6(address) => wasi::IpSocketAddress::Ipv6(wasi::Ipv6SocketAddress {
            port: address.port(),
            flow_info: address.flowinfo(),
            address: address.ip().segments().into(),
            scope_id: address.scope_id(),
        }),
    }
}

/// Our address from WASI's.
pub(crate) fn from_wasi(address: wasi::IpSocketAddress) -> SocketAddr {
    match address {
        wasi::IpSocketAddress::Ipv4(address) => {
            SocketAddr::V4(SocketAddrV4::new(<[u8; 4]>::from(address.address).into(), address.port))
        }
        wasi::IpSocketAddress::Ipv6(address) => SocketAddr::V6(SocketAddrV6::new(
            Ipv6Addr::from(<[u16; 8]>::from(address.address)),
            address.port,
            address.flow_info,
            address.scope_id,
        )),
    }
}

/// Our IP address from WASI's.
pub(crate) fn ip_from_wasi(address: wasi::IpAddress) -> IpAddr {
    match address {
        wasi::IpAddress::Ipv4(address) => IpAddr::V4(<[u8; 4]>::from(address).into()),
        wasi::IpAddress::Ipv6(address) => IpAddr::V6(<[u16; 8]>::from(address).into()),
    }
}

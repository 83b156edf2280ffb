//! TCP sockets of `wasi:sockets`: making them, and what their errors mean.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::bindings::sockets::types as wasi;
use super::inbound::Inbound;
use super::outbound::Outbound;
use crate::error::OsErrorKind;

pub(crate) use wasi::ErrorCode;
pub use wasi::TcpSocket;

/// How a direction of a connection ended.
pub(crate) type Outcome = Result<(), ErrorCode>;

/// A new socket of the family of `address`.
pub(crate) fn create(address: &SocketAddr) -> Result<TcpSocket, ErrorCode> {
    TcpSocket::create(match address {
        SocketAddr::V4(_) => wasi::IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => wasi::IpAddressFamily::Ipv6,
    })
}

/// The two directions of a connected socket. They, and not the socket, keep the connection open.
pub(crate) fn split(socket: &TcpSocket) -> (Inbound, Outbound) {
    let (incoming, received) = socket.receive();
    let (outgoing, to_send) = super::bindings::wit_stream::new();
    let sent = socket.send(to_send);
    (
        Inbound::new(incoming, Box::pin(IntoFuture::into_future(received))),
        Outbound::new(outgoing, Box::pin(IntoFuture::into_future(sent))),
    )
}

/// What an error code is in Python.
pub(crate) fn kind_of(code: &ErrorCode) -> OsErrorKind {
    match code {
        ErrorCode::AccessDenied => OsErrorKind::AccessDenied,
        ErrorCode::NotSupported
        | ErrorCode::InvalidArgument
        | ErrorCode::InvalidState
        | ErrorCode::DatagramTooLarge => OsErrorKind::InvalidArgument,
        ErrorCode::OutOfMemory => OsErrorKind::OutOfResources,
        ErrorCode::Timeout => OsErrorKind::TimedOut,
        ErrorCode::AddressNotBindable => OsErrorKind::AddressNotAvailable,
        ErrorCode::AddressInUse => OsErrorKind::AddressInUse,
        ErrorCode::RemoteUnreachable => OsErrorKind::Unreachable,
        ErrorCode::ConnectionRefused => OsErrorKind::ConnectionRefused,
        ErrorCode::ConnectionBroken => OsErrorKind::BrokenPipe,
        ErrorCode::ConnectionReset => OsErrorKind::ConnectionReset,
        ErrorCode::ConnectionAborted => OsErrorKind::ConnectionAborted,
        ErrorCode::Other(_) => OsErrorKind::Other,
    }
}

/// The system's words for an error code.
pub(crate) fn describe(code: &ErrorCode) -> String {
    match code {
        ErrorCode::Other(Some(text)) => text.clone(),
        ErrorCode::InvalidState => "Operation not possible in the socket's state".into(),
        ErrorCode::NotSupported => "Operation not supported".into(),
        code => kind_of(code).describe().into(),
    }
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

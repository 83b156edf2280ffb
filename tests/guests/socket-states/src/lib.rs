//! Calls every function of TCP sockets, in states where it works and in states where it does not, and prints what comes of it.
//!
//! It talks to itself over loopback addresses of both families. Ports are the system's and not printed, so that two runs on
//! hosts that behave alike print the same.

mod connections;
mod fresh;
mod options;

use std::fmt::Debug;

use console::println;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_bindgen::StreamReader;

pub(crate) use IpAddressFamily::{Ipv4 as V4, Ipv6 as V6};

/// Prints one step and what came of it.
pub(crate) fn told(step: &str, outcome: impl Debug) {
    println(format!("{step}: {outcome:?}"));
}

pub(crate) fn socket(family: IpAddressFamily) -> TcpSocket {
    TcpSocket::create(family).expect("a socket can be made")
}

pub(crate) fn v4(address: (u8, u8, u8, u8), port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

pub(crate) fn v6(address: [u16; 8], port: u16) -> IpSocketAddress {
    let [a, b, c, d, e, f, g, h] = address;
    let address = (a, b, c, d, e, f, g, h);
    IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
}

pub(crate) fn loopback(family: IpAddressFamily) -> IpSocketAddress {
    match family {
        V4 => v4((127, 0, 0, 1), 0),
        V6 => v6([0, 0, 0, 0, 0, 0, 0, 1], 0),
    }
}

/// An address without its port, which differs from run to run.
pub(crate) fn shown(address: Result<IpSocketAddress, ErrorCode>) -> Result<String, ErrorCode> {
    address.map(|address| match address {
        IpSocketAddress::Ipv4(v4) => format!("{:?}, {}", v4.address, port(v4.port)),
        IpSocketAddress::Ipv6(v6) => {
            format!("{:?}, {}, flow {}, scope {}", v6.address, port(v6.port), v6.flow_info, v6.scope_id)
        }
    })
}

fn port(port: u16) -> &'static str {
    if port == 0 { "port 0" } else { "a port" }
}

/// A listening socket, its connections, and its address.
pub(crate) fn listening(family: IpAddressFamily) -> (TcpSocket, StreamReader<TcpSocket>, IpSocketAddress) {
    let listener = socket(family);
    listener.bind(loopback(family)).expect("a port is free");
    let accepted = listener.listen().expect("it is bound");
    let address = listener.get_local_address().expect("it listens");
    (listener, accepted, address)
}

/// Two ends of a connection.
pub(crate) async fn pair(family: IpAddressFamily) -> (TcpSocket, TcpSocket) {
    let (_listener, mut accepted, address) = listening(family);
    let client = socket(family);
    client.connect(address).await.expect("somebody listens");
    let server = accepted.next().await.expect("somebody connects");
    (client, server)
}

/// An address that nobody listens on.
pub(crate) fn closed_address(family: IpAddressFamily) -> IpSocketAddress {
    let socket = socket(family);
    socket.bind(loopback(family)).expect("a port is free");
    socket.get_local_address().expect("it is bound")
}

/// What a socket says of itself.
pub(crate) fn state(name: &str, socket: &TcpSocket) {
    told(&format!("{name} family"), socket.get_address_family());
    told(&format!("{name} listening"), socket.get_is_listening());
    told(&format!("{name} local"), shown(socket.get_local_address()));
    told(&format!("{name} remote"), shown(socket.get_remote_address()));
}

struct States;

impl wasip3::exports::cli::run::Guest for States {
    async fn run() -> Result<(), ()> {
        for family in [V4, V6] {
            fresh::run(family).await;
            options::run(family).await;
            connections::run(family).await;
        }
        Ok(())
    }
}

wasip3::cli::command::export!(States);

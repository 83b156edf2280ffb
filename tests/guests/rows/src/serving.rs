//! Cases of servers.

use std::rc::Rc;

use asyncio::sockets::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use asyncio::{
    AddressFamily, Error, OsErrorKind, Server, ServerOptions, TcpSocket, open_connection, open_connection_sock,
    start_server_sock, start_server_with,
};
use wit_bindgen::spawn_local;

use crate::helpers::{Outcome, Wrong, expect, holds, server, sleep};

/// Connects to every socket of the server, accepts, and exchanges a line each.
async fn talk(server: &Server) -> Outcome {
    for address in server.sockets() {
        let host = address.host();
        let host = match host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        let (reader, writer) = open_connection(host, address.port()).await?;
        let (accepted, answering) = server.accept().await?;
        writer.write(b"hello\n")?;
        answering.write(&accepted.readline().await?)?;
        expect(host, reader.readline().await?, b"hello\n".to_vec())?;
    }
    Ok(())
}

pub(crate) async fn several_hosts_and_families() -> Outcome {
    let options = ServerOptions {
        backlog: Some(5),
        keep_alive: Some(true),
        reuse_address: Some(true),
        ..ServerOptions::default()
    };
    let server = start_server_with(&["127.0.0.1", "::1", "127.0.0.3"], 0, options).await?;
    let families: Vec<_> = server.sockets().into_iter().map(|address| address.family()).collect();
    expect("families", families, vec![AddressFamily::Inet, AddressFamily::Inet6, AddressFamily::Inet])?;
    talk(&server).await?;
    let only = ServerOptions { family: Some(AddressFamily::Inet6), ..ServerOptions::default() };
    let server = start_server_with(&["::1"], 0, only).await?;
    expect("sockets", server.sockets().len(), 1)?;
    for (name, options) in [
        ("reuse_port", ServerOptions { reuse_port: Some(true), ..ServerOptions::default() }),
        ("reuse_address", ServerOptions { reuse_address: Some(false), ..ServerOptions::default() }),
        ("flags", ServerOptions { flags: Some(1), ..ServerOptions::default() }),
    ] {
        match start_server_with(&["127.0.0.1"], 0, options).await {
            Err(Error::NotImplemented(text)) => holds(&format!("'{text}' does not name {name}"), text.contains(name))?,
            other => return Err(Wrong(format!("{name}: {other:?}"))),
        }
    }
    Ok(())
}

/// The test connects, looks at the system's table of connections, and then kills this.
pub(crate) async fn keep_alive_reaches_the_connections() -> Outcome {
    let options = ServerOptions { keep_alive: Some(true), ..ServerOptions::default() };
    let server = start_server_with(&["127.0.0.1"], 0, options).await?;
    for socket in server.sockets() {
        console::println(format!("Serving on {socket}"));
    }
    let _accepted = server.accept().await?;
    sleep(20_000).await;
    Ok(())
}

pub(crate) async fn every_interface_without_a_host() -> Outcome {
    let server = start_server_with(&[""; 0], 0, ServerOptions::default()).await?;
    let hosts: Vec<_> = server.sockets().into_iter().map(|address| address.host()).collect();
    expect("hosts", hosts, vec!["0.0.0.0".to_owned(), "::".to_owned()])?;
    talk(&server).await
}

pub(crate) async fn a_bound_socket_is_served() -> Outcome {
    let fail = |what: &'static str| move |code| Wrong(format!("{what}: {code}"));
    let unbound = TcpSocket::create(IpAddressFamily::Ipv4).map_err(fail("create"))?;
    match start_server_sock(unbound, ServerOptions::default()).await {
        Err(Error::Os(_)) => {}
        other => return Err(Wrong(format!("a socket that is not bound: {other:?}"))),
    }
    let unconnected = TcpSocket::create(IpAddressFamily::Ipv4).map_err(fail("create"))?;
    match open_connection_sock(unconnected, None).await {
        Err(Error::Os(error)) => {
            expect("not connected", error.kind, OsErrorKind::NotConnected)?;
            expect("not connected", error.message, "Transport endpoint is not connected".into())?;
        }
        other => return Err(Wrong(format!("a socket that is not connected: {other:?}"))),
    }
    let bound = TcpSocket::create(IpAddressFamily::Ipv4).map_err(fail("create"))?;
    bound.bind(IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) })).map_err(fail("bind"))?;
    let server = start_server_sock(bound, ServerOptions::default()).await?;
    talk(&server).await
}

pub(crate) async fn clients_are_closed() -> Outcome {
    let (server, address) = server().await?;
    let (reader, _writer) = open_connection(&address.host(), address.port()).await?;
    let (_accepted, accepted_writer) = server.accept().await?;
    accepted_writer.write(b"written before")?;
    server.close();
    server.close_clients();
    expect("what was written", reader.read(-1).await?, b"written before".to_vec())?;
    holds("not closing", accepted_writer.is_closing())?;
    server.wait_closed().await;
    Ok(())
}

pub(crate) async fn clients_are_aborted() -> Outcome {
    let (server, address) = server().await?;
    let (_reader, _writer) = open_connection(&address.host(), address.port()).await?;
    let (_accepted, accepted_writer) = server.accept().await?;
    accepted_writer.write(vec![0; 8_000_000])?;
    server.close();
    server.abort_clients();
    holds("not closing", accepted_writer.is_closing())?;
    server.wait_closed().await;
    Ok(())
}

pub(crate) async fn a_cancelled_accept_loses_no_connection() -> Outcome {
    let (server, address) = server().await?;
    let server = Rc::new(server);
    for round in 0..50 {
        let accepting = server.clone();
        let mut task = spawn_local(async move { accepting.accept().await.map(|_| ()) });
        sleep(0).await;
        task.cancel();
        sleep(0).await;
        let (_reader, writer) = open_connection(&address.host(), address.port()).await?;
        writer.write(format!("round {round}\n").as_bytes())?;
        let (accepted, _accepted_writer) = server.accept().await?;
        expect("the line", accepted.readline().await?, format!("round {round}\n").into_bytes())?;
    }
    Ok(())
}

pub(crate) async fn close_ends_every_waiting_accept() -> Outcome {
    let (server, address) = server().await?;
    let server = Rc::new(server);
    let accept = || {
        let server = server.clone();
        spawn_local(async move { server.accept().await.map(|_| ()) })
    };
    let tasks: Vec<_> = (0..3).map(|_| accept()).collect();
    sleep(0).await;
    let _connected = open_connection(&address.host(), address.port()).await?;
    sleep(20).await;
    server.close();
    let mut accepted = 0;
    for task in tasks {
        match task.await {
            Some(Ok(())) => accepted += 1,
            Some(Err(Error::Runtime(text))) => expect("closed", text, "server <Server sockets=()> is closed".into())?,
            other => return Err(Wrong(format!("accept: {other:?}"))),
        }
    }
    expect("accepted", accepted, 1)?;
    server.wait_closed().await;
    Ok(())
}

/// The test counts the descriptors of the process.
pub(crate) async fn two_hundred_cancelled_reads_leave_nothing() -> Outcome {
    let (server, address) = server().await?;
    console::println("begin");
    for _ in 0..200 {
        let (reader, writer) = open_connection(&address.host(), address.port()).await?;
        let (_accepted, _accepted_writer) = server.accept().await?;
        let mut task = spawn_local(async move { reader.readline().await });
        sleep(0).await;
        task.cancel();
        writer.close();
        writer.wait_closed().await?;
    }
    console::println("end");
    sleep(20_000).await;
    Ok(())
}

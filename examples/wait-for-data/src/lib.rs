//! Registering an open socket to wait for data, from the asyncio documents.
//!
//! ```text
//! wasyncio run dist/examples/wait-for-data.wasm --allow-listen 127.0.0.1:0 --allow-connect '127.0.0.1:*'
//! ```
//!
//! prints `Received: abc`. WASI has no `socketpair`, so the pair is made of two TCP sockets on the loopback.
//!
//! ```python
//! async def wait_for_data():
//!     # Create a pair of connected sockets.
//!     rsock, wsock = socket.socketpair()
//!
//!     # Register the open socket to wait for data.
//!     reader, writer = await asyncio.open_connection(sock=rsock)
//!
//!     # Simulate the reception of data from the network
//!     loop.call_soon(wsock.send, 'abc'.encode())
//!
//!     # Wait for data
//!     data = await reader.read(100)
//!
//!     # Got data, we are done: close the socket
//!     print("Received:", data.decode())
//!     writer.close()
//!     await writer.wait_closed()
//!
//!     # Close the second socket
//!     wsock.close()
//! ```

use console::{eprintln, println};
use wasyncio_client::sockets::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasyncio_client::{TcpSocket, open_connection_sock, spawn};

/// A pair of connected sockets.
async fn socketpair() -> Result<(TcpSocket, TcpSocket), ErrorCode> {
    let listening = TcpSocket::create(IpAddressFamily::Ipv4)?;
    listening.bind(IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) }))?;
    let mut accepted = listening.listen()?;
    let connecting = TcpSocket::create(IpAddressFamily::Ipv4)?;
    connecting.connect(listening.get_local_address()?).await?;
    let accepted = accepted.next().await.ok_or(ErrorCode::ConnectionAborted)?;
    Ok((accepted, connecting))
}

async fn wait_for_data() -> Result<(), String> {
    // Create a pair of connected sockets.
    let (rsock, wsock) = socketpair().await.map_err(|code| format!("no pair of sockets: {code}"))?;

    // Register the open socket to wait for data.
    let opened = open_connection_sock(rsock, None).await;
    let (reader, writer) = opened.map_err(|error| error.to_string())?;

    // Simulate the reception of data from the network
    let (mut sending, to_send) = wasip3::wit_stream::new();
    let sent = wsock.send(to_send);
    spawn(async move {
        sending.write_all(b"abc".to_vec()).await;
    });

    // Wait for data
    let data = reader.read(100).await.map_err(|error| error.to_string())?;

    // Got data, we are done: close the socket
    println(format!("Received: {}", String::from_utf8_lossy(&data)));
    writer.close();
    writer.wait_closed().await.map_err(|error| error.to_string())?;

    // Close the second socket
    drop((sent, wsock));
    Ok(())
}

struct WaitForData;

impl wasip3::exports::cli::run::Guest for WaitForData {
    async fn run() -> Result<(), ()> {
        wait_for_data().await.map_err(|error| eprintln(format!("wait-for-data: {error}")))
    }
}

wasip3::cli::command::export!(WaitForData with_types_in wasyncio_client::command);

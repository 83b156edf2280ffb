//! The TCP echo server of the asyncio documents, as printed there: it answers one message and closes.
//!
//! ```text
//! wasyncio run dist/examples/tcp-echo-server.wasm --allow-listen 127.0.0.1:8888  # one terminal
//! wasyncio run dist/examples/tcp-echo-client.wasm --allow-connect 127.0.0.1:8888 # another
//! ```
//!
//! An argument names another address.
//!
//! ```python
//! async def handle_echo(reader, writer):
//!     data = await reader.read(100)
//!     message = data.decode()
//!     addr = writer.get_extra_info('peername')
//!
//!     print(f"Received {message!r} from {addr!r}")
//!
//!     print(f"Send: {message!r}")
//!     writer.write(data)
//!     await writer.drain()
//!
//!     print("Close the connection")
//!     writer.close()
//!     await writer.wait_closed()
//!
//! async def main():
//!     server = await asyncio.start_server(handle_echo, '127.0.0.1', 8888)
//!
//!     addrs = ', '.join(str(sock.getsockname()) for sock in server.sockets)
//!     print(f'Serving on {addrs}')
//!
//!     async with server:
//!         await server.serve_forever()
//!
//! asyncio.run(main())
//! ```

use console::{eprintln, println, repr};
use wasyncio_client::{Error, ExtraInfo, StreamReader, StreamWriter, start_server};

async fn handle_echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
    let data = reader.read(100).await?;
    let message = String::from_utf8_lossy(&data);
    let info = writer.get_extra_info("peername");
    let addr = info.as_ref().and_then(ExtraInfo::as_address).map(ToString::to_string).unwrap_or_default();

    println(format!("Received {} from {addr}", repr(&message)));

    println(format!("Send: {}", repr(&message)));
    writer.write(&data)?;
    writer.drain().await?;

    println("Close the connection");
    writer.close();
    writer.wait_closed().await
}

async fn serve(host: &str, port: u16) -> Result<(), Error> {
    let server = start_server(host, port).await?;

    let addrs: Vec<_> = server.sockets().iter().map(ToString::to_string).collect();
    println(format!("Serving on {}", addrs.join(", ")));

    server
        .serve_forever(|reader, writer| async {
            if let Err(error) = handle_echo(reader, writer).await {
                println(format!("The connection failed: {error}"));
            }
        })
        .await
}

struct TcpEchoServer;

impl wasip3::exports::cli::run::Guest for TcpEchoServer {
    async fn run() -> Result<(), ()> {
        let address = console::arguments().into_iter().next().unwrap_or_else(|| "127.0.0.1:8888".into());
        let Some((host, Ok(port))) = address.rsplit_once(':').map(|(host, port)| (host, port.parse())) else {
            eprintln(format!("tcp-echo-server: '{address}' is no HOST:PORT"));
            return Err(());
        };
        serve(host, port).await.map_err(|error| eprintln(format!("tcp-echo-server: {error}")))
    }
}

wasip3::cli::command::export!(TcpEchoServer with_types_in wasyncio_client::command);

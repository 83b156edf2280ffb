//! The TCP echo client of the asyncio documents.
//!
//! ```text
//! cargo xtask echo                                                               # one terminal
//! wasyncio run dist/examples/tcp-echo-client.wasm --allow-connect 127.0.0.1:8888 # another
//! ```
//!
//! prints what it sends and receives. The echo server of `cargo xtask echo` answers lines, so give a message with a line's end,
//! or close the server's input: the documents' own server is `tcp-echo-server`. Arguments: the message, and the address.
//!
//! ```python
//! async def tcp_echo_client(message):
//!     reader, writer = await asyncio.open_connection('127.0.0.1', 8888)
//!
//!     print(f'Send: {message!r}')
//!     writer.write(message.encode())
//!     await writer.drain()
//!
//!     data = await reader.read(100)
//!     print(f'Received: {data.decode()!r}')
//!
//!     print('Close the connection')
//!     writer.close()
//!     await writer.wait_closed()
//!
//! asyncio.run(tcp_echo_client('Hello World!'))
//! ```

use console::{eprintln, println, repr};
use wasyncio_client::{Error, open_connection};

async fn tcp_echo_client(message: &str, host: &str, port: u16) -> Result<(), Error> {
    let (reader, writer) = open_connection(host, port).await?;

    println(format!("Send: {}", repr(message)));
    writer.write(message.as_bytes())?;
    writer.drain().await?;

    let data = reader.read(100).await?;
    println(format!("Received: {}", repr(&String::from_utf8_lossy(&data))));

    println("Close the connection");
    writer.close();
    writer.wait_closed().await
}

struct TcpEchoClient;

impl wasip3::exports::cli::run::Guest for TcpEchoClient {
    async fn run() -> Result<(), ()> {
        let mut arguments = console::arguments().into_iter();
        let message = arguments.next().unwrap_or_else(|| "Hello World!".into());
        let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8888".into());
        let Some((host, Ok(port))) = address.rsplit_once(':').map(|(host, port)| (host, port.parse())) else {
            eprintln(format!("tcp-echo-client: '{address}' is no HOST:PORT"));
            return Err(());
        };
        let connected = tcp_echo_client(&message, host, port).await;
        connected.map_err(|error| eprintln(format!("tcp-echo-client: {error}")))
    }
}

wasip3::cli::command::export!(TcpEchoClient with_types_in wasyncio_client::command);

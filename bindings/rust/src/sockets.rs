//! Python's `sock=`: readers, writers and servers of sockets that the program made itself with `wasi:sockets`.

pub use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasyncio_core::options::ServerOptions;
use wasyncio_core::{Result, Server, StreamReader, StreamWriter, limit_or_default};

use crate::connection::streams;
use crate::generated::raw;
use crate::serve::serving;

/// A reader and a writer of a connected socket. `limit` is in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`](crate::Error::Value) if the limit is 0; [`Error::Os`](crate::Error::Os) if the socket is not connected.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(sock=sock)`.
pub async fn open_connection_sock(socket: TcpSocket, limit: Option<u64>) -> Result<(StreamReader, StreamWriter)> {
    let bytes = limit_or_default(limit)?;
    let (reader, writer) = generated::wasyncio::streams::sockets::open_connection(socket, None).await?;
    streams(raw::take(reader, writer).await?, bytes)
}

/// A server of a bound socket.
///
/// # Errors
/// As [`start_server_with`](crate::start_server_with); [`Error::NotImplemented`](crate::Error::NotImplemented) with `ssl`; [`Error::Os`](crate::Error::Os) if the socket is not bound.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, sock=sock)`.
pub async fn start_server_sock(socket: TcpSocket, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    let listens = options.start_serving != Some(false);
    if options.ssl.is_some() {
        let text = "ssl: not for a socket of the program's own; name the host and the port, or link the crate wasyncio";
        return Err(wasyncio_core::Error::NotImplemented(text.into()));
    }
    let server = generated::wasyncio::streams::sockets::start_server(socket, Some(options.into())).await?;
    serving(server, listens, limit).await
}

mod generated {
    #![allow(warnings, unsafe_code, reason = "generated")]

    wit_bindgen::generate!({
        inline: "
            package wasyncio:client;
            world sockets {
                import wasyncio:streams/sockets@0.1.0;
            }
        ",
        path: "../../wit",
        world: "wasyncio:client/sockets",
        with: {
            "wasi:clocks/types@0.3.2": wasip3::clocks::types,
            "wasi:sockets/types@0.3.2": wasip3::sockets::types,
            "wasyncio:streams/server@0.1.0": crate::generated::wasyncio::streams::server,
            "wasyncio:streams/sockets@0.1.0": generate,
            "wasyncio:streams/streams@0.1.0": crate::generated::wasyncio::streams::streams,
            "wasyncio:streams/types@0.1.0": crate::generated::wasyncio::streams::types,
        },
    });
}

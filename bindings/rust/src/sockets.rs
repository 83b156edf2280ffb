//! Python's `sock=`: readers, writers and servers of sockets that the program made itself with `wasi:sockets`.

use wasip3::sockets::types::TcpSocket;

use crate::{Error, Server, ServerOptions, StreamReader, StreamWriter, pair};

/// A reader and a writer of a connected socket. `limit` is in bytes; none is 65,536.
///
/// # Errors
/// [`Error::ValueError`] if the limit is 0; [`Error::OsError`] if the socket is not connected.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(sock=sock)`.
pub async fn open_connection(sock: TcpSocket, limit: Option<u64>) -> Result<(StreamReader, StreamWriter), Error> {
    Ok(pair(generated::wasyncio::streams::sockets::open_connection(sock, limit).await?))
}

/// A server of a bound socket.
///
/// # Errors
/// As [`start_server_with`](crate::start_server_with); [`Error::OsError`] if the socket is not bound.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, sock=sock)`.
pub async fn start_server(sock: TcpSocket, options: Option<ServerOptions>) -> Result<Server, Error> {
    Ok(Server::of(generated::wasyncio::streams::sockets::start_server(sock, options).await?))
}

mod generated {
    #![allow(
        missing_docs,
        unreachable_pub,
        unsafe_code,
        clippy::allow_attributes_without_reason,
        clippy::use_self,
        clippy::undocumented_unsafe_blocks,
        reason = "generated"
    )]

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

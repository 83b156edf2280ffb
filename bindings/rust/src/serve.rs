//! `asyncio.start_server`.

use wasyncio_core::options::ServerOptions;
use wasyncio_core::{Result, Server, limit_or_default};
use wasyncio_transport::runtime::runtime;

use crate::generated::server;
use crate::listener::RemoteListener;

/// Listens by TCP on every address of `host`; an empty one means every interface. Port 0 picks a free port, which
/// [`Server::sockets`] tells.
///
/// # Errors
/// [`Error::Os`](crate::Error::Os) if the host does not resolve or an address cannot be bound, naming it; what was already bound
/// is closed.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, host, port)`.
pub async fn start_server(host: &str, port: u16) -> Result<Server> {
    start_server_with(&[host], port, ServerOptions::default()).await
}

/// Listens by TCP on every address of the hosts, with asyncio's keyword arguments. No host, or an empty one alone, means every
/// interface. An address that this machine does not have, or of a family that it does not have, is left out.
///
/// # Errors
/// As [`start_server`]; [`Error::Value`](crate::Error::Value) if the limit is 0;
/// [`Error::NotImplemented`](crate::Error::NotImplemented) naming the option that WASI cannot do. With `ssl`
/// [`Error::Value`](crate::Error::Value) without an identity, and [`Error::Os`](crate::Error::Os) for what the policy does not grant.
pub async fn start_server_with(hosts: &[impl AsRef<str>], port: u16, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    let listens = options.start_serving != Some(false);
    let hosts: Vec<_> = hosts.iter().map(|host| host.as_ref().to_owned()).collect();
    let server = match options.ssl.clone() {
        None => server::start_server(hosts, port, Some(options.into())).await?,
        #[cfg(feature = "tls")]
        Some(ssl) => crate::generated::tls::start_server(hosts, port, ssl.into(), Some(options.into())).await?,
        #[cfg(not(feature = "tls"))]
        Some(_) => return Err(crate::connection::without_tls()),
    };
    serving(server, listens, limit).await
}

/// A server of one of the component's, which `listens` if it was made so.
pub(crate) async fn serving(server: server::Server, listens: bool, limit: usize) -> Result<Server> {
    let server = Server::new(runtime(), vec![Box::new(RemoteListener::new(server, listens))], limit);
    if listens {
        server.start_serving().await?;
    }
    Ok(server)
}

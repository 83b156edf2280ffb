//! The interface `tls`.

use wasyncio_core::options::{ConnectionOptions, ServerOptions, UnixConnectionOptions, UnixServerOptions};
use wasyncio_transport::runtime::make_resident;

use super::Component;
use super::bindings::{connect, server, streams, tls, types, unix};
use super::resources::split;
use crate::connect::open_connection_with;
use crate::listen::start_server_with;
use crate::start_tls::StartTls;
use crate::unix::{open_unix_connection_with, start_unix_server_with};

type Pair = (streams::StreamReader, streams::StreamWriter);

impl tls::Guest for Component {
    async fn open_connection(
        host: Option<String>,
        port: Option<u16>,
        ssl: tls::SslOptions,
        options: Option<connect::ConnectionOptions>,
    ) -> Result<Pair, types::Error> {
        make_resident();
        let opened = async {
            let options: ConnectionOptions = options.map(TryInto::try_into).transpose()?.unwrap_or_default();
            let options = ConnectionOptions { ssl: Some(ssl.try_into()?), ..options };
            open_connection_with(host.as_deref(), port, options).await
        };
        Ok(split(opened.await?))
    }

    async fn start_server(
        hosts: Vec<String>,
        port: u16,
        ssl: tls::SslOptions,
        options: Option<server::ServerOptions>,
    ) -> Result<server::Server, types::Error> {
        make_resident();
        let options: ServerOptions = options.map(Into::into).unwrap_or_default();
        let options = ServerOptions { ssl: Some(ssl.try_into()?), ..options };
        Ok(server::Server::new(start_server_with(&hosts, port, options).await?))
    }

    async fn open_unix_connection(
        path: Vec<u8>,
        ssl: tls::SslOptions,
        options: Option<unix::UnixConnectionOptions>,
    ) -> Result<Pair, types::Error> {
        make_resident();
        let options: UnixConnectionOptions = options.map(Into::into).unwrap_or_default();
        let options = UnixConnectionOptions { ssl: Some(ssl.try_into()?), ..options };
        Ok(split(open_unix_connection_with(path, options).await?))
    }

    async fn start_unix_server(
        path: Vec<u8>,
        ssl: tls::SslOptions,
        options: Option<unix::UnixServerOptions>,
    ) -> Result<server::Server, types::Error> {
        make_resident();
        let options: UnixServerOptions = options.map(Into::into).unwrap_or_default();
        let options = UnixServerOptions { ssl: Some(ssl.try_into()?), ..options };
        Ok(server::Server::new(start_unix_server_with(path, options).await?))
    }

    async fn start_tls(writer: streams::StreamWriterBorrow<'_>, ssl: tls::SslOptions) -> Result<(), types::Error> {
        make_resident();
        Ok(writer.get::<crate::StreamWriter>().start_tls(ssl.try_into()?).await?)
    }
}

//! `open-connection` and `start-server`.

use super::Component;
use super::bindings::{connect, server, streams, types};
use super::resources::split;
use crate::connect::open_connection_with;
use crate::server::start_server_with;
use crate::transport::background;

impl streams::Guest for Component {
    type StreamReader = crate::StreamReader;
    type StreamWriter = crate::StreamWriter;
}

impl connect::Guest for Component {
    async fn open_connection(
        host: Option<String>,
        port: Option<u16>,
        options: Option<connect::ConnectionOptions>,
    ) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        background::stay();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(split(open_connection_with(host.as_deref(), port, options).await?))
    }
}

impl server::Guest for Component {
    type Server = crate::Server;

    async fn start_server(
        hosts: Vec<String>,
        port: u16,
        options: Option<server::ServerOptions>,
    ) -> Result<server::Server, types::Error> {
        background::stay();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(server::Server::new(start_server_with(&hosts, port, options).await?))
    }
}

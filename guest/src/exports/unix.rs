//! The interface `unix`.

use wasyncio_transport::runtime::make_resident;

use super::Component;
use super::bindings::{server, streams, types, unix};
use super::resources::split;
use crate::unix::{open_unix_connection_with, start_unix_server_with};

impl unix::Guest for Component {
    async fn open_unix_connection(
        path: Vec<u8>,
        options: Option<unix::UnixConnectionOptions>,
    ) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        make_resident();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(split(open_unix_connection_with(path, options).await?))
    }

    async fn start_unix_server(
        path: Vec<u8>,
        options: Option<unix::UnixServerOptions>,
    ) -> Result<server::Server, types::Error> {
        make_resident();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(server::Server::new(start_unix_server_with(path, options).await?))
    }
}

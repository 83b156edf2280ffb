//! `open-connection` and `start-server`.

use super::Component;
use super::bindings::{connect, server, sockets, streams, types};
use super::resources::split;
use wasyncio_transport::ByteStream;
use wasyncio_transport::runtime::make_resident;

use crate::connect::{from_streams, open_connection_sock, open_connection_with};
use crate::listen::{start_server_sock, start_server_with};
use crate::wasi::tcp::TcpSocket;

impl streams::Guest for Component {
    type StreamReader = crate::StreamReader;
    type StreamWriter = crate::StreamWriter;
    type Transport = crate::Transport;
    type StreamReaderProtocol = crate::StreamReaderProtocol;

    async fn from_streams(
        incoming: ByteStream,
        limit: Option<u32>,
    ) -> Result<(streams::StreamReader, streams::StreamWriter, ByteStream), types::Error> {
        make_resident();
        let (reader, writer, outgoing) = from_streams(incoming, limit.map(Into::into))?;
        Ok((streams::StreamReader::new(reader), streams::StreamWriter::new(writer), outgoing))
    }
}

impl sockets::Guest for Component {
    async fn open_connection(
        sock: TcpSocket,
        limit: Option<u32>,
    ) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        make_resident();
        Ok(split(open_connection_sock(sock, limit.map(Into::into)).await?))
    }

    async fn start_server(
        sock: TcpSocket,
        options: Option<server::ServerOptions>,
    ) -> Result<server::Server, types::Error> {
        make_resident();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(server::Server::new(start_server_sock(sock, options).await?))
    }
}

impl connect::Guest for Component {
    async fn open_connection(
        host: Option<String>,
        port: Option<u16>,
        options: Option<connect::ConnectionOptions>,
    ) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        make_resident();
        let opened = async {
            let options = options.map(TryInto::try_into).transpose()?.unwrap_or_default();
            open_connection_with(host.as_deref(), port, options).await
        };
        Ok(split(opened.await?))
    }
}

impl server::Guest for Component {
    type Server = crate::Server;

    async fn start_server(
        hosts: Vec<String>,
        port: u16,
        options: Option<server::ServerOptions>,
    ) -> Result<server::Server, types::Error> {
        make_resident();
        let options = options.map(Into::into).unwrap_or_default();
        Ok(server::Server::new(start_server_with(&hosts, port, options).await?))
    }
}

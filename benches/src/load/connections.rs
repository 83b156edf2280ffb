//! Opening connections, and one exchange on one of them.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::lines::Lines;
use crate::Result;
use crate::tls::Client;

/// How many are opened before the last of them is used: below every server's backlog, so that none waits for a
/// retransmission.
const BATCH: usize = 50;

/// A connection that checks what it gets back.
pub(super) struct Connection<S = TcpStream> {
    pub(super) stream: S,
    number: usize,
    back: Vec<u8>,
}

/// What can be connected to.
pub(super) trait Connect: AsyncRead + AsyncWrite + Send + Unpin + Sized + 'static {
    /// Where.
    type Address: ToOwned<Owned: Send + Sync + 'static> + Sync + ?Sized;

    /// Connects.
    fn connect(address: &Self::Address) -> impl Future<Output = std::io::Result<Self>> + Send;
}

impl Connect for TcpStream {
    type Address = SocketAddr;

    async fn connect(address: &SocketAddr) -> std::io::Result<Self> {
        let stream = Self::connect(*address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Connect for UnixStream {
    type Address = Path;

    async fn connect(path: &Path) -> std::io::Result<Self> {
        Self::connect(path).await
    }
}

impl Connect for TlsStream<TcpStream> {
    type Address = Client;

    async fn connect(client: &Client) -> std::io::Result<Self> {
        client.connect().await
    }
}

impl Connection {
    /// Connects; `number` makes its lines different from the others'.
    pub(super) async fn open(address: SocketAddr, number: usize) -> Result<Self> {
        Self::connect(&address, number).await
    }
}

impl<S: Connect> Connection<S> {
    /// Connects to any kind of server.
    pub(super) async fn connect(address: &S::Address, number: usize) -> Result<Self> {
        Ok(Self { stream: S::connect(address).await?, number, back: Vec::new() })
    }

    /// Lines for this connection.
    pub(super) fn lines(&self, count: usize, length: usize) -> Lines {
        Lines::new(self.number, count, length)
    }

    /// Has so many lines of so many bytes echoed, each before the next.
    pub(super) async fn exchange_all(&mut self, count: usize, length: usize) -> Result<()> {
        let mut lines = self.lines(1, length);
        for _ in 0..count {
            self.exchange(&mut lines).await?;
        }
        // A crowd's long lines would be hundreds of megabytes here, too.
        self.back = Vec::new();
        Ok(())
    }

    /// Sends the next of `lines` and waits until they are back.
    pub(super) async fn exchange(&mut self, lines: &mut Lines) -> Result<()> {
        let sent = lines.next();
        self.back.resize(sent.len(), 0);
        if sent.len() < 16384 {
            self.stream.write_all(sent).await?;
            // TLS may keep what the system has not taken.
            self.stream.flush().await?;
            self.stream.read_exact(&mut self.back).await?;
        } else {
            // The server may send the beginning back before it has taken the end.
            let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
            let send = async {
                writer.write_all(sent).await?;
                writer.flush().await
            };
            tokio::try_join!(send, reader.read_exact(&mut self.back))?;
        }
        if self.back == sent { Ok(()) } else { Err("what came back is not what was sent".into()) }
    }
}

/// Opens `count` connections; all of them are accepted when this returns, and most have not been used.
pub(super) async fn open(address: SocketAddr, count: usize) -> Result<Vec<Connection>> {
    open_at(&address, count).await
}

/// The same of any kind.
pub(super) async fn open_at<S: Connect>(address: &S::Address, count: usize) -> Result<Vec<Connection<S>>> {
    let mut connections = Vec::with_capacity(count);
    while connections.len() < count {
        for _ in 0..BATCH.min(count - connections.len()) {
            connections.push(Connection::connect(address, connections.len()).await?);
        }
        // Servers accept in order: when the last is served, the others are accepted.
        let last = connections.last_mut().expect("at least one was opened");
        let mut lines = last.lines(1, 64);
        last.exchange(&mut lines).await?;
    }
    Ok(connections)
}

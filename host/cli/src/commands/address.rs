//! Where metrics are served: an address, or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// What `--metrics` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MetricsAddress {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

/// A socket that listens there.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("write unix: and the path of the socket".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| "write IP:PORT, or unix:PATH".to_owned())
    }
}

impl MetricsAddress {
    /// The path of a Unix socket.
    pub(super) fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::Tcp(_) => None,
            #[cfg(unix)]
            Self::Unix(path) => Some(path),
        }
    }

    /// Listens, and says where the metrics are. A Unix socket that a process before has left is replaced.
    pub(super) async fn listen(&self) -> io::Result<(Listener, String)> {
        match self {
            Self::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let place = format!("http://{}/metrics", listener.local_addr()?);
                Ok((Listener::Tcp(listener), place))
            }
            #[cfg(unix)]
            Self::Unix(path) => {
                use std::os::unix::fs::FileTypeExt;
                use std::os::unix::net::UnixStream;

                let left = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
                let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
                if left && UnixStream::connect(path).is_err_and(|error| refused(&error)) {
                    std::fs::remove_file(path)?;
                }
                let listener = tokio::net::UnixListener::bind(path)?;
                Ok((Listener::Unix(listener), format!("unix:{}, path /metrics", path.display())))
            }
        }
    }
}

impl std::fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            #[cfg(unix)]
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_it_is_written() {
        for text in ["127.0.0.1:9090", "[::1]:0"] {
            assert_eq!(text.parse::<MetricsAddress>().unwrap().to_string(), text);
        }
        #[cfg(unix)]
        assert_eq!("unix:/run/m".parse::<MetricsAddress>().unwrap().to_string(), "unix:/run/m");
        for text in ["", "9090", "localhost:9090", "unix:"] {
            assert!(text.parse::<MetricsAddress>().is_err(), "{text}");
        }
    }
}

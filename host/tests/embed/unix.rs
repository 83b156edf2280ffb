//! Unix sockets.

use std::os::unix::net::UnixListener;

use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError};
use wasyncio_host::{Metrics, Policy};

use crate::support::started;

#[tokio::test]
async fn unix_sockets_are_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let any = format!("{}/*", folder.path().display());
    let policy = Policy::new().allow_unix(any.parse().unwrap()).allow_unix_listen(any.parse().unwrap());
    let asyncio = started(policy, &Metrics::new()).await;

    let server = asyncio.start_unix_server(path("x"), Default::default()).await.unwrap();
    assert_eq!(server.unix_sockets().await.unwrap(), [path("x")]);
    let (reader, writer) = asyncio.open_unix_connection(path("x"), Default::default()).await.unwrap();
    let (_accepted, answering) = server.accept().await.unwrap();
    answering.write(b"hello\n").await.unwrap();
    answering.drain().await.unwrap();
    assert_eq!(reader.readline().await.unwrap(), b"hello\n");
    assert!(writer.can_write_eof().await.unwrap());
    server.close().await.unwrap();
    assert!(!path("x").exists(), "it is removed as the server closes");

    let error = asyncio.open_unix_connection(path("x"), Default::default()).await.unwrap_err();
    let kind = |error: StreamError| match error {
        StreamError::Asyncio(AsyncioError::OsError(error)) => error.kind,
        other => panic!("{other}"),
    };
    assert_eq!(kind(error), OsErrorKind::FileNotFound);
    let _elsewhere = UnixListener::bind(path("y")).unwrap();
    let error = asyncio.open_unix_connection("/run/nothing-granted", Default::default()).await.unwrap_err();
    assert_eq!(kind(error), OsErrorKind::AccessDenied);
    asyncio.open_unix_connection(path("y"), Default::default()).await.unwrap();
}

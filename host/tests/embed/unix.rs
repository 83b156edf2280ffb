//! Unix sockets.

use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::thread;

use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError};
use wasyncio_host::{Decision, Host, Metrics, Policy, Request};

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

#[tokio::test]
async fn the_embedders_function_decides_on_the_thread_that_runs_the_component() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let streams = Host::builder().cache(true).build().unwrap().streams().unwrap();
    let streams = streams.decide(move |request| {
        told.lock().unwrap().push((format!("{request:?}"), thread::current().id()));
        match request {
            Request::ConnectUnix(_) | Request::ListenUnix(_) => Decision::Allow,
            _ => Decision::Deny,
        }
    });
    let asyncio = streams.start().await.unwrap();
    let _server = asyncio.start_unix_server(folder.path().join("x"), Default::default()).await.unwrap();
    asyncio.open_unix_connection(folder.path().join("x"), Default::default()).await.unwrap();
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|(request, _)| request.starts_with("ListenUnix(")), "{asked:?}");
    assert!(asked.iter().any(|(request, _)| request.starts_with("ConnectUnix(")), "{asked:?}");
    assert!(asked.iter().all(|(_, at)| *at == thread::current().id()), "{asked:?}");
}

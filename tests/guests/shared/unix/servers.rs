//! Servers.

use std::rc::Rc;

use asyncio::{
    Error, Server, StreamReader, StreamWriter, UnixServerOptions, open_unix_connection, start_unix_server,
    start_unix_server_with,
};
use case_runner::sleep;
use wit_bindgen::spawn_local;

use crate::told::say;
use crate::{argument, attempt, bytes, credentials, name_of, path, show};

fn address(server: &Server) -> String {
    server.sockets().first().map(ToString::to_string).unwrap_or_default()
}

async fn echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            break;
        }
        writer.write(line)?;
        writer.drain().await?;
    }
    writer.close();
    writer.wait_closed().await
}

/// Argument: a folder as for `connect_errors`.
pub(crate) async fn server_errors() -> Result<(), Error> {
    let folder = argument(0);
    for name in ["file", "file/x", "missing/x", "folder", "dangling", "to-nobody"] {
        let path = format!("{folder}/{name}");
        attempt(name, &start_unix_server(&path).await);
    }
    attempt("107 bytes", &start_unix_server(format!("missing/{}", "a".repeat(99))).await);
    attempt("108 bytes", &start_unix_server("a".repeat(108)).await);
    attempt("a NUL", &start_unix_server(format!("{folder}/a\0b")).await);
    // One that is stale makes way.
    let server = start_unix_server(format!("{folder}/nobody")).await?;
    attempt("connect", &open_unix_connection(format!("{folder}/nobody")).await);
    server.close();
    server.wait_closed().await;
    attempt("connect", &open_unix_connection(format!("{folder}/nobody")).await);
    // A name is taken as long as somebody has it.
    let name = bytes("@wasyncio-test-server-errors");
    let server = start_unix_server(&name).await?;
    say(format!("sockname {}", address(&server).replace('\0', "@")));
    attempt("a name that is taken", &start_unix_server(&name).await);
    attempt("connect", &open_unix_connection(&name).await);
    server.close();
    server.wait_closed().await;
    attempt("connect", &open_unix_connection(&name).await);
    Ok(())
}

/// Argument: a path. The test connects.
pub(crate) async fn names_of_a_server() -> Result<(), Error> {
    let server = start_unix_server(path(0)).await?;
    say(format!("Serving on {}", address(&server)));
    let (reader, writer) = server.accept().await?;
    say(format!("peername '{}'", name_of(&writer, "peername")));
    say(format!("sockname {}", name_of(&writer, "sockname")));
    say(credentials(&writer));
    show("line", String::from_utf8_lossy(&reader.readline().await?));
    writer.close();
    server.close();
    server.wait_closed().await;
    show("sockets", server.sockets().len());
    Ok(())
}

/// Argument: a path. Serves one connection, closes, and waits for the peer's end.
pub(crate) async fn serve_one() -> Result<(), Error> {
    serve(UnixServerOptions::default()).await
}

/// The same, and leaves the file.
pub(crate) async fn keep_the_file() -> Result<(), Error> {
    serve(UnixServerOptions { cleanup_socket: Some(false), ..UnixServerOptions::default() }).await
}

async fn serve(options: UnixServerOptions) -> Result<(), Error> {
    let server = start_unix_server_with(path(0), options).await?;
    say(format!("Serving on {}", address(&server)));
    let (reader, writer) = server.accept().await?;
    server.close();
    say("closed");
    show("rest", String::from_utf8_lossy(&reader.read(-1).await?));
    writer.close();
    server.wait_closed().await;
    Ok(())
}

/// Argument: a path.
pub(crate) async fn start_serving_later() -> Result<(), Error> {
    let options = UnixServerOptions { start_serving: Some(false), limit: Some(4), ..UnixServerOptions::default() };
    let server = Rc::new(start_unix_server_with(path(0), options).await?);
    show("is_serving", server.is_serving());
    attempt("connect", &open_unix_connection(path(0)).await);
    attempt("start_serving", &server.start_serving().await);
    show("is_serving", server.is_serving());
    let accepting = server.clone();
    let accepted = spawn_local(async move { accepting.accept().await });
    let (_reader, writer) = open_unix_connection(path(0)).await?;
    writer.write(b"longer than the limit\n")?;
    writer.drain().await?;
    let Some(Ok((reader, _writer))) = accepted.await else { return Err(Error::Other("nothing was accepted".into())) };
    attempt("readline", &reader.readline().await);
    server.close();
    Ok(())
}

/// Argument: a path. A second server takes the path from the first, which leaves the file alone when it is closed.
pub(crate) async fn taken_over() -> Result<(), Error> {
    let first = start_unix_server(path(0)).await?;
    let second = start_unix_server(path(0)).await?;
    first.close();
    first.wait_closed().await;
    let (_reader, writer) = open_unix_connection(path(0)).await?;
    let (reader, _writer) = second.accept().await?;
    writer.write(b"to the second\n")?;
    writer.drain().await?;
    show("line", String::from_utf8_lossy(&reader.readline().await?));
    second.close();
    attempt("connect", &open_unix_connection(path(0)).await);
    Ok(())
}

/// Arguments: a path, and how many connections to serve.
pub(crate) async fn echo_server() -> Result<(), Error> {
    let server = Rc::new(start_unix_server(path(0)).await?);
    say(format!("Serving on {}", address(&server)));
    let count: usize = case_runner::number(1);
    for _ in 0..count {
        let (reader, writer) = server.accept().await?;
        asyncio_spawn(async move {
            if let Err(error) = echo(reader, writer).await {
                say(format!("echo {error}"));
            }
        });
    }
    server.close();
    server.wait_closed().await;
    sleep(0).await;
    say("done");
    Ok(())
}

fn asyncio_spawn(task: impl Future<Output = ()> + 'static) {
    drop(spawn_local(task));
}

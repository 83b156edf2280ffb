//! Scenarios of a server; it connects to itself.

use std::rc::Rc;

use asyncio::{
    Error, Server, ServerOptions, SocketAddress, StreamReader, StreamWriter, open_connection, spawn, start_server,
    start_server_with,
};
use wit_bindgen::spawn_local;

use crate::transcript::{Repr, attempt, class, say, sleep, told};

async fn echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            break;
        }
        writer.write(&line)?;
        writer.drain().await?;
    }
    writer.close();
    Ok(())
}

/// What Python does with the callback: accepts until the server is closed.
fn serve(server: &Rc<Server>) {
    let server = server.clone();
    spawn(async move {
        while let Ok((reader, writer)) = server.accept().await {
            spawn(async move {
                // How a connection ends is of no interest here.
                let _ = echo(reader, writer).await;
            });
        }
    });
}

fn address(server: &Server) -> SocketAddress {
    server.sockets().swap_remove(0)
}

async fn connect_to(address: &SocketAddress) -> Result<(StreamReader, StreamWriter), Error> {
    open_connection(&address.host(), address.port()).await
}

pub(crate) async fn server_shutdown_with_clients() -> Result<(), Error> {
    let server = Rc::new(start_server("127.0.0.1", 0).await?);
    serve(&server);
    say(format!("is_serving {} {}", server.is_serving().repr(), server.sockets().len()));
    say(format!("Serving on {}", address(&server)));
    let (reader, writer) = connect_to(&address(&server)).await?;
    writer.write(b"before\n")?;
    attempt("before", reader.readline().await);
    server.close();
    server.close();
    say(format!("is_serving {} {}", server.is_serving().repr(), server.sockets().len()));
    attempt("start_serving", server.serve_until_closed().await);
    writer.write(b"after\n")?;
    attempt("after", reader.readline().await);
    writer.close();
    writer.wait_closed().await?;
    attempt("wait_closed", {
        server.wait_closed().await;
        Ok(())
    });
    Ok(())
}

pub(crate) async fn start_serving_later() -> Result<(), Error> {
    let options = ServerOptions { start_serving: Some(false), ..ServerOptions::default() };
    let server = Rc::new(start_server_with(&["127.0.0.1"], 0, options).await?);
    let address = address(&server);
    say(format!("is_serving {}", server.is_serving().repr()));
    if let Err(error) = connect_to(&address).await {
        say(class(&error));
    }
    attempt("start_serving", server.start_serving().await);
    attempt("start_serving", server.start_serving().await);
    serve(&server);
    say(format!("is_serving {}", server.is_serving().repr()));
    let (reader, writer) = connect_to(&address).await?;
    writer.write(b"hello\n")?;
    attempt("echo", reader.readline().await);
    writer.close();
    server.close();
    attempt("wait_closed", {
        server.wait_closed().await;
        Ok(())
    });
    Ok(())
}

pub(crate) async fn serve_forever() -> Result<(), Error> {
    let options = ServerOptions { start_serving: Some(false), ..ServerOptions::default() };
    let server = Rc::new(start_server_with(&["127.0.0.1"], 0, options).await?);
    let address = address(&server);
    let serving = server.clone();
    let mut task = spawn_local(async move { serving.serve_until_closed().await });
    sleep(10).await;
    say(format!("is_serving {}", server.is_serving().repr()));
    if let Err(Error::Runtime(text)) = server.serve_until_closed().await {
        say(format!("second {}", text.ends_with("is already being awaited on serve_forever()").repr()));
    }
    serve(&server);
    let (reader, writer) = connect_to(&address).await?;
    writer.write(b"hello\n")?;
    attempt("echo", reader.readline().await);
    writer.close();
    writer.wait_closed().await?;
    task.cancel();
    sleep(50).await;
    say(format!("is_serving {} {}", server.is_serving().repr(), server.sockets().len()));
    attempt("serve_forever", server.serve_until_closed().await);
    if let Err(error) = connect_to(&address).await {
        say(class(&error));
    }
    Ok(())
}

pub(crate) async fn bind_failures() -> Result<(), Error> {
    let server = start_server("127.0.0.1", 0).await?;
    let port = address(&server).port();
    let start =
        |host: &'static str, port, options| async move { start_server_with(&[host], port, options).await.map(|_| ()) };
    if let Err(error) = start("127.0.0.1", port, ServerOptions::default()).await {
        say(format!("taken {}", told(&error).replace(&port.to_string(), "PORT")));
    }
    attempt("limit", start("127.0.0.1", 0, ServerOptions { limit: Some(0), ..ServerOptions::default() }).await);
    server.close();
    Ok(())
}

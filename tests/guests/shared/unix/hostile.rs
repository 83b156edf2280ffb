//! Programs that try what they may not.

use asyncio::{Error, StreamWriter, UnixServerOptions, open_unix_connection, start_unix_server_with};

use crate::told::say;
use crate::{argument, attempt, bytes, path};

fn all() -> impl Iterator<Item = String> {
    console::arguments().into_iter().skip(1)
}

/// Arguments: paths.
pub(crate) async fn connect_to() -> Result<(), Error> {
    for path in all() {
        attempt(&path, &open_unix_connection(bytes(&path)).await);
    }
    Ok(())
}

/// Arguments: paths.
pub(crate) async fn listen_on() -> Result<(), Error> {
    for path in all() {
        // It leaves the file, if there is one then, for the test to see.
        let options = UnixServerOptions { cleanup_socket: Some(false), ..UnixServerOptions::default() };
        attempt(&path, &start_unix_server_with(bytes(&path), options).await);
    }
    Ok(())
}

/// Arguments: a path, and how often to listen there; a folder, and how many sockets to keep in it.
pub(crate) async fn bind_often() -> Result<(), Error> {
    let times: usize = case_runner::number(1);
    for _ in 0..times {
        let server = start_unix_server_with(path(0), UnixServerOptions::default()).await?;
        server.close();
    }
    say(format!("{times} times"));
    let (folder, many): (_, usize) = (argument(2), case_runner::number(3));
    let mut servers = Vec::new();
    let mut failure = None;
    for number in 0..many {
        match start_unix_server_with(format!("{folder}/{number}"), UnixServerOptions::default()).await {
            Ok(server) => servers.push(server),
            Err(error) => failure = Some(error),
        }
    }
    say(format!("{} at once, then: {}", servers.len(), failure.map(|error| error.to_string()).unwrap_or_default()));
    Ok(())
}

/// Arguments: a path, and how often to connect. Tells whom it has reached.
pub(crate) async fn swap() -> Result<(), Error> {
    let times: usize = case_runner::number(1);
    let (mut reached, mut refused) = (0, 0);
    for _ in 0..times {
        match open_unix_connection(path(0)).await {
            Ok((reader, writer)) => {
                reached += 1;
                let line = reader.readline().await?;
                if line != b"allowed\n" {
                    say(format!("reached {}", String::from_utf8_lossy(&line)));
                }
                close(&writer);
            }
            Err(_) => refused += 1,
        }
    }
    say(format!("reached {} refused {}", reached > 0, refused > 0));
    Ok(())
}

/// Argument: a path where somebody answers lines. Between the two lines it may be that the program may not connect there any more.
pub(crate) async fn ask_twice() -> Result<(), Error> {
    let (reader, writer) = open_unix_connection(path(0)).await?;
    for question in ["first", "second"] {
        writer.write(format!("{question}\n").as_bytes())?;
        attempt(question, &reader.readline().await);
    }
    attempt("again", &open_unix_connection(path(0)).await);
    Ok(())
}

fn close(writer: &StreamWriter) {
    writer.close();
}

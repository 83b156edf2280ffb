//! Clients.

use asyncio::{Error, UnixConnectionOptions, open_unix_connection, open_unix_connection_with};

use crate::told::say;
use crate::{argument, attempt, bytes, credentials, name_of, path, show};

/// Argument: a folder with a file `file`, a socket `nobody` on which nobody listens, and a folder `folder`.
pub(crate) async fn connect_errors() -> Result<(), Error> {
    let folder = argument(0);
    for name in ["missing", "missing/x", "file", "file/x", "file/", "folder", "folder/", "nobody", "to-nobody"] {
        let path = format!("{folder}/{name}");
        attempt(name, &open_unix_connection(&path).await);
    }
    attempt("empty", &open_unix_connection("").await);
    attempt("107 bytes", &open_unix_connection("a".repeat(107)).await);
    attempt("108 bytes", &open_unix_connection("a".repeat(108)).await);
    attempt("a name", &open_unix_connection(bytes("@wasyncio-nobody-has-this")).await);
    attempt("a name of 107 bytes", &open_unix_connection(bytes(&format!("@{}", "a".repeat(107)))).await);
    attempt("a name of 108 bytes", &open_unix_connection(bytes(&format!("@{}", "a".repeat(108)))).await);
    let options = UnixConnectionOptions { limit: Some(0) };
    attempt("limit", &open_unix_connection_with(format!("{folder}/missing"), options).await);
    Ok(())
}

/// Argument: a path where somebody listens, who sends a line.
pub(crate) async fn names_of_a_client() -> Result<(), Error> {
    let (reader, writer) = open_unix_connection(path(0)).await?;
    say(format!("peername {}", name_of(&writer, "peername")));
    say(format!("sockname '{}'", name_of(&writer, "sockname")));
    say(credentials(&writer));
    show("can_write_eof", writer.can_write_eof());
    show("line", String::from_utf8_lossy(&reader.readline().await?));
    writer.close();
    writer.wait_closed().await
}

/// Argument: a path where somebody listens, who answers when our side has ended.
pub(crate) async fn half_close() -> Result<(), Error> {
    let (reader, writer) = open_unix_connection(path(0)).await?;
    writer.write(b"question")?;
    writer.write_eof()?;
    show("answer", String::from_utf8_lossy(&reader.read(-1).await?));
    show("at_eof", reader.at_eof());
    show("is_closing", writer.is_closing());
    writer.close();
    attempt("wait_closed", &writer.wait_closed().await);
    Ok(())
}

/// Arguments: a path where somebody echoes, and how many lines to send, of growing length.
pub(crate) async fn echo_client() -> Result<(), Error> {
    let (reader, writer) = open_unix_connection(path(0)).await?;
    let count: usize = case_runner::number(1);
    for length in 0..count {
        let line = [&vec![b'a'; length * 100][..], b"\n"].concat();
        writer.write(&line)?;
        writer.drain().await?;
        let echo = reader.readline().await?;
        if echo != line {
            say(format!("line {length} came back as {} bytes", echo.len()));
        }
    }
    writer.write_eof()?;
    show("rest", reader.read(-1).await?.len());
    writer.close();
    attempt("wait_closed", &writer.wait_closed().await);
    Ok(())
}

/// Argument: a path where somebody listens, who closes without reading what is sent.
pub(crate) async fn reset() -> Result<(), Error> {
    let (reader, writer) = open_unix_connection(path(0)).await?;
    writer.write(b"unread\n")?;
    writer.drain().await?;
    say("sent");
    attempt("readline", &reader.readline().await);
    attempt("wait_closed", &writer.wait_closed().await);
    Ok(())
}

//! Printing what happens as Python prints it.

use std::rc::Rc;

use asyncio::{
    ConnectionOptions, Error, SslOptions, StreamReader, StreamWriter, UnixConnectionOptions, open_connection_with,
    open_unix_connection_with,
};
use case_runner::number;
pub(crate) use case_runner::sleep;

pub(crate) use crate::told::{class, say, told};

/// What Python's `repr` makes of a value.
pub(crate) trait Repr {
    fn repr(&self) -> String;
}

impl Repr for () {
    fn repr(&self) -> String {
        "None".into()
    }
}

impl Repr for bool {
    fn repr(&self) -> String {
        if *self { "True" } else { "False" }.into()
    }
}

impl Repr for Vec<u8> {
    fn repr(&self) -> String {
        let escaped: String = self
            .iter()
            .map(|&byte| match byte {
                b'\n' => "\\n".into(),
                b'\r' => "\\r".into(),
                b'\t' => "\\t".into(),
                b'\\' => "\\\\".into(),
                b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            })
            .collect();
        format!("b'{escaped}'")
    }
}

/// Prints what a call came to.
pub(crate) fn attempt<T: Repr>(name: &str, result: Result<T, Error>) {
    match result {
        Ok(value) => say(format!("{name} {}", value.repr())),
        Err(error) => say(format!("{name} {}", told(&error))),
    }
}

/// The number of the port that the peer listens on.
pub(crate) fn port() -> u16 {
    number(0)
}

/// A connection to the peer, with parts that tasks can share.
pub(crate) async fn connect() -> Result<(Rc<StreamReader>, Rc<StreamWriter>), Error> {
    connect_with(None).await
}

/// The same with the reader's limit. The peer listens on a port or, if the argument is a path, on a Unix socket; it speaks TLS if there
/// is another argument.
pub(crate) async fn connect_with(limit: Option<u64>) -> Result<(Rc<StreamReader>, Rc<StreamWriter>), Error> {
    let arguments = console::arguments();
    let peer = arguments.get(1).cloned().unwrap_or_default();
    let ssl = arguments.get(2).map(|_| SslOptions {
        trust: Some("peer".into()),
        server_hostname: Some("localhost".into()),
        ..SslOptions::default()
    });
    let (reader, writer) = if peer.contains('/') {
        open_unix_connection_with(peer, UnixConnectionOptions { limit, ssl }).await?
    } else {
        let options = ConnectionOptions { limit, ssl, ..ConnectionOptions::default() };
        open_connection_with(Some("127.0.0.1"), Some(port()), options).await?
    };
    say("connected");
    Ok((Rc::new(reader), Rc::new(writer)))
}

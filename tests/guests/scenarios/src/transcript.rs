//! Printing what happens as Python prints it.

use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use asyncio::{Error, OsErrorKind, StreamReader, StreamWriter};

/// Prints an event.
pub(crate) fn say(words: impl Display) {
    console::println(words.to_string());
}

/// The class and the words of an exception.
pub(crate) fn told(error: &Error) -> String {
    format!("{}: {error}", class(error))
}

/// The name of Python's class for an error.
pub(crate) fn class(error: &Error) -> &'static str {
    match error {
        Error::Value(_) => "ValueError",
        Error::Runtime(_) => "RuntimeError",
        Error::Assertion(_) => "AssertionError",
        Error::IncompleteRead { .. } => "IncompleteReadError",
        Error::LimitOverrun { .. } => "LimitOverrunError",
        Error::Group(_) => "ExceptionGroup",
        Error::NotImplemented(_) => "NotImplementedError",
        Error::Ssl { .. } => "SSLError",
        Error::SslCertVerification { .. } => "SSLCertVerificationError",
        Error::Other(_) => "Exception",
        Error::Os(error) => match error.kind {
            OsErrorKind::AccessDenied => "PermissionError",
            OsErrorKind::BrokenPipe => "BrokenPipeError",
            OsErrorKind::ConnectionAborted => "ConnectionAbortedError",
            OsErrorKind::ConnectionRefused => "ConnectionRefusedError",
            OsErrorKind::ConnectionReset => "ConnectionResetError",
            OsErrorKind::NameNotResolved => "gaierror",
            OsErrorKind::TimedOut => "TimeoutError",
            _ => "OSError",
        },
    }
}

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
    console::arguments().get(1).and_then(|port| port.parse().ok()).unwrap_or_default()
}

/// A connection to the peer, with parts that tasks can share.
pub(crate) async fn connect() -> Result<(Rc<StreamReader>, Rc<StreamWriter>), Error> {
    let (reader, writer) = asyncio::open_connection("127.0.0.1", port()).await?;
    say("connected");
    Ok((Rc::new(reader), Rc::new(writer)))
}

/// `asyncio.sleep`.
pub(crate) async fn sleep(milliseconds: u64) {
    if milliseconds == 0 {
        // Twice, as everything that has become ready has to run, and then what that has made ready.
        wit_bindgen::yield_async().await;
        wit_bindgen::yield_async().await;
    } else {
        let time = Duration::from_millis(milliseconds);
        wasip3::clocks::monotonic_clock::wait_for(time.as_nanos() as u64).await;
    }
}

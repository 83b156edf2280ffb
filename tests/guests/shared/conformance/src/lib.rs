//! The sandbox's side of the conformance test: runs programs over a stream reader and reports what happens. In
//! `tests/conformance`, `program.rs` says what programs look like, and `oracle.py` and `connections.py` what reports do and how
//! CPython makes them.
//!
//! The reader is any of ours, as [`Reader`] has it: one that is fed by hand ([`Fed`]), or that of a real connection
//! ([`Connection`]). The first line of the reports names the side; each of the others answers one line of the programs.

mod connected;
mod exception;
mod fed;
mod fields;
mod reads;

use std::fmt::Debug;
use std::future::Future;

use wasip3::cli::{stdin, stdout};
use wit_bindgen::rt::async_support::StreamResult;

pub use exception::{Exception, Kind};

/// How much of the standard input is taken at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A stream reader that programs are run on. Its methods are asyncio's, but for the errors.
pub trait Reader: Sized + 'static {
    /// `read(n)`
    fn read(&self, n: i64) -> impl Future<Output = Result<Vec<u8>, Exception>>;

    /// `readline()`
    fn readline(&self) -> impl Future<Output = Result<Vec<u8>, Exception>>;

    /// `readexactly(n)`
    fn readexactly(&self, n: i64) -> impl Future<Output = Result<Vec<u8>, Exception>>;

    /// `readuntil(separators)`
    fn readuntil(&self, separators: Vec<Vec<u8>>) -> impl Future<Output = Result<Vec<u8>, Exception>>;

    /// `exception()`
    fn exception(&self) -> Option<Exception>;

    /// `at_eof()`
    fn at_eof(&self) -> bool;
}

/// A reader that is fed by hand.
pub trait Fed: Reader {
    /// `StreamReader(limit)`
    ///
    /// # Errors
    /// If the limit makes no sense.
    fn new(limit: Option<i64>) -> Result<Self, Exception>;

    /// `feed_data(data)`
    ///
    /// # Errors
    /// After the end was fed.
    fn feed_data(&self, data: &[u8]) -> Result<(), Exception>;

    /// `feed_eof()`
    fn feed_eof(&self);

    /// `set_exception(exception)`
    ///
    /// # Errors
    /// In words, if there is no such exception.
    fn set_exception(&self, exception: Exception) -> Result<(), String>;
}

/// The writer of a connection, which keeps it open.
pub trait Connection: Sized + 'static {
    /// The reader of the same connection.
    type Reader: Reader;

    /// `open_connection('127.0.0.1', port, limit=limit)`
    fn open(port: u16, limit: Option<i64>) -> impl Future<Output = Result<(Self::Reader, Self), Exception>>;

    /// `write(data)`
    ///
    /// # Errors
    /// As asyncio's.
    fn write(&self, data: &[u8]) -> Result<(), Exception>;

    /// `close()`
    fn close(&self);
}

/// Runs the programs of the standard input on a reader that is fed by hand and writes their reports to the standard output.
///
/// # Errors
/// In words: a program that cannot be understood, or a stream that broke.
pub async fn run_fed<R: Fed>() -> Result<(), String> {
    serve(async |line: &str| fed::run::<R>(line).await).await
}

/// The same on readers of real connections. The peer waits at two ports: at the first for what it has to do, at the second for
/// a connection to do it with.
///
/// # Errors
/// As [`run_fed`]; or the peer is not there.
pub async fn run_connected<C: Connection>(ports: &[String]) -> Result<(), String> {
    let ports = ports.iter().map(|port| port.parse::<u16>().map_err(|error| format!("port {port}: {error}")));
    let [commands, connections] = ports.collect::<Result<Vec<_>, _>>()?[..] else {
        return Err("the arguments are two ports of the peer".to_owned());
    };
    let peer = connected::Peer::<C>::meet(commands, connections).await?;
    serve(async |line: &str| connected::run(&peer, line).await).await
}

/// Answers each line of the standard input with what `run` makes of it.
async fn serve(mut run: impl AsyncFnMut(&str) -> Result<String, String>) -> Result<(), String> {
    let (mut programs, input_ended) = stdin::read_via_stream();
    let (mut reports, output) = wasip3::wit_stream::new();
    let output_ended = stdout::write_via_stream(output);
    reports.write_all(b"wasyncio\n".to_vec()).await;

    let mut unread: Vec<u8> = Vec::new();
    loop {
        let (result, chunk) = programs.read(Vec::with_capacity(CHUNK)).await;
        unread.extend_from_slice(&chunk);
        let complete = unread.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let rest = unread.split_off(complete);
        let lines = String::from_utf8(std::mem::replace(&mut unread, rest)).map_err(|error| error.to_string())?;
        for line in lines.lines() {
            let mut report = run(line).await.map_err(|reason| format!("{line}: {reason}"))?;
            report.push('\n');
            // One by one: if the next program traps, the harness knows which it was.
            if !reports.write_all(report.into_bytes()).await.is_empty() {
                return Err("nobody takes the reports".to_owned());
            }
        }
        if matches!(result, StreamResult::Dropped) {
            break;
        }
    }
    drop(reports);
    input_ended.await.map_err(|error| format!("cannot read the standard input: {error:?}"))?;
    output_ended.await.map_err(|error| format!("cannot write to the standard output: {error:?}"))
}

/// A number as a reader's own methods and errors have it; programs have no larger ones than fit.
pub fn number<From: TryInto<To, Error: Debug>, To>(number: From) -> To {
    number.try_into().expect("programs keep within what the interface takes")
}

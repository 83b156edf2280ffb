//! Connections from a transport's halves, and back.

use std::future::Future;

use crate::connection::{Connection, Taken};
use crate::error::Result;
use crate::reader::StreamReader;
use crate::reader_state::ReaderState;
use crate::runtime::Runtime;
use crate::transport::Halves;
use crate::writer::StreamWriter;

/// The reader and the writer of a new connection. `limit` is in bytes, above 0: see
/// [`limit_or_default`](crate::limit_or_default).
pub fn open(runtime: &'static dyn Runtime, halves: Halves, limit: usize) -> (StreamReader, StreamWriter) {
    let state = ReaderState::new(limit);
    let connection = Connection::new(runtime, halves, state.clone());
    (StreamReader::of(state, connection.clone()), StreamWriter::of(connection))
}

/// Replaces the directions of a connection by what `make` makes of them, and of what was received and not read: what
/// `StreamWriter.start_tls` does. The reader and the writer stay.
///
/// Called in a task: ending a read in flight may block it.
///
/// # Errors
/// [`Error::Runtime`](crate::Error::Runtime) if somebody waits in the reader, or it is TLS already; the error that has broken the
/// connection; that of `make`, which closes it.
///
/// # Cancel safety
/// Dropped before it has answered, it closes the connection.
pub async fn upgrade<F: Future<Output = Result<Halves>>>(
    writer: &StreamWriter,
    make: impl FnOnce(Halves, Vec<u8>) -> F,
) -> Result<()> {
    writer.connection().upgrade(make).await
}

/// Takes a connection apart: sends what was written, and ends what is in flight. Its reader and writer are at their end then.
///
/// Called in a task: ending a read in flight may block it.
///
/// # Errors
/// [`Error::Runtime`](crate::Error::Runtime) if somebody waits in the reader, or the two are not of one open connection; the
/// error that has broken it.
///
/// # Cancel safety
/// Dropped before it has answered, it closes the connection, as dropping the writer does.
pub async fn take(reader: StreamReader, writer: StreamWriter) -> Result<Taken> {
    writer.connection().take(reader.state()).await
}

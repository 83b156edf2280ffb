//! A connection of the imported component as the two halves of a transport.

use std::rc::Rc;

use wasyncio_core::extra_info::ExtraInfo;
use wasyncio_core::transport::{Capabilities, Halves, Info};
use wasyncio_core::{Result, StreamReader, StreamWriter, open};
use wasyncio_transport::outcome::{FutureOutcome, OutcomeSource};
use wasyncio_transport::runtime::runtime;
use wasyncio_transport::{Inbound, Outbound};
use wit_bindgen::rt::async_support::FutureReader;

use crate::generated::{BYTES, ErrorCode, raw, wit_stream};

/// The reader and writer of a connection. `limit` is in bytes.
///
/// # Errors
/// [`Error::Runtime`](crate::Error::Runtime) if the connection was opened before or has been ended.
pub(crate) fn streams(connection: raw::Connection, limit: usize) -> Result<(StreamReader, StreamWriter)> {
    let (halves, read_ahead) = halves(connection)?;
    let (reader, writer) = open(runtime(), halves, limit);
    reader.feed_data(&read_ahead)?;
    Ok((reader, writer))
}

/// The halves of a connection, and what was received before.
///
/// # Errors
/// As [`streams`].
pub(crate) fn halves(connection: raw::Connection) -> Result<(Halves, Vec<u8>)> {
    let (sending, outgoing) = wit_stream::new();
    #[cfg(feature = "tls")]
    let capabilities = match connection.get_extra_info("ssl_object") {
        Some(_) => Capabilities::TLS,
        None => Capabilities::default(),
    };
    #[cfg(not(feature = "tls"))]
    let capabilities = Capabilities::default();
    let raw::Directions { read_ahead, incoming, received, sent } = connection.open(outgoing)?;
    let halves = Halves {
        receive: Box::new(Inbound::new(incoming, BYTES, Some(outcome(received)))),
        send: Box::new(Outbound::begun(sending, BYTES, Some(outcome(sent)))),
        info: Rc::new(Known(connection)),
        capabilities,
    };
    Ok((halves, read_ahead))
}

fn outcome(ended: FutureReader<std::result::Result<(), ErrorCode>>) -> Box<dyn OutcomeSource> {
    Box::new(FutureOutcome::new(ended, |result| result.map_err(|code| failure(&code))))
}

wasyncio_transport::failure_of_error_code!(ErrorCode);

/// What the component knows of a connection.
struct Known(raw::Connection);

impl Info for Known {
    fn get(&self, name: &str) -> Option<ExtraInfo> {
        self.0.get_extra_info(name).map(Into::into)
    }

    fn connection_lost(&self) {
        self.0.finished();
    }
}

/// What is said of TLS where it was not built in.
#[cfg(not(feature = "tls"))]
pub(crate) fn without_tls() -> wasyncio_core::Error {
    wasyncio_core::Error::NotImplemented(
        "ssl: this program was built without the feature tls of wasyncio-client".into(),
    )
}

//! The two directions of a connection made of any two streams.

use std::future::ready;

use wit_bindgen::rt::async_support::StreamReader;

use super::bindings::wit_stream;
use super::inbound::Inbound;
use super::outbound::Outbound;

/// Directions that receive from `incoming` and send into the stream that is given with them. Streams carry no reason for their
/// end, so neither direction ever fails with one.
pub(crate) fn split(incoming: StreamReader<u8>) -> (Inbound, Outbound, StreamReader<u8>) {
    let (sending, outgoing) = wit_stream::new();
    (Inbound::new(incoming, Box::pin(ready(Ok(())))), Outbound::new(sending, Box::pin(ready(Ok(())))), outgoing)
}

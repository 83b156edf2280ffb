//! Any two streams as a connection.

use std::rc::Rc;

use wasyncio_core::extra_info::Addresses;
use wasyncio_core::transport::{Capabilities, Halves};
use wit_bindgen::rt::async_support::stream_new;

use crate::inbound::Inbound;
use crate::outbound::Outbound;
use crate::{ByteStream, ByteStreamVtable};

/// Halves that receive from `incoming` and send into the stream that is given with them. Streams carry no reason for their
/// end, so neither half ever fails with one. `vtable` is that of the component's bindings.
#[expect(unsafe_code, reason = "makes a stream")]
pub fn pipe(incoming: ByteStream, vtable: &'static ByteStreamVtable) -> (Halves, ByteStream) {
    // SAFETY: the vtable is that of this component's bindings.
    let (sending, outgoing) = unsafe { stream_new(vtable) };
    let halves = Halves {
        receive: Box::new(Inbound::new(incoming, vtable, None)),
        send: Box::new(Outbound::begun(sending, vtable, None)),
        info: Rc::new(Addresses::default()),
        capabilities: Capabilities::default(),
    };
    (halves, outgoing)
}

//! What comes out of a stream, sent by a direction that was begun before.

use std::future::poll_fn;

use wasyncio_core::transport::{Payload, ReceiveHalf, Received, SendHalf, Sent};

use crate::inbound::Inbound;
use crate::outbound::Outbound;
use crate::{ByteStream, ByteStreamVtable, runtime};

/// Bytes that are forwarded at once.
const FORWARDED: usize = 16 * 1024;

/// Sends what comes out of `stream` by `outbound`, in a task of its own, and ends that with it. `vtable` is that of the component's
/// bindings.
pub fn forward(stream: ByteStream, mut outbound: Outbound, vtable: &'static ByteStreamVtable) {
    runtime::spawn(Box::pin(async move {
        let mut inbound = Inbound::new(stream, vtable, None);
        loop {
            let chunk = poll_fn(|cx| {
                inbound.poll_receive(cx, FORWARDED).map(|received| match received {
                    Received::Data(chunk) => Some(std::mem::take(chunk)),
                    Received::Eof | Received::Failed(_) => None,
                })
            });
            let Some(chunk) = chunk.await else { break };
            outbound.send(Payload::Collected(chunk));
            match poll_fn(|cx| outbound.poll_sent(Some(cx))).await {
                Sent::All(_) => {}
                Sent::Broken => return,
            }
        }
        outbound.end();
    }));
}

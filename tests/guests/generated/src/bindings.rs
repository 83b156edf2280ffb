//! The generated bindings.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    dead_code,
    clippy::allow_attributes_without_reason,
    clippy::use_self,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasyncio:streams/imports",
    generate_all,
});

pub(crate) use wasyncio::streams::{connect, server, streams, types};

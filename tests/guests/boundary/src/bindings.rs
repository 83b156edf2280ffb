//! The generated bindings of the world `imports`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::allow_attributes_without_reason,
    clippy::use_self,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasyncio:streams/imports",
    generate_all,
    additional_derives: [PartialEq],
});

pub(crate) use wasyncio::streams::{connect, server, streams, types};

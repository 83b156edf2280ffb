//! The generated bindings of the world `imports-full`: what any language's generator makes of it.

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
    world: "wasyncio:streams/imports-full",
    generate_all,
});

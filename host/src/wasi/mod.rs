//! What of WASI this host provides itself: TCP sockets and look-ups; the rest is wasmtime-wasi's.

pub(crate) mod binds02;
pub(crate) mod lookup;
pub(crate) mod sockets02;
pub(crate) mod tcp;

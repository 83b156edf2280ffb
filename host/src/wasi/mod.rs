//! What of WASI this host provides itself: TCP sockets, look-ups, and the bounds of files and of pending calls; the rest is wasmtime-wasi's.

pub(crate) mod binds02;
pub(crate) mod calls;
pub(crate) mod filesystem;
pub(crate) mod lookup;
pub(crate) mod resolver;
pub(crate) mod sockets02;
pub(crate) mod tcp;

#[cfg(test)]
mod replaced_tests;

//! What a host offers beside WASI: the package `wasyncio:host`.

pub(crate) mod bindings;
pub(crate) mod listener;
pub(crate) mod unix;

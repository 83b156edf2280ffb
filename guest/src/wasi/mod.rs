//! What the system offers: `wasi:sockets` and `wasi:clocks`.

pub(crate) mod bindings;
pub(crate) mod clock;
pub(crate) mod listener;
pub(crate) mod tcp;

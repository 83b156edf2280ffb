//! What a host offers beside WASI: the package `wasyncio:host`.

#[cfg(feature = "unix")]
pub(crate) mod bindings;
#[cfg(feature = "unix")]
pub(crate) mod listener;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(feature = "tls")]
pub(crate) mod tls_bindings;
#[cfg(feature = "tls")]
pub(crate) mod tls_listener;
#[cfg(feature = "unix")]
pub(crate) mod unix;

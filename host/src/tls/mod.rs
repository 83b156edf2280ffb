//! TLS on the program's connections: rustls in the host, keys and trust by names that the operator granted.
//!
//! A program gives two streams and gets two (`wit/host/tls.wit`). Where the streams are a socket of the host's own, rustls runs
//! on that socket: ciphertext never enters the sandbox. Other streams are transformed.
//!
//! Modules, each naming only those above it: `failure` (what CPython would raise), `describe` (what is known of a
//! session), `chain`, `verify`, `identity`, `trust`, `grants` (what the policy says), `config`, `engine` (rustls between ciphertext and ciphertext), `buffers` (rustls without a connection), `session` (a connection, polled),
//! `closing` (what goes on when the program has let go), `streams`, `bindings`, `host`.

mod bindings;
mod buffers;
mod chain;
mod closing;
mod config;
mod describe;
mod engine;
mod failure;
pub(crate) mod grants;
mod host;
pub(crate) mod identity;
mod session;
mod streams;
#[cfg(all(test, unix))]
mod tests;
pub(crate) mod trust;
mod verify;

pub(crate) use config::Configs;
pub(crate) use host::add_to_linker;
pub(crate) use streams::Ciphertext;

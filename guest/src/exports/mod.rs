//! The component's face: the interfaces of `wit/` on the types of this crate. Nothing is decided here.

mod bindings;
mod convert;
mod functions;
mod raw;
#[cfg(feature = "full")]
mod raw_tls;
mod resources;
mod runtime;
#[cfg(feature = "full")]
mod tls;
#[cfg(feature = "full")]
mod unix;

/// What implements the exported interfaces.
struct Component;

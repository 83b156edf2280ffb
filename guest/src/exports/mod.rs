//! The component's face: the interfaces of `wit/` on the types of this crate. Nothing is decided here.

mod bindings;
mod convert;
mod functions;
mod raw;
mod resources;
mod runtime;
#[cfg(feature = "full")]
mod unix;

/// What implements the exported interfaces.
struct Component;

//! The component's face: the interfaces of `wit/` on the types of this crate. Nothing is decided here.

mod bindings;
mod convert;
mod fast;
mod functions;
mod ready;
mod resources;
mod runtime;
mod words;

/// What implements the exported interfaces.
struct Component;

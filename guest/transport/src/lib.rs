//! A transport of `wasyncio-core` over component-model streams of bytes, and the runtime of a component's task.
//!
//! A `stream<u8>` in either direction, and what tells how each ended, make a connection: of a socket, of another component, of
//! anything. [`Inbound`] and [`Outbound`] are the two halves; [`pipe`] joins any two streams.
//!
//! Modules, each naming only those above it: `progress`, [`task`], [`runtime`], [`Waitable`], [`outcome`], [`Inbound`],
//! [`Outbound`], `pipe`, [`forward`].

#[cfg(target_feature = "atomics")]
compile_error!("a component instance is taken to have one thread: handles and wakers are not synchronised");

pub mod conversions;
mod forward;
mod inbound;
mod outbound;
pub mod outcome;
mod pipe;
mod progress;
pub mod runtime;
pub mod task;
mod waitable;

pub use forward::forward;
pub use inbound::Inbound;
pub use outbound::{Begin, Outbound};
pub use pipe::pipe;
pub use progress::Ended;
pub use waitable::Waitable;

/// A component-model `stream<u8>`, to read from.
pub type ByteStream = wit_bindgen::rt::async_support::StreamReader<u8>;

/// How the generated bindings of a world work its streams of bytes.
pub type ByteStreamVtable = wit_bindgen::rt::async_support::StreamVtable<u8>;

//! A transport in memory that a test drives step by step: feature `scripted`.
//!
//! The test plays the peer and the system ([`Wire`]), listening sockets ([`ListeningSocket`]) and the executor
//! ([`ScriptedRuntime`]). Operations are in flight and stay so as the traits of [`transport`](crate::transport) say. What breaks
//! the contract of a trait panics with a sentence about it; what a test may want to count is counted.

mod listener;
mod receive;
mod runtime;
mod send;
mod wire;

pub use listener::ListeningSocket;
pub use runtime::ScriptedRuntime;
pub use wire::{Manner, Wire};

//! A program as a service: workers that replace each other, and what is counted.

mod backoff;
pub(crate) mod event;
pub(crate) mod generation;
pub(crate) mod handle;
pub(crate) mod metrics;
mod registry;
pub(crate) mod status;
mod supervisor;
mod thread;
pub(crate) mod workers;

//! A program as a service: workers that replace each other, and what is counted.

pub(crate) mod handle;
pub(crate) mod metrics;
mod registry;
pub(crate) mod workers;

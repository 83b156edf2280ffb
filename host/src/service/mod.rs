//! A program as a service: workers that replace each other, and what is counted.

pub(crate) mod metrics;
pub(crate) mod workers;

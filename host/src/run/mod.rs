//! Running a program: its store, its limits, its standard streams, and how it ends.

pub(crate) mod busy_poll;
pub(crate) mod call;
pub(crate) mod descriptors;
pub(crate) mod engine;
pub(crate) mod host;
pub(crate) mod host_builder;
pub(crate) mod limit_table;
pub(crate) mod limits;
pub(crate) mod meter;
pub(crate) mod observer;
pub(crate) mod runner;
pub(crate) mod sandbox;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod stdio;
pub(crate) mod ticker;

//! A program's standard streams.

pub(crate) mod output;
mod process;
mod queue;
pub(crate) mod selection;
pub(crate) mod stream;
mod text;

//! asyncio's rules with no I/O in them: they compile and are tested natively.

mod buffer;
pub(crate) mod limits;
pub(crate) mod read_operations;
pub(crate) mod reader_core;
pub(crate) mod room;
pub(crate) mod separators;
pub(crate) mod water_marks;

//! The differential test of the stream reader: the same random programs on CPython's `asyncio.StreamReader` and, in the sandbox,
//! on wasyncio's: linked, and through the component boundary by plain methods and by `bindings/rust`. Every report must be equal.
//! The reader is fed by hand, or is that of a real connection on loopback, whose peer the harness plays (`peer`).
//!
//! [`programs`] makes a [`Program`]; each [`Side`] is a process that answers programs with reports, line by line; [`Comparison`]
//! looks for differences; [`shrink`] makes a program that shows one small, and [`Snippet`] prints it as Python.
//!
//! What is compared: the answer of every step; after each step that lets everything settle, the reads that ended, with their bytes or
//! exception (class, message, fields), and those that wait; at the end `at_eof`, the exception and what is left in the buffer. Two
//! documented differences are not ones here: `oracle.py` has CPython put back what a cancelled or failed `read(-1)` took, and over
//! connections `connections.py` has CPython receive while a read waits.

mod compare;
mod peer;
mod program;
mod shrink;
mod side;
mod sides;
mod snippet;
mod strategy;

pub use compare::{Comparison, Difference, Totals};
pub use program::{Exception, OS_ERRORS, Operation, Program, Step, TextError};
pub use shrink::shrink;
pub use side::{Abilities, Side};
pub use sides::{Form, Mode, oracles, ours};
pub use snippet::Snippet;
pub use strategy::{Source, programs};

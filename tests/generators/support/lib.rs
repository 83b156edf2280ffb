//! What the tests of generators share: the WIT that generators are given, the tools, C from source to component, and the
//! peer that all programs talk to.

mod c;
mod peer;
mod tools;
mod wit;

use std::path::Path;

pub use c::component as c_component;
pub use peer::{converse, finish};
pub use tools::{Tools, tools};
pub use wit::{WORLD, Wit};

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/generators is in the workspace")
}

/// The folder of this crate.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

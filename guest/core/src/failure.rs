//! How something of a transport's fails, in nobody's terms: neither WASI's nor Python's.

use std::io;

/// How a direction, or an attempt to make one, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which failure.
    pub kind: io::ErrorKind,
    /// The system's words, where they say more than the kind.
    pub message: Option<String>,
}

impl From<io::ErrorKind> for Failure {
    fn from(kind: io::ErrorKind) -> Self {
        Self { kind, message: None }
    }
}

//! The system's limit of descriptors.

/// Raises the soft limit to the hard one. The soft one is kept low for programs that cannot have more than 1024; this one can, and a
/// service wants a descriptor for each connection.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        // The lower one is as good, for fewer connections.
        tracing::info!("the limit of descriptors stays as it is: {error}");
    }
}

/// There is none.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

//! The limit of open files, which connections count against: this process's and those of the servers that it starts.

/// What a process needs beside its connections, and what comes and goes during a measurement.
#[cfg(unix)]
const SPARE: usize = 100;

/// Allows so many connections at once, by raising the soft limit as far as the hard one.
///
/// # Errors
/// In words, if it cannot be raised so far.
#[cfg(unix)]
pub fn allow(connections: usize) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = (connections + SPARE) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if is_enough(current) {
        return Ok(());
    }
    let too_few = || format!("{connections} connections need a limit of {needed} open files (`ulimit -n`)");
    if !is_enough(maximum) {
        return Err(too_few());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })
        .map_err(|error| format!("{}: {error}", too_few()))
}

/// Does nothing where there is no such limit.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn allow(_connections: usize) -> Result<(), String> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, Rlimit, getrlimit};

    use super::*;

    #[test]
    fn what_is_allowed_is_the_limit_at_least() {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(allow(1), Ok(()));
        assert_eq!(getrlimit(Resource::Nofile).current, current);
        let Some(most) = maximum.and_then(|most| usize::try_from(most).ok()) else { return };
        let error = allow(most).unwrap_err();
        assert!(error.ends_with("open files (`ulimit -n`)"), "{error}");
    }
}

//! Running a command that may hang, such as one that waits for a server nobody can reach.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs `command` with its output shown, for at most `limit`; then it is killed.
///
/// The error is the reason in words, to be put into a sentence.
pub(crate) fn run_within(limit: Duration, command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).spawn().map_err(|error| format!("{program} cannot be started: {error}"))?;
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} ended with {status}")),
            Ok(None) if Instant::now() < end => thread::sleep(POLL),
            Ok(None) => {
                // It may have ended by itself just now, in which case there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} did not finish within {} s", limit.as_secs()));
            }
            Err(error) => return Err(format!("{program} cannot be waited for: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_command_is_ok() {
        assert_eq!(run_within(Duration::from_secs(30), &mut Command::new("true")), Ok(()));
    }

    #[test]
    fn failing_command_names_itself_and_its_status() {
        let reason = run_within(Duration::from_secs(30), &mut Command::new("false")).unwrap_err();
        assert_eq!(reason, "false ended with exit status: 1");
    }

    #[test]
    fn missing_command_is_named() {
        let reason = run_within(Duration::from_secs(30), &mut Command::new("no-such-command")).unwrap_err();
        assert!(reason.starts_with("no-such-command cannot be started: "), "{reason}");
    }

    #[test]
    fn hanging_command_is_killed_at_the_limit() {
        let reason = run_within(Duration::ZERO, Command::new("sleep").arg("600")).unwrap_err();
        assert_eq!(reason, "sleep did not finish within 0 s");
    }
}

//! The exit codes of the command.
//!
//! What the host has to say lies from 120 to 129, apart from the codes that programs use, and where the shell has ends by
//! a signal. A program that ends with one of these itself is given 1 instead, so that nobody takes its word for the host's.
//!
//! Scripts keep all their codes, as with any interpreter. There the line that the host writes tells whose a code is: it begins with
//! `wasyncio: `, which the host lets no line of a program do.

use std::process::ExitCode;

use wasyncio_host::{Error, ExitStatus};

use crate::say;

/// A code that means something of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum HostCode {
    /// The arguments of the command are wrong.
    Usage = 120,
    /// The program could not be loaded or started.
    NotStarted = 121,
    /// A limit ended the program.
    Limit = 122,
    /// Connections were cut at the end of the grace period.
    Cut = 123,
    /// Workers kept failing, and nothing served any more.
    CrashLoop = 124,
    /// The host itself failed.
    Fault = 125,
    /// It was told to end twice, or did not in time: that of a process that SIGINT ended.
    EndedAtOnce = 130,
    /// The program trapped: that of a process that SIGABRT ended, as other WebAssembly runtimes have it.
    Trapped = 134,
}

/// What `--help` and the man page say of the codes of `wasyncio run`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    the program succeeded, or was ended by Ctrl-C or SIGTERM
  1    the program failed; or its own code, which is also 1 if it is one of those below
  120  the arguments of this command are wrong
  121  the program could not be loaded or started
  122  it reached a limit and was ended
  123  it was stopped, and connections were cut at the end of --grace
  124  workers failed again and again, and nothing served any more
  125  this command itself failed
  130  it was told to stop twice, or did not yield, and was ended at once
  134  the program trapped";

/// What `--help` and the man page say of the codes of `wasyncio python`.
pub(crate) const SCRIPT_HELP: &str = "\
Exit codes:
  0    the script succeeded, or was ended by SIGTERM
  1    it ended with an exception
  2    it is not there, is a directory, or cannot be read
  130  Ctrl-C; or it did not yield, or was told to stop twice, and was ended at once
  N    of sys.exit(N), whatever N is
  120-125, 134  as of `wasyncio run`

With a code that is not the script's, this command writes a line that begins with `wasyncio: ` to standard error. Lines of
scripts never begin so.";

impl From<HostCode> for ExitCode {
    fn from(code: HostCode) -> Self {
        Self::from(code as u8)
    }
}

impl HostCode {
    /// The code for an error that ended a program, or kept it from running.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Trap { .. } => Self::Trapped,
            Error::Limit { .. } => Self::Limit,
            Error::CrashLoop { .. } => Self::CrashLoop,
            Error::Panic { .. } => Self::Fault,
            Error::Workers { .. } => Self::Usage,
            _ => Self::NotStarted,
        }
    }
}

/// The program's own exit code, as far as a process can have it and it does not mean something of the host's.
pub(crate) fn of_program(status: ExitStatus) -> ExitCode {
    match u8::try_from(status.code()) {
        Ok(120..=130 | 134) | Err(_) => {
            say::warn(&format_args!(
                "the program ended with exit code {}, in the place of which this is 1",
                status.code()
            ));
            ExitCode::FAILURE
        }
        Ok(code) => ExitCode::from(code),
    }
}

/// The exit code of a script that ended with `code`: the low eight bits, as POSIX has it.
pub(crate) fn of_script(code: i32) -> ExitCode {
    let [.., low] = code.to_be_bytes();
    ExitCode::from(low)
}

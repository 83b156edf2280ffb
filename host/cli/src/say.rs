//! What the command tells its user: lines of standard error, or entries of the log if that is JSON.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasyncio_host::Output;

use crate::{log, records};

/// The target of these entries, which the log has even where it has no others of their level.
pub(crate) const TARGET: &str = "wasyncio::command";

/// How long the end of the process waits for whoever reads its output.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Whether standard error gets one object of JSON a line.
static JSON: AtomicBool = AtomicBool::new(false);

/// Whether something was said that is not as it should be.
static COMPLAINED: AtomicBool = AtomicBool::new(false);

/// Whether something was said so far that is not as it should be.
pub(crate) fn complained() -> bool {
    COMPLAINED.load(Ordering::Relaxed)
}

/// From now on the log is JSON, and gets what is said.
pub(crate) fn in_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// Tells of what ended the command, or cost something.
pub(crate) fn error(message: &dyn Display) {
    COMPLAINED.store(true, Ordering::Relaxed);
    if !printed(message) {
        tracing::error!(target: TARGET, "{message}");
    }
}

/// Tells of what was refused or cut.
pub(crate) fn warn(message: &dyn Display) {
    COMPLAINED.store(true, Ordering::Relaxed);
    if !printed(message) {
        tracing::warn!(target: TARGET, "{message}");
    }
}

/// Tells of what went as it should.
pub(crate) fn info(message: &dyn Display) {
    if !printed(message) {
        tracing::info!(target: TARGET, "{message}");
    }
}

/// Prints one line, `wasyncio: ` before it; false if it is for the log.
fn printed(message: &dyn Display) -> bool {
    if is_json() {
        return false;
    }
    let line: Vec<String> = message.to_string().lines().map(|l| l.trim().to_owned()).collect();
    log::line(&line.join(" "));
    true
}

/// Whether the log is JSON.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Waits until everything is printed, but no longer than for a moment. To be called before the process ends.
pub(crate) fn finish() {
    records::finish();
    Output::stderr().wait_written(LAST_WRITES);
    log::tell_lost(true);
    Output::stderr().wait_written(LAST_WRITES);
    Output::stdout().wait_written(LAST_WRITES);
}

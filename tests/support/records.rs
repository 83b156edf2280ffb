//! The logs of connections and of decisions, as tests read them.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use crate::DEADLINE;

/// Waits until a log has a line like this.
///
/// # Panics
/// If it has none in time.
pub fn find(log: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + DEADLINE;
    loop {
        let found = lines(log).into_iter().find(&wanted);
        match found {
            Some(line) => return line,
            None if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            None => {
                panic!("no line with {what} in {}:\n{}", log.display(), fs::read_to_string(log).unwrap_or_default())
            }
        }
    }
}

/// All lines, each of which is an object.
///
/// # Panics
/// If one is none.
pub fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    // The last one may not be there as a whole yet.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    whole.lines().map(read).inspect(|line: &Value| assert!(line.is_object(), "{line}")).collect()
}

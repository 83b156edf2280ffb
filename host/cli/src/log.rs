//! The log on standard error, which nobody waits for: what a slow reader leaves no room for is lost, and counted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;
use wasyncio_host::Output;

use crate::say;

/// What every line of the host's begins with in text, and none of a program's.
pub(crate) const PREFIX: &str = "wasyncio";

/// The target of entries that are lines of programs.
pub(crate) const PROGRAM: &str = "wasyncio::program";

/// How often lost entries are told of.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// How many entries were lost since this was told last.
static LOST: AtomicU64 = AtomicU64::new(0);
static TOLD: Mutex<Option<Instant>> = Mutex::new(None);

/// Where the log writes to.
pub(crate) struct Log;

/// Writes one entry.
pub(crate) struct Entry {
    of_program: bool,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Entry;

    fn make_writer(&'a self) -> Entry {
        Entry { of_program: false }
    }

    fn make_writer_for(&'a self, entry: &Metadata<'_>) -> Entry {
        Entry { of_program: entry.target() == PROGRAM }
    }
}

impl io::Write for Entry {
    /// Called once with the whole entry.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if say::is_json() {
            self.print(&json(text.trim_end()));
        } else {
            for (at, line) in text.trim_end().lines().enumerate() {
                let indent = if at == 0 { "" } else { "    " };
                self.print(&format!("{PREFIX}: {indent}{line}"));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Entry {
    /// Programs' lines leave room for the host's.
    fn print(&self, line: &str) {
        let log = Output::stderr();
        printed(if self.of_program { log.print_program_line(line) } else { log.print_line(line) });
    }
}

/// Prints a line of the host's as text.
pub(crate) fn line(text: &str) {
    printed(Output::stderr().print_line(&format!("{PREFIX}: {text}")));
}

/// Takes notice of whether there was room for an entry.
fn printed(printed: bool) {
    if !printed {
        LOST.fetch_add(1, Ordering::Relaxed);
    } else if LOST.load(Ordering::Relaxed) > 0 {
        tell_lost(false);
    }
}

/// Tells of lost entries, but not more often than once in a while unless it is the `last` time.
pub(crate) fn tell_lost(last: bool) {
    {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if !last && told.is_some_and(|told| told.elapsed() < TELL_INTERVAL) {
            return;
        }
        *told = Some(Instant::now());
    }
    let lost = LOST.swap(0, Ordering::Relaxed);
    if lost > 0 {
        say::warn(&format_args!("{lost} lines of the log were lost, as nobody read them"));
        if LOST.load(Ordering::Relaxed) > 0 {
            // There was no room for this either.
            LOST.fetch_add(lost - 1, Ordering::Relaxed);
        }
    }
}

/// Escapes what JSON lets through and a terminal would obey.
fn json(entry: &str) -> String {
    let mut text = String::with_capacity(entry.len());
    for char in entry.chars() {
        match char {
            '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                text += &format!("\\u{:04x}", u32::from(char));
            }
            _ => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn json_stays_json() {
        assert_eq!(json("{\"a\":\"\u{9b}2Jü\u{202e}\"}"), "{\"a\":\"\\u009b2Jü\\u202e\"}");
    }
}

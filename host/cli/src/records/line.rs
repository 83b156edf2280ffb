//! The lines of both logs: one object of JSON each, in which no text can end the line or stand for a field.

use std::fmt::Write;
use std::time::SystemTime;

use serde::Serialize;
use wasyncio_host::{ConnectionRecord, DecisionRecord, PolicyChange};

#[derive(Serialize)]
struct Connection<'a> {
    /// When the connection was opened; its end is `seconds` later.
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<usize>,
    direction: &'a str,
    local: Option<String>,
    peer: String,
    received: u64,
    sent: u64,
    seconds: f64,
    end: &'a str,
}

#[derive(Serialize)]
struct Decision<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<usize>,
    event: &'a str,
    asked: &'a str,
    target: String,
    by: String,
}

#[derive(Serialize)]
struct Service<'a> {
    time: String,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Lost<'a> {
    time: String,
    event: &'a str,
    lines: u64,
}

/// A connection that has ended.
pub(super) fn connection(record: &ConnectionRecord) -> String {
    line(&Connection {
        time: time(record.opened),
        worker: record.worker,
        direction: if record.accepted { "accepted" } else { "connected" },
        local: record.local.as_ref().map(ToString::to_string),
        peer: record.peer.to_string(),
        received: record.received,
        sent: record.sent,
        // To the microsecond.
        seconds: record.duration.as_micros() as f64 / 1e6,
        end: record.end,
    })
}

/// A decision about what a program asked for.
pub(super) fn decision(record: &DecisionRecord<'_>) -> String {
    line(&Decision {
        time: now(),
        worker: record.worker,
        event: if record.granted { "granted" } else { "denied" },
        asked: record.asked,
        target: record.target.to_string(),
        by: record.by.to_string(),
    })
}

/// Something that happened to the service: its policy, as far as it differs from the one before, and what went wrong.
pub(super) fn service(event: &str, changes: Option<&[PolicyChange]>, reason: Option<String>) -> String {
    let changes = changes.map(|changes| changes.iter().map(ToString::to_string).collect());
    line(&Service { time: now(), event, changes, reason })
}

/// There was no room for so many lines.
pub(super) fn lost(lines: u64) -> String {
    line(&Lost { time: now(), event: "lines-lost", lines })
}

fn line(record: &impl Serialize) -> String {
    let json = serde_json::to_string(record).expect("texts and numbers have a form in JSON");
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // JSON leaves some alone that a terminal obeys. They stand in texts only, where this means the same.
        if c.is_control() {
            _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

fn now() -> String {
    time(SystemTime::now())
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(time).to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[test]
    fn no_text_of_a_program_makes_a_line_or_a_field() {
        let text = "a\"}\n{\"event\":\"granted\",\u{1b}[2J\u{7f}\u{9b}";
        let target: &dyn fmt::Display = &text;
        let record = DecisionRecord::new(Some(3), "lookup", target, false, &"no grant");
        let line = decision(&record);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with("\"by\":\"no grant\"}\n"), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["event"], &read["worker"]), (&"denied".into(), &3.into()));
        assert_eq!(read["target"], text);
        assert!(line.chars().all(|c| c == '\n' || !c.is_control()), "{line:?}");
    }
}

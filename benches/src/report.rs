//! The results, as rows for programs and as tables for people.

use serde::Serialize;

use crate::cells::Heading;
use crate::rounds::{Entry, Outcome};
use crate::statistics::{self, Sample};
use crate::subjects::{REFERENCES, Subject};

/// One subject in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) connections: usize,
    pub(crate) subject: &'static str,
    /// The median over the rounds.
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) ratio: Ratio,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<f64>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    /// The slowest connection's part of the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    slowest: Option<f64>,
    #[serde(skip)]
    pub(crate) lower_is_better: bool,
}

/// How many times the value of each reference the own value is: the median over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) cpython: Option<f64>,
    pub(crate) uvloop: Option<f64>,
    pub(crate) tokio: Option<f64>,
}

impl Row {
    /// A row; `ratio` is in the order of [`REFERENCES`].
    fn new(
        heading: &Heading,
        connections: usize,
        subject: Subject,
        summary: Sample,
        ratio: [Option<f64>; REFERENCES.len()],
    ) -> Self {
        let Sample { value, p50, p99, slowest } = summary;
        let [cpython, uvloop, tokio] = ratio;
        Self {
            workload: heading.workload,
            connections,
            subject: subject.name,
            value,
            unit: heading.unit,
            ratio: Ratio { cpython, uvloop, tokio },
            p50,
            p99,
            slowest,
            lower_is_better: heading.lower_is_better,
        }
    }
}

/// All rows of the cell.
pub(crate) fn rows(outcome: &Outcome<'_>) -> impl Iterator<Item = Row> {
    results(outcome).flat_map(|(_, rows)| rows)
}

/// The failures of the project's own subjects.
pub(crate) fn broken(outcome: &Outcome<'_>) -> Vec<String> {
    let ours = outcome.entries.iter().filter(|entry| entry.subject.ours);
    let described = ours.filter_map(|entry| {
        let failure = entry.failure.as_ref()?;
        let (subject, cell) = (entry.subject, outcome.cell);
        Some(format!("{subject} in {} at {}: {failure}", cell.headings[0].workload, cell.connections))
    });
    described.collect()
}

/// The headings, each with the rows of the subjects that were measured.
fn results<'a>(outcome: &'a Outcome<'a>) -> impl Iterator<Item = (&'a Heading, Vec<Row>)> {
    outcome.cell.headings.iter().enumerate().map(|(index, heading)| {
        let rows = outcome.entries.iter().filter_map(|entry| row(outcome, heading, index, entry));
        (heading, rows.collect())
    })
}

fn row(outcome: &Outcome<'_>, heading: &Heading, index: usize, entry: &Entry) -> Option<Row> {
    let samples = entry.samples(index);
    let summary = statistics::summary(&samples.iter().copied().flatten().collect::<Vec<_>>())?;
    let ratio = REFERENCES.map(|name| {
        let other = outcome.entries.iter().find(|entry| entry.subject.name == name)?;
        statistics::ratio(&samples, &other.samples(index))
    });
    Some(Row::new(heading, outcome.cell.connections, entry.subject, summary, ratio))
}

/// Prints a table for every result of the cell.
pub(crate) fn print(outcome: &Outcome<'_>) {
    for (heading, rows) in results(outcome) {
        let Heading { workload, unit, lower_is_better } = heading;
        let better = if *lower_is_better { ", less is better" } else { "" };
        if let Some(row) = rows.first() {
            println!("\n{workload}, {} connections, {unit}{better}", row.connections);
            let [cpython, uvloop, tokio] = REFERENCES.map(|name| format!("/{name}"));
            println!(
                "{:<18}{:>12}{cpython:>10}{uvloop:>10}{tokio:>10}{:>10}{:>10}{:>9}",
                "", "", "p50 µs", "p99 µs", "slowest"
            );
        }
        for row in rows {
            println!("{}", line(&row));
        }
    }
    for entry in &outcome.entries {
        if let Some(failure) = &entry.failure {
            println!("! {}: {failure}", entry.subject);
        }
    }
}

fn line(row: &Row) -> String {
    let cell = |value: Option<f64>, digits: usize| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let Row { subject, value, ratio: Ratio { cpython, uvloop, tokio }, p50, p99, slowest, .. } = row;
    format!(
        "{subject:<18}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9}",
        cell(Some(*value), if *value < 100.0 { 2 } else { 0 }),
        cell(*cpython, 2),
        cell(*uvloop, 2),
        cell(*tokio, 2),
        cell(*p50, 0),
        cell(*p99, 0),
        cell(*slowest, 2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::Program;

    #[test]
    fn row_has_the_fields_that_readers_expect() {
        let heading = Heading { workload: "pingpong", unit: "messages/s", lower_is_better: false };
        let subject = Subject { name: "linked", program: Program::Tokio { buffered: false }, ours: true };
        let row = Row::new(&heading, 10, subject, Sample::of(1234.5), [Some(1.5), None, Some(0.5)]);
        let expected = serde_json::json!({
            "workload": "pingpong", "connections": 10, "subject": "linked", "value": 1234.5, "unit": "messages/s",
            "ratio": {"cpython": 1.5, "uvloop": null, "tokio": 0.5},
        });
        assert_eq!(serde_json::to_value(&row).unwrap(), expected);
        assert_eq!(
            line(&row).split_whitespace().collect::<Vec<_>>(),
            ["linked", "1234", "1.50", "-", "0.50", "-", "-", "-"]
        );
    }
}

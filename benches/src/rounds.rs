//! Measures a cell: the subjects take turns, round by round, and each round begins with another.

use tokio::time::timeout;

use crate::Result;
use crate::cells::{Cell, Heading, Load, Plan};
use crate::load;
use crate::report::Row;
use crate::server::{Places, Server};
use crate::statistics::{self, Sample};
use crate::subjects::{REFERENCES, Subject};

/// What a cell brought.
pub(crate) struct Outcome<'a> {
    cell: &'a Cell,
    entries: Vec<Entry>,
}

/// What a subject did in a cell.
struct Entry {
    subject: Subject,
    /// The results of each round, in the order of the cell's headings; none after it was given up.
    rounds: Vec<Option<Vec<Sample>>>,
    server: Option<Server>,
    failure: Option<String>,
}

/// Measures all `subjects`.
pub(crate) async fn measure<'a>(cell: &'a Cell, plan: &Plan, subjects: &[Subject], places: &Places) -> Outcome<'a> {
    let entry = |&subject: &Subject| Entry { subject, rounds: Vec::new(), server: None, failure: None };
    let mut entries = subjects.iter().filter(|subject| subject.takes(cell.load)).map(entry).collect::<Vec<_>>();
    if cell.load == Load::Startup {
        // The first start of a component compiles it.
        for entry in &mut entries {
            entry.turn(cell, plan, places).await;
            entry.rounds.clear();
        }
    }
    for round in 0..cell.rounds {
        for turn in 0..entries.len() {
            let index = (round + turn) % entries.len();
            entries[index].turn(cell, plan, places).await;
        }
    }
    for entry in &mut entries {
        entry.stop().await;
    }
    Outcome { cell, entries }
}

impl Entry {
    async fn turn(&mut self, cell: &Cell, plan: &Plan, places: &Places) {
        if self.failure.is_some() {
            self.rounds.push(None);
            return;
        }
        let limit = cell.limit(plan);
        let measured = match timeout(limit, self.measure(cell, plan, places)).await {
            Ok(measured) => measured,
            Err(_) => Err(format!("given up after {} s", limit.as_secs()).into()),
        };
        if cell.begins_anew() || measured.is_err() || !self.rests().await {
            self.stop().await;
        }
        self.failure = measured.as_ref().err().map(ToString::to_string);
        self.rounds.push(measured.ok());
    }

    async fn measure(&mut self, cell: &Cell, plan: &Plan, places: &Places) -> Result<Vec<Sample>> {
        if cell.load == Load::Startup {
            return load::startup::measure(self.subject, places).await;
        }
        let server = match self.server.take() {
            Some(server) => server,
            None => Server::start(self.subject, cell.mode(), places).await?,
        };
        // It is kept here, so that it is ended also when this is given up.
        let server = self.server.insert(server);
        load::measure(cell.load, server, plan).await
    }

    /// Whether the server does nothing any more: the others are to have its core for themselves.
    async fn rests(&self) -> bool {
        match &self.server {
            Some(server) => server.comes_to_rest().await,
            None => true,
        }
    }

    async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// The rounds of the cell's result `index`.
    fn samples(&self, index: usize) -> Vec<Option<Sample>> {
        self.rounds.iter().map(|round| round.as_ref().map(|results| results[index])).collect()
    }
}

impl Outcome<'_> {
    /// The headings, each with the rows of the subjects that were measured.
    pub(crate) fn results(&self) -> impl Iterator<Item = (&Heading, Vec<Row>)> {
        self.cell.headings.iter().enumerate().map(|(index, heading)| {
            let rows = self.entries.iter().filter_map(|entry| self.row(heading, index, entry));
            (heading, rows.collect())
        })
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.results().flat_map(|(_, rows)| rows)
    }

    /// Why subjects are missing.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        self.entries.iter().filter_map(|entry| Some(format!("{}: {}", entry.subject, entry.failure.as_ref()?)))
    }

    /// The failures of the project's own subjects.
    pub(crate) fn broken(&self) -> Vec<String> {
        let ours = self.entries.iter().filter(|entry| entry.subject.ours);
        let described = ours.filter_map(|entry| {
            let failure = entry.failure.as_ref()?;
            Some(format!(
                "{} in {} at {}: {failure}",
                entry.subject, self.cell.headings[0].workload, self.cell.connections
            ))
        });
        described.collect()
    }

    fn row(&self, heading: &Heading, index: usize, entry: &Entry) -> Option<Row> {
        let samples = entry.samples(index);
        let summary = statistics::summary(&samples.iter().copied().flatten().collect::<Vec<_>>())?;
        let ratio = REFERENCES.map(|name| {
            let other = self.entries.iter().find(|entry| entry.subject.name == name)?;
            statistics::ratio(&samples, &other.samples(index))
        });
        Some(Row::new(heading, self.cell.connections, entry.subject, summary, ratio))
    }
}

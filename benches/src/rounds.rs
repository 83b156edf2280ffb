//! Measures a cell: the subjects take turns, round by round, and each round begins with another.

use tokio::time::timeout;

use crate::Result;
use crate::cells::{Cell, Load, Plan};
use crate::load;
use crate::places::Places;
use crate::server::Server;
use crate::statistics::Sample;
use crate::subjects::Subject;

/// What a cell brought.
pub(crate) struct Outcome<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) entries: Vec<Entry>,
}

/// What a subject did in a cell.
pub(crate) struct Entry {
    pub(crate) subject: Subject,
    /// The results of each round, in the order of the cell's headings; none after it was given up.
    rounds: Vec<Option<Vec<Sample>>>,
    server: Option<Server>,
    /// Why it was given up.
    pub(crate) failure: Option<String>,
}

/// Measures all `subjects`.
pub(crate) async fn measure<'a>(cell: &'a Cell, plan: &Plan, subjects: &[Subject], places: &Places) -> Outcome<'a> {
    let entry = |&subject: &Subject| Entry { subject, rounds: Vec::new(), server: None, failure: None };
    let subjects = subjects.iter().filter(|subject| subject.serves(cell.transport()));
    let mut entries = subjects.map(entry).collect::<Vec<_>>();
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
            None => Server::start_over(cell.transport(), self.subject, cell.mode(), places).await?,
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
    pub(crate) fn samples(&self, index: usize) -> Vec<Option<Sample>> {
        self.rounds.iter().map(|round| round.as_ref().map(|results| results[index])).collect()
    }
}

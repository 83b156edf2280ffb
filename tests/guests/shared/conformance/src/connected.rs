//! One program over the reader of a real connection, as it runs. The harness plays the peer; `connections.py` is the same for
//! CPython.
//!
//! What the peer does, it does when it is asked to over a connection of its own, and answers when it has. So chunks arrive one by
//! one, and it is known when. Three things depend on more than that and are not compared: how a `read(n)` is cut (here it is
//! repeated until it has `n` bytes or the stream ends), a reset that no read waits for (it is left out), and `at_eof()` between
//! the end and the read that shows it.

use crate::fields::{Fields, hex, optional};
use crate::reads::Reads;
use crate::{Connection, Exception, Reader};

/// How often the peer is asked for an answer before everything counts as settled. What had arrived before is noticed with the
/// first; the others are for what crosses between components.
const ROUNDS: usize = 3;
/// For so many bytes that the peer has sent, it is asked once more: many are not received at once.
const BYTES_A_ROUND: usize = 2048;

/// The harness.
pub(crate) struct Peer<C: Connection> {
    reader: C::Reader,
    writer: C,
    /// Where it waits for connections.
    port: u16,
}

impl<C: Connection> Peer<C> {
    /// Connects to where the peer takes commands.
    pub(crate) async fn meet(commands: u16, connections: u16) -> Result<Self, String> {
        let (reader, writer) = C::open(commands, None).await.map_err(|error| error.show())?;
        Ok(Self { reader, writer, port: connections })
    }

    /// Has the peer do something; gives its answer once it has.
    async fn ask(&self, command: &str) -> Result<String, String> {
        let failed = |error: Exception| format!("the peer does not answer {command}: {}", error.show());
        self.writer.write(format!("{command}\n").as_bytes()).map_err(failed)?;
        let answer = String::from_utf8(self.reader.readline().await.map_err(failed)?);
        answer.ok().and_then(|line| Some(line.strip_suffix('\n')?.to_owned())).ok_or("the peer has ended".to_owned())
    }
}

/// Runs a program and gives the report. The error is a program that cannot be understood.
pub(crate) async fn run<C: Connection>(peer: &Peer<C>, line: &str) -> Result<String, String> {
    let mut steps = line.split(' ');
    let limit = optional(steps.next().unwrap_or_default())?;
    let (reader, writer) = match C::open(peer.port, limit).await {
        Ok(pair) => pair,
        Err(error) => return Ok(error.show()),
    };
    peer.ask("accept").await?;
    let mut run = Run { peer, reads: Reads::new(reader), has_ended: false, sent: 0 };
    let mut report = Vec::new();
    for step in steps {
        let (operation, settles) = match step.strip_suffix('!') {
            Some(operation) => (operation, false),
            None => (step, true),
        };
        let mut told = run.step(operation).await?;
        if settles {
            run.settle().await?;
            told += "; ";
            told += &run.reads.told();
        }
        report.push(told);
    }
    report.push(run.end().await?);
    writer.close();
    peer.ask("close").await?;
    Ok(report.join("\t"))
}

struct Run<'a, C: Connection> {
    peer: &'a Peer<C>,
    reads: Reads<C::Reader>,
    /// The peer has ended its side.
    has_ended: bool,
    /// The bytes that it was asked to send.
    sent: usize,
}

impl<C: Connection> Run<'_, C> {
    async fn step(&mut self, step: &str) -> Result<String, String> {
        let (name, mut fields) = Fields::of(step);
        match name {
            "feed" => {
                let (bytes, times): (_, usize) = (fields.bytes()?, fields.number()?);
                self.sent += bytes.len() * times;
                self.peer.ask(&step.replacen("feed", "send", 1)).await
            }
            "eof" => {
                self.has_ended = true;
                self.peer.ask("eof").await
            }
            "raise" if self.reads.wait() => self.peer.ask("reset").await,
            "raise" => Ok("left out".to_owned()),
            "at_eof" if self.has_ended && !self.reads.have_seen_end() => Ok("unknown".to_owned()),
            "read" => {
                let n: i64 = fields.number()?;
                let reader = self.reads.reader.clone();
                let shows_end = move |data: &[u8]| n < 0 || (data.len() as i64) < n;
                Ok(self.reads.start(async move { read(&*reader, n).await }, shows_end))
            }
            name => self.reads.step(name, fields)?.ok_or_else(|| format!("unknown operation {name}")),
        }
    }

    /// Lets everything run that can.
    async fn settle(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS + self.sent / BYTES_A_ROUND {
            self.reads.poll().await;
            self.peer.ask("ping").await?;
        }
        self.reads.poll().await;
        Ok(())
    }

    /// Cancels what waits, has the peer end its side, and tells the final state and what was left.
    async fn end(&mut self) -> Result<String, String> {
        self.reads.cancel_all();
        self.settle().await?;
        let exception = self.reads.exception();
        self.peer.ask("eof").await?;
        let reader = &self.reads.reader;
        let rest = reader.read(-1).await.map_or_else(|error| error.show(), |rest| hex(&rest));
        Ok(format!("exception {exception}, rest {rest}, at_eof {}", reader.at_eof()))
    }
}

/// `read(n)` again and again until there are `n` bytes or the stream ends.
async fn read(reader: &impl Reader, n: i64) -> Result<Vec<u8>, Exception> {
    let mut all = reader.read(n).await?;
    while !all.is_empty() && (all.len() as i64) < n {
        let data = reader.read(n - all.len() as i64).await?;
        if data.is_empty() {
            break;
        }
        all.extend(data);
    }
    Ok(all)
}

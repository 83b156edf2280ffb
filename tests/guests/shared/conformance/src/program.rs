//! One program, as it runs.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use crate::fields::{Fields, hex, optional};
use crate::{Exception, Reader};

/// How often everybody else is let run before everything counts as settled.
///
/// The runtime goes on with a task that yields after all other work that is ready. Of the two, one lets the reads run that
/// the last operation woke, the other tells this component how they ended; the third is to spare.
const YIELDS: usize = 3;

type Pending = Pin<Box<dyn Future<Output = Result<Vec<u8>, Exception>>>>;

struct Run<R> {
    reader: Rc<R>,
    /// How many reads were started; the next one's number.
    started: usize,
    /// The reads that wait, by number.
    pending: BTreeMap<usize, Pending>,
}

/// Runs a program and gives the report. The error is a program that cannot be understood.
pub(crate) async fn run<R: Reader>(line: &str) -> Result<String, String> {
    let mut steps = line.split(' ');
    let limit = optional(steps.next().unwrap_or_default())?;
    let reader = match R::new(limit) {
        Ok(reader) => Rc::new(reader),
        Err(error) => return Ok(error.show()),
    };
    let mut run = Run { reader, started: 0, pending: BTreeMap::new() };
    let mut report = Vec::new();
    for step in steps {
        let (operation, settles) = match step.strip_suffix('!') {
            Some(operation) => (operation, false),
            None => (step, true),
        };
        let mut told = run.step(operation)?;
        if settles {
            told += "; ";
            told += &run.settle().await;
        }
        report.push(told);
    }
    report.push(run.end().await);
    Ok(report.join("\t"))
}

impl<R: Reader> Run<R> {
    fn step(&mut self, step: &str) -> Result<String, String> {
        let (name, mut fields) = Fields::of(step);
        let reader = self.reader.clone();
        match name {
            "feed" => {
                let data = fields.bytes()?.repeat(fields.number()?);
                if let Err(error) = reader.feed_data(&data) {
                    return Ok(error.show());
                }
            }
            "eof" => reader.feed_eof(),
            "raise" => reader.set_exception(Exception::parse(fields)?)?,
            "read" => {
                let n = fields.number()?;
                return Ok(self.start(async move { reader.read(n).await }));
            }
            "readline" => return Ok(self.start(async move { reader.readline().await })),
            "readexactly" => {
                let n = fields.number()?;
                return Ok(self.start(async move { reader.readexactly(n).await }));
            }
            "readuntil" => {
                let separators = fields.all_bytes()?;
                return Ok(self.start(async move { reader.readuntil(separators).await }));
            }
            "cancel" => return Ok(self.cancel(fields.number()?)),
            "at_eof" => return Ok(reader.at_eof().to_string()),
            "exception" => return Ok(self.exception()),
            unknown => return Err(format!("unknown operation {unknown}")),
        }
        Ok("ok".to_owned())
    }

    /// Starts a read. Its call is made when everything settles next.
    fn start(&mut self, read: impl Future<Output = Result<Vec<u8>, Exception>> + 'static) -> String {
        let number = self.started;
        self.started += 1;
        self.pending.insert(number, Box::pin(read));
        format!("started {number}")
    }

    /// Gives up a read that waits: the one at this place, counted around.
    fn cancel(&mut self, place: usize) -> String {
        let Some(place) = place.checked_rem(self.pending.len()) else { return "none".to_owned() };
        let number = *self.pending.keys().nth(place).expect("the place is below the length");
        self.pending.remove(&number);
        format!("cancelled {number}")
    }

    /// Lets everything run that can, and tells which reads ended how and which have not.
    async fn settle(&mut self) -> String {
        let mut ended = BTreeMap::new();
        for _ in 0..YIELDS {
            self.poll(&mut ended).await;
            wit_bindgen::yield_async().await;
        }
        self.poll(&mut ended).await;
        let mut told: Vec<_> = ended.iter().map(|(number, outcome)| format!("{number}={outcome}")).collect();
        if !self.pending.is_empty() {
            let numbers: Vec<_> = self.pending.keys().map(ToString::to_string).collect();
            told.push(format!("waiting {}", numbers.join(",")));
        }
        told.join(" ")
    }

    /// Looks at every read that waits, and takes out those that have ended.
    async fn poll(&mut self, ended: &mut BTreeMap<usize, String>) {
        poll_fn(|context| {
            self.pending.retain(|number, read| match read.as_mut().poll(context) {
                Poll::Ready(outcome) => {
                    let outcome = outcome.map_or_else(|error| error.show(), |data| hex(&data));
                    ended.insert(*number, outcome);
                    false
                }
                Poll::Pending => true,
            });
            Poll::Ready(())
        })
        .await;
    }

    fn exception(&self) -> String {
        self.reader.exception().map_or("none".to_owned(), |error| error.show())
    }

    /// Cancels what waits, and tells the final state. The buffer can be seen by reading to the end only.
    async fn end(mut self) -> String {
        self.pending.clear();
        self.settle().await;
        let at_eof = self.reader.at_eof();
        let exception = self.exception();
        let has_exception = self.reader.exception().is_some();
        self.reader.feed_eof();
        let is_empty = self.reader.at_eof();
        let rest = match self.reader.read(-1).await {
            Ok(rest) => hex(&rest),
            Err(_) if has_exception => "unknown".to_owned(),
            Err(error) => error.show(),
        };
        format!("at_eof {at_eof}, exception {exception}, rest {rest}, empty {is_empty}")
    }
}

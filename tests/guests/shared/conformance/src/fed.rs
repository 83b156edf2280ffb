//! One program over a reader that is fed by hand, as it runs.

use crate::fields::{Fields, hex, optional};
use crate::reads::Reads;
use crate::{Exception, Fed};

/// How often everybody else is let run before everything counts as settled.
///
/// The runtime goes on with a task that yields after all other work that is ready. Of the two, one lets the reads run that
/// the last operation woke, the other tells this component how they ended; the third is to spare.
const YIELDS: usize = 3;

/// Runs a program and gives the report. The error is a program that cannot be understood.
pub(crate) async fn run<R: Fed>(line: &str) -> Result<String, String> {
    let mut steps = line.split(' ');
    let limit = optional(steps.next().unwrap_or_default())?;
    let mut reads = match R::new(limit) {
        Ok(reader) => Reads::new(reader),
        Err(error) => return Ok(error.show()),
    };
    let mut report = Vec::new();
    for step in steps {
        let (operation, settles) = match step.strip_suffix('!') {
            Some(operation) => (operation, false),
            None => (step, true),
        };
        let mut told = act(&mut reads, operation)?;
        if settles {
            settle(&mut reads).await;
            told += "; ";
            told += &reads.told();
        }
        report.push(told);
    }
    report.push(end(reads).await);
    Ok(report.join("\t"))
}

fn act<R: Fed>(reads: &mut Reads<R>, step: &str) -> Result<String, String> {
    let (name, mut fields) = Fields::of(step);
    let reader = reads.reader.clone();
    match name {
        "feed" => {
            let data = fields.bytes()?.repeat(fields.number()?);
            if let Err(error) = reader.feed_data(&data) {
                return Ok(error.show());
            }
        }
        "eof" => reader.feed_eof(),
        "raise" => reader.set_exception(Exception::parse(fields)?)?,
        name => return reads.step(name, fields)?.ok_or_else(|| format!("unknown operation {name}")),
    }
    Ok("ok".to_owned())
}

/// Lets everything run that can.
async fn settle<R: Fed>(reads: &mut Reads<R>) {
    for _ in 0..YIELDS {
        reads.poll().await;
        wit_bindgen::yield_async().await;
    }
    reads.poll().await;
}

/// Cancels what waits, and tells the final state. The buffer can be seen by reading to the end only.
async fn end<R: Fed>(mut reads: Reads<R>) -> String {
    reads.cancel_all();
    settle(&mut reads).await;
    let reader = reads.reader.clone();
    let at_eof = reader.at_eof();
    let exception = reads.exception();
    let has_exception = reader.exception().is_some();
    reader.feed_eof();
    let is_empty = reader.at_eof();
    let rest = match reader.read(-1).await {
        Ok(rest) => hex(&rest),
        Err(_) if has_exception => "unknown".to_owned(),
        Err(error) => error.show(),
    };
    format!("at_eof {at_eof}, exception {exception}, rest {rest}, empty {is_empty}")
}

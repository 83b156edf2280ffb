//! The reads that a program has started.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use crate::fields::{Fields, hex};
use crate::{Exception, Kind, Reader};

/// Whether bytes that a read brought show that the stream has ended.
type ShowsEnd = Box<dyn Fn(&[u8]) -> bool>;

type Pending = Pin<Box<dyn Future<Output = Result<Vec<u8>, Exception>>>>;

/// The reads of one reader.
pub(crate) struct Reads<R> {
    pub(crate) reader: Rc<R>,
    /// How many reads were started; the next one's number.
    started: usize,
    /// The reads that wait, by number.
    pending: BTreeMap<usize, Read>,
    /// Those that ended since it was told.
    ended: BTreeMap<usize, String>,
    /// An outcome has shown the end of the stream.
    has_seen_end: bool,
}

/// A read that waits.
struct Read {
    future: Pending,
    shows_end: ShowsEnd,
}

impl<R: Reader> Reads<R> {
    pub(crate) fn new(reader: R) -> Self {
        let (pending, ended) = (BTreeMap::new(), BTreeMap::new());
        Self { reader: Rc::new(reader), started: 0, pending, ended, has_seen_end: false }
    }

    /// Whether a read waits.
    pub(crate) fn wait(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether an outcome has shown the end of the stream.
    pub(crate) fn have_seen_end(&self) -> bool {
        self.has_seen_end
    }

    /// Does a step that is the reader's own; none for any other.
    pub(crate) fn step(&mut self, name: &str, mut fields: Fields<'_>) -> Result<Option<String>, String> {
        let reader = self.reader.clone();
        Ok(Some(match name {
            "read" => {
                let n: i64 = fields.number()?;
                let shows_end = move |data: &[u8]| n < 0 || (n > 0 && data.is_empty());
                self.start(async move { reader.read(n).await }, shows_end)
            }
            "readline" => {
                self.start(async move { reader.readline().await }, |data| data.last().is_none_or(|&last| last != b'\n'))
            }
            "readexactly" => {
                let n = fields.number()?;
                self.start(async move { reader.readexactly(n).await }, |_| false)
            }
            "readuntil" => {
                let separators = fields.all_bytes()?;
                self.start(async move { reader.readuntil(separators).await }, |_| false)
            }
            "cancel" => self.cancel(fields.number()?),
            "at_eof" => self.reader.at_eof().to_string(),
            "exception" => self.exception(),
            _ => return Ok(None),
        }))
    }

    /// Starts a read. Its call is made when everything settles next.
    pub(crate) fn start(
        &mut self,
        read: impl Future<Output = Result<Vec<u8>, Exception>> + 'static,
        shows_end: impl Fn(&[u8]) -> bool + 'static,
    ) -> String {
        let number = self.started;
        self.started += 1;
        self.pending.insert(number, Read { future: Box::pin(read), shows_end: Box::new(shows_end) });
        format!("started {number}")
    }

    /// Gives up a read that waits: the one at this place, counted around.
    fn cancel(&mut self, place: usize) -> String {
        let Some(place) = place.checked_rem(self.pending.len()) else { return "none".to_owned() };
        let number = *self.pending.keys().nth(place).expect("the place is below the length");
        self.pending.remove(&number);
        format!("cancelled {number}")
    }

    /// Gives up every read that waits.
    pub(crate) fn cancel_all(&mut self) {
        self.pending.clear();
    }

    /// Looks at every read that waits, and takes out those that have ended.
    pub(crate) async fn poll(&mut self) {
        poll_fn(|context| {
            self.pending.retain(|number, read| match read.future.as_mut().poll(context) {
                Poll::Ready(outcome) => {
                    self.has_seen_end |= match &outcome {
                        Ok(data) => (read.shows_end)(data),
                        Err(error) => matches!(error.kind, Kind::Incomplete { .. }),
                    };
                    let outcome = outcome.map_or_else(|error| error.show(), |data| hex(&data));
                    self.ended.insert(*number, outcome);
                    false
                }
                Poll::Pending => true,
            });
            Poll::Ready(())
        })
        .await;
    }

    /// Tells which reads have ended how since this was asked last, and which have not.
    pub(crate) fn told(&mut self) -> String {
        let ended = std::mem::take(&mut self.ended);
        let mut told: Vec<_> = ended.iter().map(|(number, outcome)| format!("{number}={outcome}")).collect();
        if !self.pending.is_empty() {
            let numbers: Vec<_> = self.pending.keys().map(ToString::to_string).collect();
            told.push(format!("waiting {}", numbers.join(",")));
        }
        told.join(" ")
    }

    pub(crate) fn exception(&self) -> String {
        self.reader.exception().map_or("none".to_owned(), |error| error.show())
    }
}

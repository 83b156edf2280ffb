//! The four reads, each as a state that is stepped whenever something arrived.
//!
//! A step gives the answer, an error, or nothing: then the caller waits for data and steps again. Each mirrors the
//! method of CPython 3.14's `StreamReader` that it is named for, line for line.

use super::reader_core::ReaderCore;
use super::separators::Separators;
use crate::error::{Error, Result};

/// A read under way.
pub(crate) trait ReadOperation {
    /// The name that Python's message about a second waiter has.
    const NAME: &'static str;

    /// Goes on as far as the buffer allows; none means: wait for data.
    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>>;

    /// Whether a step may fail now, or take something and fail.
    #[cfg(feature = "component")]
    fn may_fail(&self, core: &ReaderCore) -> bool {
        core.exception().is_some() || core.buffered().len() > core.limit()
    }

    /// The wait ended with a stored exception.
    fn fail(&mut self, error: Error, _core: &mut ReaderCore) -> Result<Vec<u8>> {
        Err(error)
    }

    /// The read is given up before it has answered: what it had taken goes back.
    fn cancel(&mut self, _core: &mut ReaderCore) {}
}

/// `read(n)` for n >= 0: what there is, but at least one byte unless the stream has ended.
pub(crate) struct Read {
    at_most: usize,
    started: bool,
}

impl Read {
    pub(crate) fn new(at_most: usize) -> Self {
        Self { at_most, started: false }
    }
}

impl ReadOperation for Read {
    const NAME: &'static str = "read";

    #[cfg(feature = "component")]
    fn may_fail(&self, core: &ReaderCore) -> bool {
        core.exception().is_some()
    }

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        if !self.started {
            core.check_exception()?;
            self.started = true;
            if self.at_most > 0 && core.buffered().is_empty() && !core.eof() {
                return Ok(None);
            }
        }
        Ok(Some(core.take(self.at_most)))
    }
}

/// `read(-1)`: everything up to the end, in steps of the limit.
///
/// CPython loses what such a read had taken when it is cancelled or fails; here it goes back into the buffer.
#[derive(Default)]
pub(crate) struct ReadAll {
    taken: Vec<u8>,
    block: Option<Read>,
}

impl ReadOperation for ReadAll {
    const NAME: &'static str = "read";

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        loop {
            let limit = core.limit();
            let block = self.block.get_or_insert_with(|| Read::new(limit)).step(core)?;
            let Some(block) = block else { return Ok(None) };
            self.block = None;
            if block.is_empty() {
                return Ok(Some(std::mem::take(&mut self.taken)));
            }
            self.taken.extend_from_slice(&block);
        }
    }

    fn cancel(&mut self, core: &mut ReaderCore) {
        core.put_back(&std::mem::take(&mut self.taken));
    }
}

/// `readexactly(n)`.
pub(crate) struct ReadExactly {
    /// As asked for.
    expected: u64,
    count: usize,
    started: bool,
}

impl ReadExactly {
    /// # Errors
    /// A value error if `count` is negative.
    pub(crate) fn new(count: i64) -> Result<Self> {
        if count < 0 {
            return Err(Error::Value("readexactly size can not be less than zero".into()));
        }
        // More than the address space holds never arrives: the read ends with the stream, as it should.
        Ok(Self { expected: count.unsigned_abs(), count: usize::try_from(count).unwrap_or(usize::MAX), started: false })
    }
}

impl ReadOperation for ReadExactly {
    const NAME: &'static str = "readexactly";

    #[cfg(feature = "component")]
    fn may_fail(&self, core: &ReaderCore) -> bool {
        core.exception().is_some() || core.eof()
    }

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        if !self.started {
            core.check_exception()?;
            self.started = true;
        }
        if core.buffered().len() >= self.count {
            return Ok(Some(core.take(self.count)));
        }
        if core.eof() {
            let partial = core.take(usize::MAX);
            return Err(Error::IncompleteRead { partial, expected: Some(self.expected) });
        }
        Ok(None)
    }
}

/// `readuntil(separators)`.
pub(crate) struct ReadUntil {
    separators: Separators,
    started: bool,
    /// No separator begins before this offset into the buffer: it has been searched.
    offset: usize,
}

impl ReadUntil {
    pub(crate) fn new(separators: Separators) -> Self {
        Self { separators, started: false, offset: 0 }
    }
}

impl ReadOperation for ReadUntil {
    const NAME: &'static str = "readuntil";

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        if !self.started {
            core.check_exception()?;
            self.started = true;
        }
        let buffered = core.buffered().len();
        if buffered.saturating_sub(self.offset) >= self.separators.shortest() {
            if let Some(found) = self.separators.find(core.buffered(), self.offset) {
                if found.start > core.limit() {
                    return Err(Error::LimitOverrun { message: FOUND_TOO_FAR.into(), consumed: found.start as u64 });
                }
                return Ok(Some(core.take(found.end)));
            }
            self.offset = (buffered + 1).saturating_sub(self.separators.longest());
            if self.offset > core.limit() {
                return Err(Error::LimitOverrun { message: NOT_FOUND.into(), consumed: self.offset as u64 });
            }
        }
        if core.eof() {
            return Err(Error::IncompleteRead { partial: core.take(usize::MAX), expected: None });
        }
        Ok(None)
    }
}

const FOUND_TOO_FAR: &str = "Separator is found, but chunk is longer than limit";
const NOT_FOUND: &str = "Separator is not found, and chunk exceed the limit";

/// `readline()`.
///
/// The one separator is a byte, which makes this simpler and faster than [`ReadUntil`] with the same meaning.
#[derive(Default)]
pub(crate) struct ReadLine {
    started: bool,
    /// The buffer has been searched up to here.
    offset: usize,
    /// All whole lines that have arrived instead of one.
    many: bool,
}

impl ReadLine {
    /// A read that was tried before, perhaps: what was searched then is not searched again.
    #[cfg(feature = "component")]
    pub(crate) fn again(core: &ReaderCore) -> Self {
        Self { offset: core.searched_for_lines(), ..Self::default() }
    }

    /// As many lines as have arrived whole, if nobody waits for what comes after the first; else as `readline`, but that a stored
    /// `IncompleteReadError` is raised, since its bytes are no lines.
    #[cfg(any(test, feature = "component"))]
    pub(crate) fn many(core: &ReaderCore) -> Self {
        Self { offset: core.searched_for_lines(), many: true, ..Self::default() }
    }
}

impl ReadOperation for ReadLine {
    // A line waits as `readuntil`, and Python's message says so.
    const NAME: &'static str = ReadUntil::NAME;

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        if !self.started {
            self.started = true;
            if let Err(error) = core.check_exception() {
                return self.fail(error, core).map(Some);
            }
        }
        // Another task may have read meanwhile; CPython goes on from the same offset then, too.
        let from = self.offset;
        let space = core.buffered().get(from..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', space) else {
            let buffered = core.buffered().len();
            if buffered > from && buffered > core.limit() {
                core.discard(usize::MAX);
                return Err(Error::Value(NOT_FOUND.into()));
            }
            if core.eof() {
                return Ok(Some(core.take(usize::MAX)));
            }
            if buffered > from {
                self.offset = buffered;
                core.set_searched_for_lines(buffered);
            }
            return Ok(None);
        };
        let start = from + at;
        if start > core.limit() {
            core.discard(start + 1);
            return Err(Error::Value(FOUND_TOO_FAR.into()));
        }
        let end = if self.many && !core.is_awaited() {
            last_line_within(core.buffered(), start, core.limit())
        } else {
            start
        };
        Ok(Some(core.take(end + 1)))
    }

    /// CPython's `readline` treats exceptions that somebody stored as if its own `readuntil` had raised them.
    fn fail(&mut self, error: Error, core: &mut ReaderCore) -> Result<Vec<u8>> {
        match error {
            Error::IncompleteRead { partial, .. } if !self.many => Ok(partial),
            Error::LimitOverrun { message, consumed } => {
                let consumed = usize::try_from(consumed).unwrap_or(usize::MAX);
                let found = core.buffered().get(consumed) == Some(&b'\n');
                core.discard(if found { consumed + 1 } else { usize::MAX });
                Err(Error::Value(message))
            }
            other => Err(other),
        }
    }
}

/// Where the last line's end is that can be taken with the first one, which is at `first`: no line between is over the limit.
fn last_line_within(buffered: &[u8], first: usize, limit: usize) -> usize {
    let last = memchr::memrchr(b'\n', buffered).unwrap_or(first);
    if last - first <= limit {
        return last;
    }
    // Rare: with more than the limit after the first line, each line has to be looked at.
    let rest = buffered.get(first + 1..).unwrap_or_default();
    memchr::memchr_iter(b'\n', rest)
        .map(|at| first + 1 + at)
        .scan(first, |before, at| (at - *before - 1 <= limit).then(|| std::mem::replace(before, at)).map(|_| at))
        .last()
        .unwrap_or(first)
}

#[cfg(test)]
#[path = "read_operations_tests.rs"]
mod tests;

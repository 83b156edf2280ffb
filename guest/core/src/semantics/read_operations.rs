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

    /// The first step. It fails with the stream's exception, if there is one.
    fn begin(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        if let Err(error) = core.check_exception() {
            return self.fail(error, core).map(Some);
        }
        if self.waits_first(core) { Ok(None) } else { self.step(core) }
    }

    /// Whether it waits for data before it looks at the buffer.
    fn waits_first(&self, _core: &ReaderCore) -> bool {
        false
    }

    /// Goes on as far as the buffer allows; none means: wait for data.
    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>>;

    /// The stream has an exception.
    fn fail(&mut self, error: Error, _core: &mut ReaderCore) -> Result<Vec<u8>> {
        Err(error)
    }

    /// The read is given up before it has answered: what it had taken goes back.
    fn cancel(&mut self, _core: &mut ReaderCore) {}

    /// Whether a transport that the reader has paused may go on after this read, `answered` or failed: where the method in Python
    /// calls `_maybe_resume_transport`.
    fn resumes(&self, answered: bool) -> bool {
        answered
    }
}

/// `read(n)` for n >= 0: what there is, but at least one byte unless the stream has ended.
pub(crate) struct Read {
    pub(crate) at_most: usize,
}

impl ReadOperation for Read {
    const NAME: &'static str = "read";

    fn resumes(&self, answered: bool) -> bool {
        answered && self.at_most > 0
    }

    fn waits_first(&self, core: &ReaderCore) -> bool {
        self.at_most > 0 && core.is_drained()
    }

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        Ok(Some(core.take(self.at_most)))
    }
}

/// `read(-1)`: everything up to the end, in steps of the limit.
///
/// CPython loses what such a read had taken when it is cancelled or fails; here it goes back into the buffer.
#[derive(Default)]
pub(crate) struct ReadAll {
    taken: Vec<u8>,
}

impl ReadOperation for ReadAll {
    const NAME: &'static str = "read";

    fn waits_first(&self, core: &ReaderCore) -> bool {
        core.is_drained()
    }

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        loop {
            let block = core.take(core.limit());
            if block.is_empty() {
                return Ok(Some(std::mem::take(&mut self.taken)));
            }
            self.taken.extend_from_slice(&block);
            core.check_exception()?;
            if core.is_drained() {
                return Ok(None);
            }
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
}

impl ReadExactly {
    /// # Errors
    /// A value error if `count` is negative.
    pub(crate) fn new(count: i64) -> Result<Self> {
        if count < 0 {
            return Err(Error::Value("readexactly size can not be less than zero".into()));
        }
        // More than the address space holds never arrives: the read ends with the stream, as it should.
        Ok(Self { expected: count.unsigned_abs(), count: usize::try_from(count).unwrap_or(usize::MAX) })
    }
}

impl ReadOperation for ReadExactly {
    const NAME: &'static str = "readexactly";

    fn resumes(&self, answered: bool) -> bool {
        answered && self.count > 0
    }

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
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
    /// No separator begins before this offset into the buffer: it has been searched.
    offset: usize,
}

impl ReadUntil {
    pub(crate) fn new(separators: Separators) -> Self {
        Self { separators, offset: 0 }
    }
}

impl ReadOperation for ReadUntil {
    const NAME: &'static str = "readuntil";

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
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
    /// The buffer has been searched up to here.
    offset: usize,
    /// What came is a whole line, or an overrun: not what was left at the end.
    resumes: bool,
}

impl ReadOperation for ReadLine {
    // A line waits as `readuntil`, and Python's message says so.
    const NAME: &'static str = ReadUntil::NAME;

    fn step(&mut self, core: &mut ReaderCore) -> Result<Option<Vec<u8>>> {
        // Another task may have read meanwhile; CPython goes on from the same offset then, too.
        let space = core.buffered().get(self.offset..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', space) else {
            let buffered = core.buffered().len();
            if buffered > self.offset && buffered > core.limit() {
                core.discard(usize::MAX);
                self.resumes = true;
                return Err(Error::Value(NOT_FOUND.into()));
            }
            if core.eof() {
                return Ok(Some(core.take(usize::MAX)));
            }
            self.offset = self.offset.max(buffered);
            return Ok(None);
        };
        let end = self.offset + at;
        self.resumes = true;
        if end > core.limit() {
            core.discard(end + 1);
            return Err(Error::Value(FOUND_TOO_FAR.into()));
        }
        Ok(Some(core.take(end + 1)))
    }

    /// CPython's `readline` treats exceptions that somebody stored as if its own `readuntil` had raised them.
    fn fail(&mut self, error: Error, core: &mut ReaderCore) -> Result<Vec<u8>> {
        match error {
            Error::IncompleteRead { partial, .. } => Ok(partial),
            Error::LimitOverrun { message, consumed } => {
                let consumed = usize::try_from(consumed).unwrap_or(usize::MAX);
                let found = core.buffered().get(consumed) == Some(&b'\n');
                core.discard(if found { consumed + 1 } else { usize::MAX });
                self.resumes = true;
                Err(Error::Value(message))
            }
            other => Err(other),
        }
    }

    fn resumes(&self, _answered: bool) -> bool {
        self.resumes
    }
}

#[cfg(test)]
#[path = "read_operations_tests.rs"]
mod tests;

//! asyncio's reads, as rules about bytes that have arrived. What is missing is for the caller to fetch.
//!
//! They are not those of `wasyncio-core`: its reader is woken within one thread (`Rc`, `RefCell`) and gives back what a read had taken
//! when that is dropped, where handles here go to any thread, and bytes stay in one buffer whose only other state is the call that
//! brings more. What both share, the four rules themselves, is less than the adapters between them would be; `tests/embed/readers.rs`
//! and the tests below hold them to the same answers and messages.

use bytes::{Buf, BytesMut};
use memchr::memmem;

use super::bindings::{AsyncioError, IncompleteReadError, LimitOverrunError};

/// How many bytes are fetched at once, where the read does not say.
const FETCHED_BYTES: usize = 1 << 16;

/// A read of asyncio.
#[derive(Debug)]
pub(super) enum Read {
    /// `read(n)` with `n` from 0 on.
    AtMost(usize),
    /// `read(-1)`.
    All,
    /// `readline`.
    Line(Search),
    /// `readexactly`.
    Exactly(usize),
    /// `readuntil`.
    Until(Search),
}

/// Looking for the separator whose match ends first.
#[derive(Debug)]
pub(super) struct Search {
    separators: Vec<Vec<u8>>,
    /// No separator begins before here.
    from: usize,
}

/// What comes of looking at the bytes that are there.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// The answer.
    Done(Vec<u8>),
    /// Up to so many more bytes are needed.
    Fetch(usize),
}

impl Read {
    pub(super) fn line() -> Self {
        Self::Line(Search { separators: vec![b"\n".to_vec()], from: 0 })
    }

    /// As CPython's `readuntil` checks its arguments.
    pub(super) fn until(separators: &[impl AsRef<[u8]>]) -> Result<Self, AsyncioError> {
        let separators: Vec<_> = separators.iter().map(|separator| separator.as_ref().to_vec()).collect();
        if separators.is_empty() {
            return Err(AsyncioError::ValueError("Separator should contain at least one element".to_owned()));
        }
        if separators.iter().any(Vec::is_empty) {
            return Err(AsyncioError::ValueError("Separator should be at least one-byte string".to_owned()));
        }
        Ok(Self::Until(Search { separators, from: 0 }))
    }

    pub(super) fn exactly(count: i64) -> Result<Self, AsyncioError> {
        match usize::try_from(count) {
            Ok(count) => Ok(Self::Exactly(count)),
            Err(_) => Err(AsyncioError::ValueError("readexactly size can not be less than zero".to_owned())),
        }
    }

    /// asyncio's name of it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AtMost(_) | Self::All => "read",
            Self::Line(_) => "readline",
            Self::Exactly(_) => "readexactly",
            Self::Until(_) => "readuntil",
        }
    }

    /// Looks at `buffer`, what has arrived and was not read; `eof` tells that nothing more will.
    pub(super) fn step(&mut self, buffer: &mut BytesMut, eof: bool, limit: usize) -> Result<Step, AsyncioError> {
        match self {
            Self::AtMost(count) if *count == 0 || !buffer.is_empty() || eof => Ok(take(buffer, *count)),
            Self::AtMost(count) => Ok(Step::Fetch(*count)),
            Self::All if eof => Ok(take(buffer, usize::MAX)),
            Self::All => Ok(Step::Fetch(FETCHED_BYTES)),
            Self::Exactly(count) if buffer.len() >= *count => Ok(take(buffer, *count)),
            Self::Exactly(count) if eof => Err(incomplete(buffer, Some(*count))),
            Self::Exactly(count) => Ok(Step::Fetch(*count - buffer.len())),
            Self::Until(search) => search.step(buffer, eof, limit),
            Self::Line(search) => match search.step(buffer, eof, limit) {
                Err(AsyncioError::IncompleteReadError(error)) => Ok(Step::Done(error.partial)),
                Err(AsyncioError::LimitOverrunError(error)) => {
                    let consumed = error.consumed as usize;
                    match buffer.get(consumed) {
                        Some(b'\n') => buffer.advance(consumed + 1),
                        _ => buffer.clear(),
                    }
                    Err(AsyncioError::ValueError(error.message))
                }
                step => step,
            },
        }
    }
}

impl Search {
    fn step(&mut self, buffer: &mut BytesMut, eof: bool, limit: usize) -> Result<Step, AsyncioError> {
        let (shortest, longest) = self.lengths();
        if buffer.len() - self.from >= shortest {
            if let Some((start, end)) = self.find(buffer) {
                if start > limit {
                    return Err(overrun("Separator is found, but chunk is longer than limit", start));
                }
                return Ok(take(buffer, end));
            }
            self.from = (buffer.len() + 1).saturating_sub(longest);
            if self.from > limit {
                return Err(overrun("Separator is not found, and chunk exceed the limit", self.from));
            }
        }
        if eof { Err(incomplete(buffer, None)) } else { Ok(Step::Fetch(FETCHED_BYTES)) }
    }

    fn lengths(&self) -> (usize, usize) {
        let lengths = || self.separators.iter().map(Vec::len);
        (lengths().min().unwrap_or(1), lengths().max().unwrap_or(1))
    }

    /// The first byte of the match that ends first, and the byte behind it.
    fn find(&self, buffer: &[u8]) -> Option<(usize, usize)> {
        let found = self.separators.iter().filter_map(|separator| {
            let start = self.from + memmem::find(&buffer[self.from..], separator)?;
            Some((start, start + separator.len()))
        });
        // Of two that end at one place, the longer begins earlier: the shorter one counts, as it is looked for first.
        found.min_by_key(|(start, end)| (*end, std::cmp::Reverse(*start)))
    }
}

fn take(buffer: &mut BytesMut, count: usize) -> Step {
    if count >= buffer.len() {
        return Step::Done(Vec::from(std::mem::take(buffer)));
    }
    Step::Done(buffer.split_to(count).to_vec())
}

fn incomplete(buffer: &mut BytesMut, expected: Option<usize>) -> AsyncioError {
    let partial = Vec::from(std::mem::take(buffer));
    let expected = expected.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    AsyncioError::IncompleteReadError(IncompleteReadError { partial, expected })
}

fn overrun(message: &str, consumed: usize) -> AsyncioError {
    let consumed = u32::try_from(consumed).unwrap_or(u32::MAX);
    AsyncioError::LimitOverrunError(LimitOverrunError { message: message.to_owned(), consumed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(text: &str) -> BytesMut {
        BytesMut::from(text.as_bytes())
    }

    fn done(text: &str) -> Step {
        Step::Done(text.as_bytes().to_vec())
    }

    #[test]
    fn a_line_comes_out_however_it_arrives() {
        let text = "one\ntwo\n\nthree";
        for size in 1..=text.len() {
            let (mut arrived, mut lines) = (BytesMut::new(), Vec::new());
            let mut read = Read::line();
            let mut chunks = text.as_bytes().chunks(size);
            let mut eof = false;
            while lines.len() < 5 {
                match read.step(&mut arrived, eof, 100).unwrap() {
                    Step::Done(line) => {
                        lines.push(String::from_utf8(line).unwrap());
                        read = Read::line();
                    }
                    Step::Fetch(_) => match chunks.next() {
                        Some(chunk) => arrived.extend_from_slice(chunk),
                        None => eof = true,
                    },
                }
            }
            assert_eq!(lines, ["one\n", "two\n", "\n", "three", ""], "in pieces of {size}");
        }
    }

    #[test]
    fn a_separator_in_two_pieces_is_found() {
        let mut read = Read::until(&["\r\n"]).unwrap();
        let mut arrived = buffer("one\r");
        assert!(matches!(read.step(&mut arrived, false, 100), Ok(Step::Fetch(_))));
        arrived.extend_from_slice(b"\ntwo");
        assert_eq!(read.step(&mut arrived, false, 100), Ok(done("one\r\n")));
        assert_eq!(&arrived[..], b"two");
    }

    #[test]
    fn the_match_that_ends_first_counts() {
        let mut read = Read::until(&["bcd", "c"]).unwrap();
        assert_eq!(read.step(&mut buffer("abcd"), false, 100), Ok(done("abc")));
    }

    #[test]
    fn an_overrun_line_is_removed_and_what_comes_after_it_stays() {
        let mut arrived = buffer("long line\nnext\n");
        let error = Read::line().step(&mut arrived, false, 4).unwrap_err();
        assert_eq!(error, AsyncioError::ValueError("Separator is found, but chunk is longer than limit".into()));
        assert_eq!(Read::line().step(&mut arrived, false, 4), Ok(done("next\n")));
        let mut arrived = buffer("no end");
        let error = Read::line().step(&mut arrived, false, 4).unwrap_err();
        assert_eq!(error, AsyncioError::ValueError("Separator is not found, and chunk exceed the limit".into()));
        assert!(arrived.is_empty());
    }

    #[test]
    fn an_overrun_until_leaves_the_buffer() {
        let mut arrived = buffer("no end");
        let error = Read::until(&[";"]).unwrap().step(&mut arrived, false, 4).unwrap_err();
        assert_eq!(error, overrun("Separator is not found, and chunk exceed the limit", 6));
        assert_eq!(&arrived[..], b"no end");
    }

    #[test]
    fn exactly_means_exactly() {
        let mut arrived = buffer("12345");
        assert_eq!(Read::exactly(2).unwrap().step(&mut arrived, false, 4), Ok(done("12")));
        assert_eq!(Read::exactly(4).unwrap().step(&mut arrived, false, 4), Ok(Step::Fetch(1)));
        let error = Read::exactly(4).unwrap().step(&mut arrived, true, 4).unwrap_err();
        assert!(matches!(error, AsyncioError::IncompleteReadError(e) if e.partial == b"345" && e.expected == Some(4)));
        assert!(Read::exactly(-1).is_err());
    }
}

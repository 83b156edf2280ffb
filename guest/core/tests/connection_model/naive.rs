//! What a read must answer, as plainly as it can be said: a function of what is buffered.

use std::borrow::Cow;

use wasyncio_core::{Error, Result};

use crate::steps::ReadCall;

fn find(buffered: &[u8], what: &[u8]) -> Option<usize> {
    buffered.windows(what.len()).position(|window| window == what)
}

fn value(text: &'static str) -> Error {
    Error::Value(Cow::Borrowed(text))
}

const FOUND: &str = "Separator is found, but chunk is longer than limit";
const NOT_FOUND: &str = "Separator is not found, and chunk exceed the limit";

/// The answer and how much of the buffer it consumes; none if the read has to wait for more.
pub(crate) fn answer(call: &ReadCall, buffered: &[u8], eof: bool, limit: usize) -> Option<(Result<Vec<u8>>, usize)> {
    let first = |count: usize| Some((Ok(buffered[..count].to_vec()), count));
    let incomplete =
        |expected| Some((Err(Error::IncompleteRead { partial: buffered.to_vec(), expected }), buffered.len()));
    match call {
        ReadCall::Read(0) => first(0),
        ReadCall::Read(n) if *n < 0 => {
            if eof {
                first(buffered.len())
            } else {
                None
            }
        }
        ReadCall::Read(n) => {
            if buffered.is_empty() && !eof {
                None
            } else {
                first(buffered.len().min(*n as usize))
            }
        }
        ReadCall::ReadExactly(n) => {
            if buffered.len() >= *n as usize {
                first(*n as usize)
            } else if eof {
                incomplete(Some(*n as u64))
            } else {
                None
            }
        }
        ReadCall::ReadLine => match find(buffered, b"\n") {
            Some(at) if at > limit => Some((Err(value(FOUND)), at + 1)),
            Some(at) => first(at + 1),
            None if buffered.len() > limit => Some((Err(value(NOT_FOUND)), buffered.len())),
            None if eof => first(buffered.len()),
            None => None,
        },
        ReadCall::ReadUntil(separators) => {
            // The match that ends first, and of two that end together the shorter.
            let matches = separators.iter().filter_map(|separator| {
                find(buffered, separator.as_bytes()).map(|start| (start + separator.len(), separator.len()))
            });
            let overrun = |message, consumed: usize| {
                let message = Cow::Borrowed(message);
                Some((Err(Error::LimitOverrun { message, consumed: consumed as u64 }), 0))
            };
            let longest = separators.iter().map(|separator| separator.len()).max().unwrap_or(0);
            let searched = (buffered.len() + 1).saturating_sub(longest);
            match matches.min() {
                Some((end, length)) if end - length > limit => overrun(FOUND, end - length),
                Some((end, _)) => first(end),
                None if searched > limit => overrun(NOT_FOUND, searched),
                None if eof => incomplete(None),
                None => None,
            }
        }
    }
}

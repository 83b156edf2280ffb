//! What many readers ask for, and what they are told, packed into words as `ready-queue.exchange` says.

use crate::generated::wasyncio::streams::fast::Request;

const READ: u64 = 1;
const ALONE: u64 = 2;
const WANTS_DRAIN: u64 = 4;
const MORE: u64 = 8;
const REFUSED: u64 = 16;

/// A question that parts are added to.
#[derive(Default)]
pub(crate) struct Question {
    words: Vec<u64>,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    pub(crate) outcome: Outcome<'a>,
    pub(crate) wants_drain: bool,
    pub(crate) more: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    Waits,
    Read(&'a [u8]),
    /// It is to be asked for alone.
    Alone,
    /// Nothing was written either.
    Refused,
}

impl Question {
    /// Adds a part. `data` are `size` bytes in words, to be written.
    pub(crate) fn push(&mut self, token: u32, request: Request, size: u32, data: &[u64]) {
        let wish = match request {
            Request::Read(n) => n.min(u64::MAX >> 2) << 2,
            Request::Readline => 1,
            Request::Readlines => 2,
            Request::Readexactly(n) => n.unsigned_abs().min(u64::MAX >> 2) << 2 | 3,
        };
        self.words.push(u64::from(token) | u64::from(size) << 32);
        self.words.push(wish);
        self.words.extend_from_slice(data);
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }
}

/// Takes what one part was told off the front of an answer.
pub(crate) fn told<'a>(answer: &mut &'a [u64]) -> Option<Told<'a>> {
    let (&head, rest) = answer.split_first()?;
    let length = (head >> 32) as usize;
    let (data, rest) = rest.split_at_checked(length.div_ceil(8))?;
    *answer = rest;
    let bytes: &[u8] = bytemuck::cast_slice(data);
    let outcome = if head & REFUSED != 0 {
        Outcome::Refused
    } else if head & ALONE != 0 {
        Outcome::Alone
    } else if head & READ != 0 {
        Outcome::Read(bytes.get(..length).unwrap_or(bytes))
    } else {
        Outcome::Waits
    };
    Some(Told { outcome, wants_drain: head & WANTS_DRAIN != 0, more: head & MORE != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        let mut question = Question::default();
        question.push(7, Request::Readlines, 9, &[1, 2]);
        question.push(8, Request::Read(u64::MAX), 0, &[]);
        question.push(9, Request::Readexactly(5), 0, &[]);
        assert_eq!(question.words(), [7 | 9 << 32, 2, 1, 2, 8, u64::MAX << 2, 9, 5 << 2 | 3]);
    }

    #[test]
    fn an_answer_is_taken_part_by_part() {
        let word = u64::from_le_bytes(*b"12345678");
        let answer = [0, 9 << 32 | READ | MORE, word, u64::from(b'9'), ALONE | WANTS_DRAIN, REFUSED];
        let mut rest = answer.as_slice();
        let mut next = || told(&mut rest).map(|told| (told.outcome, told.wants_drain, told.more));
        assert_eq!(next(), Some((Outcome::Waits, false, false)));
        assert_eq!(next(), Some((Outcome::Read(b"123456789"), false, true)));
        assert_eq!(next(), Some((Outcome::Alone, true, false)));
        assert_eq!(next(), Some((Outcome::Refused, false, false)));
        assert_eq!(next(), None);
    }

    #[test]
    fn an_answer_that_is_too_short_says_nothing() {
        assert_eq!(told(&mut [9 << 32 | READ, 1].as_slice()), None);
    }
}

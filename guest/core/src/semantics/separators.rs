//! The separators of a `readuntil`, and the search for the first of them.
//!
//! They are found in one pass, one or several: the search stops at every byte that is the last one of some separator, and asks
//! there which of them has just ended. What ends first is so met first, and nothing is searched that lies behind it.
//!
//! For `n` bytes the worst case is `n` times the length of all separators that end in the same byte, which takes data made
//! of nearly nothing else. A search for each separator by itself would always look at all data once for each; an Aho-Corasick
//! automaton has the better worst case, but would make up a good part of `wasyncio.wasm`.

use std::ops::Range;

use crate::error::{Error, Result};

/// One or more separators, none of them empty; shortest first, as CPython sorts them: of two that end together it takes the first.
#[derive(Debug)]
pub(crate) struct Separators {
    /// One behind the other: a `readuntil` does not live long enough to be worth an allocation for each.
    bytes: Vec<u8>,
    lengths: Vec<usize>,
    lasts: LastBytes,
}

impl Separators {
    /// # Errors
    /// A value error if there is none, or an empty one.
    pub(crate) fn new(separators: &[impl AsRef<[u8]>]) -> Result<Self> {
        let mut sorted: Vec<&[u8]> = Vec::new();
        // There are few, and the standard library's sorting is a good part of what else is here.
        for separator in separators.iter().map(AsRef::as_ref) {
            let place = sorted.partition_point(|other| other.len() <= separator.len());
            sorted.insert(place, separator);
        }
        match sorted.as_slice() {
            [] => Err(Error::Value("Separator should contain at least one element".into())),
            [[], ..] => Err(Error::Value("Separator should be at least one-byte string".into())),
            sorted => Ok(Self {
                bytes: sorted.concat(),
                lengths: sorted.iter().map(|separator| separator.len()).collect(),
                lasts: LastBytes::of(sorted),
            }),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().map_while(move |&length| rest.split_off(..length))
    }

    /// The length of the shortest separator in bytes, at least 1.
    pub(crate) fn shortest(&self) -> usize {
        self.lengths.first().copied().unwrap_or(1)
    }

    /// The length of the longest separator in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.lengths.last().copied().unwrap_or(1)
    }

    /// The match that ends first in `bytes` among those that begin at `from` or later; of two that end together the shorter.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<Range<usize>> {
        let mut end = from;
        loop {
            end += self.lasts.find(bytes.get(end..)?)? + 1;
            let before = bytes.get(from..end)?;
            if let Some(separator) = self.iter().find(|separator| before.ends_with(separator)) {
                return Some(end - separator.len()..end);
            }
        }
    }
}

/// The bytes that the separators end in.
#[derive(Debug)]
enum LastBytes {
    One(u8),
    Two(u8, u8),
    Three(u8, u8, u8),
    /// A bit for each of them.
    Many([u64; 4]),
}

impl LastBytes {
    fn of(separators: &[&[u8]]) -> Self {
        let mut lasts: Vec<u8> = Vec::new();
        for last in separators.iter().filter_map(|separator| separator.last()) {
            if !lasts.contains(last) {
                lasts.push(*last);
            }
        }
        match *lasts.as_slice() {
            [one] => Self::One(one),
            [one, two] => Self::Two(one, two),
            [one, two, three] => Self::Three(one, two, three),
            ref many => {
                let mut set = [0; 4];
                for &byte in many {
                    set[usize::from(byte >> 6)] |= 1 << (byte & 63);
                }
                Self::Many(set)
            }
        }
    }

    /// Where the first of them is.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        match *self {
            Self::One(one) => memchr::memchr(one, bytes),
            Self::Two(one, two) => memchr::memchr2(one, two, bytes),
            Self::Three(one, two, three) => memchr::memchr3(one, two, three, bytes),
            Self::Many(set) => bytes.iter().position(|byte| set[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::collection::vec;
    use proptest::prelude::*;

    fn find(separators: &[&str], text: &str, from: usize) -> Option<(usize, usize)> {
        let separators = Separators::new(separators).expect("separators are not empty");
        separators.find(text.as_bytes(), from).map(|found| (found.start, found.end))
    }

    #[test]
    fn the_match_that_ends_first_wins() {
        assert_eq!(find(&["\n"], "ab\ncd\n", 0), Some((2, 3)));
        assert_eq!(find(&["\n"], "ab\ncd\n", 3), Some((5, 6)));
        assert_eq!(find(&["cd", "a"], "bcda", 0), Some((1, 3)));
        assert_eq!(find(&["abcd", "c"], "abcd", 0), Some((2, 3)));
        assert_eq!(find(&["cd", "abc"], "abcd", 0), Some((0, 3)));
        assert_eq!(find(&["x", "y"], "ab", 0), None);
    }

    #[test]
    fn of_two_that_end_together_the_shorter_wins() {
        assert_eq!(find(&["\r\n", "\n"], "ab\r\n", 0), Some((3, 4)));
        assert_eq!(find(&["b\r\n", "\r\n"], "ab\r\n", 0), Some((2, 4)));
    }

    #[test]
    fn a_match_begins_at_from_or_later() {
        assert_eq!(find(&["ab"], "ab", 1), None);
        assert_eq!(find(&["ab", "xyz"], "ab xyz", 1), Some((3, 6)));
        assert_eq!(find(&["abc", "c"], "abc", 1), Some((2, 3)));
        assert_eq!(find(&["a", "b"], "ab", 2), None);
        assert_eq!(find(&["a", "b"], "ab", 3), None);
    }

    #[test]
    fn what_only_ends_like_a_separator_is_passed_over() {
        assert_eq!(find(&["\r\n", "..\n"], "a\nb.\n\n\r\n", 0), Some((6, 8)));
        assert_eq!(find(&["abc", "xbc"], "bc", 0), None);
        assert_eq!(find(&["aab", "bab"], "abaab", 0), Some((2, 5)));
    }

    #[test]
    fn a_separator_may_be_there_twice_and_within_another() {
        assert_eq!(find(&["\n", "\n"], "a\n", 0), Some((1, 2)));
        assert_eq!(find(&["aXb", "X"], "aXb", 0), Some((1, 2)));
        assert_eq!(find(&["--", "---"], "a---", 0), Some((1, 3)));
    }

    #[test]
    fn every_byte_can_be_a_separator() {
        let all: Vec<[u8; 1]> = (0..=255).map(|byte| [byte]).collect();
        let separators = Separators::new(&all).expect("separators are not empty");
        for byte in 0..=255 {
            assert_eq!(separators.find(&[byte], 0), Some(0..1));
        }
        for last in 0..=255 {
            // Four other bytes and this one, which is the only one that is there.
            let others = [last ^ 1, last ^ 64, last ^ 128, last ^ 255, last].map(|byte| [byte]);
            let separators = Separators::new(&others).expect("separators are not empty");
            let data = [last ^ 2, last ^ 66, last ^ 254, last];
            assert_eq!(separators.find(&data, 0), Some(3..4), "{last}");
        }
    }

    #[test]
    fn the_lengths_are_those_of_the_shortest_and_the_longest() {
        let lengths = |separators: &[&str]| {
            let separators = Separators::new(separators).expect("separators are not empty");
            (separators.shortest(), separators.longest())
        };
        assert_eq!(lengths(&["abc"]), (3, 3));
        assert_eq!(lengths(&["abc", "a", "ab"]), (1, 3));
    }

    /// CPython 3.14's own loop: a search for each separator, of which the first that ends earlier than those before is kept.
    fn naive(separators: &[Vec<u8>], data: &[u8], from: usize) -> Option<Range<usize>> {
        let mut sorted: Vec<_> = separators.iter().collect();
        sorted.sort_by_key(|separator| separator.len());
        let mut best: Option<Range<usize>> = None;
        for separator in sorted {
            let start = (from..data.len()).find(|&start| data[start..].starts_with(separator));
            let found = start.map(|start| start..start + separator.len());
            if found.as_ref().is_some_and(|found| best.as_ref().is_none_or(|best| found.end < best.end)) {
                best = found;
            }
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_search_is_cpythons(
            data in vec(0u8..4, 0..60),
            separators in vec(vec(0u8..4, 1..5), 1..6),
            from in 0usize..64,
        ) {
            let found = Separators::new(&separators).expect("separators are not empty").find(&data, from);
            prop_assert_eq!(found, naive(&separators, &data, from));
        }

        #[test]
        fn the_search_is_cpythons_with_many_separators_of_many_bytes(
            data in vec(any::<u8>(), 0..300),
            separators in vec(vec(any::<u8>(), 1..4), 1..20),
            planted in vec((0usize..300, 0usize..20), 0..4),
            from in 0usize..32,
        ) {
            let (mut data, mut separators) = (data, separators);
            for (at, which) in planted {
                let separator = &separators[which % separators.len()];
                let at = at.min(data.len());
                data.splice(at..at, separator.iter().copied());
            }
            separators.push(vec![0, 1, 2, 3, 4, 5, 6]);
            let found = Separators::new(&separators).expect("separators are not empty").find(&data, from);
            prop_assert_eq!(found, naive(&separators, &data, from));
        }
    }

    #[test]
    fn none_and_an_empty_one_are_refused() {
        let none: [&str; 0] = [];
        assert_eq!(
            Separators::new(&none).map(|_| ()),
            Err(Error::Value("Separator should contain at least one element".into()))
        );
        assert_eq!(
            Separators::new(&["\n", ""]).map(|_| ()),
            Err(Error::Value("Separator should be at least one-byte string".into()))
        );
    }
}

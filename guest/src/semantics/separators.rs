//! The separators of a `readuntil`, and the search for the first of them.

use memchr::memmem;

use crate::error::{Error, Result};

/// One or more separators, none of them empty.
#[derive(Debug)]
pub(crate) struct Separators {
    /// Shortest first, as CPython sorts them: of two matches that end together the first found stays.
    finders: Vec<memmem::Finder<'static>>,
}

/// Where a separator was found: the bytes `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Separators {
    /// # Errors
    /// A value error if there is none, or an empty one.
    pub(crate) fn new(separators: &[impl AsRef<[u8]>]) -> Result<Self> {
        let mut separators: Vec<&[u8]> = separators.iter().map(AsRef::as_ref).collect();
        separators.sort_by_key(|separator| separator.len());
        match separators.first() {
            None => return Err(Error::Value("Separator should contain at least one element".into())),
            Some(&[]) => return Err(Error::Value("Separator should be at least one-byte string".into())),
            Some(_) => {}
        }
        Ok(Self { finders: separators.iter().map(|separator| memmem::Finder::new(separator).into_owned()).collect() })
    }

    /// The length of the shortest separator in bytes, at least 1.
    pub(crate) fn shortest(&self) -> usize {
        self.finders.first().map_or(1, |finder| finder.needle().len())
    }

    /// The length of the longest separator in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.finders.last().map_or(1, |finder| finder.needle().len())
    }

    /// The match that ends first in `bytes`, not looking before `from`.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<Match> {
        let mut first: Option<Match> = None;
        for finder in &self.finders {
            // Nothing that ends later can win: the search space shrinks with each match.
            let to = first.map_or(bytes.len(), |found| found.end - 1);
            let Some(space) = bytes.get(from..to) else { break };
            if let Some(at) = finder.find(space) {
                let start = from + at;
                first = Some(Match { start, end: start + finder.needle().len() });
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! The components that provide `wasyncio:streams`, and which of them a program needs.

use std::borrow::Cow;

use crate::program::embedded::{embedded, embedded_full};

/// What the names of the interfaces start with that only the full component has, which needs a host with `wasyncio:host`.
const FULL: &[&str] = &["wasyncio:streams/unix@"];

/// Whether an import is of an interface that only the full component has.
pub(crate) fn is_full(import: &str) -> bool {
    FULL.iter().any(|prefix| import.starts_with(prefix))
}

/// What there is to compose programs with.
#[derive(Debug)]
pub(crate) struct StreamsComponents {
    plain: Option<Cow<'static, [u8]>>,
    full: Option<Cow<'static, [u8]>>,
}

impl StreamsComponents {
    /// The one that is given, for every program; else those that this crate has in it.
    pub(crate) fn new(given: Option<Vec<u8>>) -> Self {
        match given {
            Some(given) => Self { plain: Some(Cow::Owned(given)), full: None },
            None => Self { plain: embedded().map(Cow::Borrowed), full: embedded_full().map(Cow::Borrowed) },
        }
    }

    /// The component for a program that imports, or does not, what only the full one has.
    pub(crate) fn of(&self, full: bool) -> Option<&[u8]> {
        let full = if full { self.full.as_deref() } else { None };
        full.or(self.plain.as_deref())
    }

    /// The one that has the most, for this process itself to use.
    pub(crate) fn fullest(&self) -> Option<&[u8]> {
        self.of(true)
    }

    /// All of them, for what depends on either.
    pub(crate) fn all(&self) -> [&[u8]; 2] {
        [self.plain.as_deref().unwrap_or_default(), self.full.as_deref().unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_of_the_full_component_are_known() {
        assert!(is_full("wasyncio:streams/unix@0.1.0"));
        assert!(!is_full("wasyncio:streams/streams@0.1.0") && !is_full("wasyncio:streams/unixes@0.1.0"));
    }

    #[test]
    fn one_that_is_given_is_for_every_program() {
        let components = StreamsComponents::new(Some(vec![1]));
        assert_eq!((components.of(false), components.of(true)), (Some(&[1][..]), Some(&[1][..])));
    }
}

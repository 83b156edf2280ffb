//! What look-ups answered to one running program: what a grant for a name is worth.
//!
//! Names and addresses come apart between looking up and connecting. A grant for a name covers exactly the addresses
//! that the program was given for it; another look-up by the host could give others, and what is here now is what was
//! used. And it covers them for a while only: an address that the name has left may be anybody's by now.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many pairs of a name and an address are remembered. The oldest makes room: the program has to look it up again.
const MAX_ANSWERS: usize = 1024;

/// The addresses that a program was given for names.
pub(crate) struct ResolvedNames {
    max_age: Duration,
    answers: Mutex<VecDeque<Answer>>,
}

struct Answer {
    /// As [`normalized`](crate::policy::endpoint::normalized).
    name: String,
    address: IpAddr,
    /// When the program asked.
    asked: Instant,
}

/// What is known of an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The name had it a short time ago.
    Fresh(String),
    /// The name had it, and has to be looked up again.
    Old(String),
}

impl ResolvedNames {
    /// No answers. One is good for `max_age`.
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age, answers: Mutex::default() }
    }

    /// Remembers that a look-up of `name` at `asked` was answered with `address`.
    pub(crate) fn remember(&self, name: &str, address: IpAddr, asked: Instant) {
        let address = address.to_canonical();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.iter().position(|answer| answer.address == address && answer.name == name);
        let known = known.and_then(|index| answers.remove(index));
        if answers.len() >= MAX_ANSWERS {
            answers.pop_front();
        }
        let answer = known.unwrap_or_else(|| Answer { name: name.to_owned(), address, asked });
        // An answer of WASI 0.2 may be read long after it was given.
        answers.push_back(Answer { asked: answer.asked.max(asked), ..answer });
    }

    /// A name for which `granted` is true and that was answered with `address`: one that had it lately, if there is.
    pub(crate) fn find(&self, address: IpAddr, granted: impl Fn(&str) -> bool) -> Option<Known> {
        self.find_at(Instant::now(), address, granted)
    }

    fn find_at(&self, now: Instant, address: IpAddr, granted: impl Fn(&str) -> bool) -> Option<Known> {
        let address = address.to_canonical();
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.iter().filter(|answer| answer.address == address && granted(&answer.name));
        let newest = known.max_by_key(|answer| answer.asked)?;
        let name = newest.name.clone();
        let fresh = now.saturating_duration_since(newest.asked) < self.max_age;
        Some(if fresh { Known::Fresh(name) } else { Known::Old(name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(60);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_tied_to_the_name_it_was_given_for() {
        let answers = ResolvedNames::new(AGE);
        answers.remember("a.example", address("1.1.1.1"), Instant::now());
        assert!(answers.find(address("1.1.1.1"), |name| name == "a.example").is_some());
        assert!(answers.find(address("1.1.1.1"), |name| name == "b.example").is_none());
        assert!(answers.find(address("1.1.1.2"), |name| name == "a.example").is_none());
    }

    #[test]
    fn an_answer_grows_old_unless_it_is_given_again() {
        let answers = ResolvedNames::new(AGE);
        let begun = Instant::now();
        let at = |seconds| answers.find_at(begun + Duration::from_secs(seconds), address("1.1.1.1"), |_| true);
        answers.remember("a.example", address("1.1.1.1"), begun);
        assert_eq!(at(59), Some(Known::Fresh("a.example".into())));
        assert_eq!(at(60), Some(Known::Old("a.example".into())));
        answers.remember("b.example", address("1.1.1.1"), begun + Duration::from_secs(30));
        assert_eq!(at(60), Some(Known::Fresh("b.example".into())));
        answers.remember("a.example", address("1.1.1.1"), begun + Duration::from_secs(60));
        // One that was begun earlier and is read now.
        answers.remember("a.example", address("1.1.1.1"), begun);
        assert_eq!(at(119), Some(Known::Fresh("a.example".into())));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let answers = ResolvedNames::new(AGE);
        let now = Instant::now();
        answers.remember("first", address("1.1.1.1"), now);
        answers.remember("second", address("1.1.1.1"), now);
        answers.remember("first", address("1.1.1.1"), now);
        for number in 2..=u32::try_from(MAX_ANSWERS).unwrap() {
            answers.remember("many", std::net::Ipv4Addr::from(number).into(), now);
        }
        assert_eq!(answers.answers.lock().unwrap().len(), MAX_ANSWERS);
        assert!(answers.find(address("1.1.1.1"), |name| name == "first").is_some(), "it was given anew");
        assert!(answers.find(address("1.1.1.1"), |name| name == "second").is_none());
    }
}

//! What look-ups answered to one running program: what a grant for a name is worth.
//!
//! Names and addresses come apart between looking up and connecting. A grant for a name covers exactly the addresses
//! that the program was given for it; another look-up by the host could give others, and what is here now is what was
//! used.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How many pairs of a name and an address are remembered. The oldest makes room: the program has to look it up again.
const MAX_ANSWERS: usize = 1024;

/// The addresses that a program was given for names.
#[derive(Default)]
pub(crate) struct ResolvedNames(Mutex<VecDeque<Answer>>);

struct Answer {
    /// As [`normalized`](crate::policy::endpoint::normalized).
    name: String,
    address: IpAddr,
}

impl ResolvedNames {
    /// Remembers that `name` was answered with `address`.
    pub(crate) fn remember(&self, name: &str, address: IpAddr) {
        let address = address.to_canonical();
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.iter().position(|answer| answer.address == address && answer.name == name);
        let answer = known.and_then(|index| answers.remove(index));
        if answers.len() >= MAX_ANSWERS {
            answers.pop_front();
        }
        answers.push_back(answer.unwrap_or_else(|| Answer { name: name.to_owned(), address }));
    }

    /// A name for which `granted` is true and that was answered with `address`.
    pub(crate) fn find(&self, address: IpAddr, granted: impl Fn(&str) -> bool) -> Option<String> {
        let address = address.to_canonical();
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.iter().find(|answer| answer.address == address && granted(&answer.name));
        answer.map(|answer| answer.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_tied_to_the_name_it_was_given_for() {
        let answers = ResolvedNames::default();
        answers.remember("a.example", address("1.1.1.1"));
        assert!(answers.find(address("1.1.1.1"), |name| name == "a.example").is_some());
        assert!(answers.find(address("1.1.1.1"), |name| name == "b.example").is_none());
        assert!(answers.find(address("1.1.1.2"), |name| name == "a.example").is_none());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let answers = ResolvedNames::default();
        answers.remember("first", address("1.1.1.1"));
        answers.remember("second", address("1.1.1.1"));
        answers.remember("first", address("1.1.1.1"));
        for number in 2..=u32::try_from(MAX_ANSWERS).unwrap() {
            answers.remember("many", std::net::Ipv4Addr::from(number).into());
        }
        assert_eq!(answers.0.lock().unwrap().len(), MAX_ANSWERS);
        assert!(answers.find(address("1.1.1.1"), |name| name == "first").is_some(), "it was given anew");
        assert!(answers.find(address("1.1.1.1"), |name| name == "second").is_none());
    }
}

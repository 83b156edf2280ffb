//! Several addresses for one connection: their order, and the race between them.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::wasi::clock;

/// Reorders addresses by family as CPython's `_interleave_addrinfos` does: `first_count - 1` of the family that came first,
/// then one of each family in turn. 0 keeps the order.
pub(crate) fn interleave(addresses: Vec<SocketAddr>, first_count: u32) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().filter(|_| first_count > 0) else { return addresses };
    let first_is_ipv4 = first.is_ipv4();
    let count = addresses.len();
    let (mut firsts, mut others): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_ipv4);
    let head = (first_count as usize - 1).min(firsts.len());
    let mut ordered: Vec<_> = firsts.drain(..head).collect();
    while ordered.len() < count {
        ordered.extend(firsts.pop_front());
        ordered.extend(others.pop_front());
    }
    ordered
}

/// Runs the attempts until one succeeds, starting one every `delay`, and the next at once when one fails: CPython's
/// `staggered_race`, RFC 8305's connection attempts. All others are dropped then. Without a `delay` it is one after the other.
///
/// # Errors
/// The failures of all attempts, in the order in which they were started.
///
/// # Cancel safety
/// Yes: all attempts are dropped.
pub(crate) async fn staggered_race<T, E, F: Future<Output = Result<T, E>>>(
    attempts: impl IntoIterator<Item = F>,
    delay: Option<Duration>,
) -> Result<T, Vec<E>> {
    let mut waiting = attempts.into_iter().enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    // By the number of the attempt.
    let mut failures: Vec<Option<E>> = Vec::new();
    let mut timer = None;
    let mut start_next = true;
    poll_fn(|cx| {
        loop {
            if std::mem::take(&mut start_next) {
                // Without another attempt there is nothing to wait for but those that run.
                timer = None;
                if let Some((number, attempt)) = waiting.next() {
                    running.push((number, Box::pin(attempt)));
                    failures.push(None);
                    timer = delay.map(|delay| Box::pin(clock::sleep(delay)));
                }
            }
            let mut index = 0;
            while let Some((number, attempt)) = running.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(won)) => return Poll::Ready(Ok(won)),
                    Poll::Ready(Err(failure)) => {
                        if let Some(place) = failures.get_mut(*number) {
                            *place = Some(failure);
                        }
                        drop(running.remove(index));
                        start_next = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            if let Some(timer) = &mut timer
                && !start_next
            {
                start_next = timer.as_mut().poll(cx).is_ready();
            }
            if !start_next {
                if !running.is_empty() {
                    return Poll::Pending;
                }
                return Poll::Ready(Err(std::mem::take(&mut failures).into_iter().flatten().collect()));
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addresses: &[&str], first_count: u32) -> Vec<String> {
        let addresses = addresses.iter().map(|text| format!("{text}:1").parse().expect("an address")).collect();
        interleave(addresses, first_count).iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn families_alternate_after_the_first_count() {
        let addresses = ["[::1]", "[::2]", "[::3]", "1.0.0.1", "1.0.0.2"];
        assert_eq!(order(&addresses, 0), ["::1", "::2", "::3", "1.0.0.1", "1.0.0.2"]);
        assert_eq!(order(&addresses, 1), ["::1", "1.0.0.1", "::2", "1.0.0.2", "::3"]);
        assert_eq!(order(&addresses, 2), ["::1", "::2", "1.0.0.1", "::3", "1.0.0.2"]);
        assert_eq!(order(&addresses, 9), ["::1", "::2", "::3", "1.0.0.1", "1.0.0.2"]);
        assert_eq!(order(&[], 1), Vec::<String>::new());
    }
}

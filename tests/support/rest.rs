//! When nothing moves any more between a program and its peers, as the system tells: Linux's `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::{DEADLINE, Running};

/// In how many looks in a row everything must be the same, and how long after another they are. The system moves what is in its
/// queues at once, so a look that finds the program asleep is nearly enough.
const LOOKS: usize = 8;
const BETWEEN: Duration = Duration::from_millis(3);

/// Waits until the program waits for its peers, connections of this machine to it, and the system moves nothing more: what it
/// takes from the one for the other it has taken.
///
/// # Panics
/// If that takes too long.
pub fn await_rest(program: &Running, peers: &[TcpStream]) {
    let port = |peer: &TcpStream| peer.local_addr().expect("it is connected").port();
    // As the table has them.
    let ports: Vec<_> = peers.iter().map(|peer| format!("{:04X}", port(peer))).collect();
    let end = Instant::now() + DEADLINE;
    let mut before = queues(&ports);
    let mut same = 0;
    while same < LOOKS {
        assert!(Instant::now() < end, "there is no rest: {before:?}");
        thread::sleep(BETWEEN);
        let now = queues(&ports);
        same = if sleeps(program.id()) && now == before { same + 1 } else { 0 };
        before = now;
    }
}

/// Whether all threads of a process sleep.
fn sleeps(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    threads.flatten().all(|thread| {
        // It may have ended meanwhile.
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name of the program comes before and may have anything in it.
        stat.rsplit_once(')').is_none_or(|(_, fields)| fields.trim_start().starts_with('S'))
    })
}

/// What the system holds of the connections that have these ports at one end: for both ends' addresses, how many bytes are not
/// acknowledged and how many are not received.
fn queues(ports: &[String]) -> BTreeMap<String, String> {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux tells it");
    let connections = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let ours = |end: &str| end.rsplit_once(':').is_some_and(|(_, port)| ports.iter().any(|ours| ours == port));
        (ours(local) || ours(remote))
            .then(|| (format!("{local} {remote}"), fields.nth(1).unwrap_or_default().to_owned()))
    });
    connections.collect()
}

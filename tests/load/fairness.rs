//! Nobody is starved while all send as fast as they are let: in every variant, with the benchmark's servers as components and its
//! load generator, which checks every byte.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bench_protocol::Mode;
use tokio::time::timeout;
use wasyncio_bench::load::flood::{self, Flood};
use wasyncio_bench::{Places, Result, Server, Subject};

const CONNECTIONS: usize = 100;
/// How long lines are counted. A server may take all that a connection has sent before it looks at the next, thousands of
/// lines: this is some turns of each.
const WINDOW: Duration = Duration::from_secs(4);
/// What the slowest connection must get, as a part of the mean.
const FAIR: f64 = 0.5;
/// How long somebody new may wait for the first echo.
const NEWCOMER: Duration = Duration::from_secs(3);
/// How long a flood may take in all.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a flood is tried: the machine has other things to do, too.
const TRIES: usize = 3;

/// One flood at a time.
static FLOODS: Mutex<()> = Mutex::new(());

fn flood(subject: Subject) -> Result<Flood> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::start(subject, Mode::Echo, &Places::of_workspace()).await?;
        let flood = timeout(DEADLINE, flood::measure(server.tcp(), CONNECTIONS, WINDOW)).await;
        server.stop().await;
        flood.map_err(|_| format!("no end after {DEADLINE:?}"))?
    })
}

/// What is wrong with a flood, if anything.
fn complaint(flood: &Flood) -> Option<String> {
    let Flood { slowest, waits, .. } = flood;
    let longest = Duration::from_micros(waits.last().copied()?.into());
    if *slowest < FAIR {
        Some(format!("the slowest connection got {slowest:.2} of the mean"))
    } else if longest > NEWCOMER {
        Some(format!("somebody new waited {longest:?}"))
    } else {
        None
    }
}

fn is_fair(name: &str) {
    let _one = FLOODS.lock().unwrap_or_else(PoisonError::into_inner);
    let subject = Subject::ours().find(|subject| subject.name == name).expect("it is one of ours");
    let mut complaints = Vec::new();
    while complaints.len() < TRIES {
        let flood = flood(subject).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!flood.waits.is_empty(), "{name}: nobody new was served");
        println!(
            "{name}: the slowest got {:.2} of the mean of {:.0} lines/s; {} newcomers waited up to {} µs",
            flood.slowest,
            flood.lines,
            flood.waits.len(),
            flood.waits.last().expect("it is not empty"),
        );
        match complaint(&flood) {
            None => return,
            Some(complaint) => complaints.push(complaint),
        }
    }
    panic!("{name}, in {TRIES} floods: {}", complaints.join("; "));
}

#[test]
fn nobody_is_starved_by_a_linked_server() {
    is_fair("linked");
}

#[test]
fn nobody_is_starved_by_a_composed_server() {
    is_fair("composed");
}

#[test]
fn nobody_is_starved_by_a_server_on_plain_methods() {
    is_fair("composed-plain");
}

#[test]
fn every_variant_is_flooded() {
    assert_eq!(
        Subject::ours().map(|subject| subject.name).collect::<Vec<_>>(),
        ["linked", "composed", "composed-plain"]
    );
}

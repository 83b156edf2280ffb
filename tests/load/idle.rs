//! Connections that do nothing cost the busy ones next to nothing, in every variant; and there may be many.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bench_protocol::Mode;
use tokio::time::timeout;
use wasyncio_bench::load::crowd::{self, Crowd};
use wasyncio_bench::{Places, Result, Server, Subject, allow};

const IDLE: usize = 1_500;
/// More than the host's least limit of handles suffices for: on plain methods each has eleven.
const MANY: usize = 9_500;
/// The rate beside them, as a part of the rate without. The benchmark measures about 0.9; if every turn looked at every
/// connection, it would be a tenth.
const LEFT: f64 = 0.5;
const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(400);
/// How long a measurement may take in all.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often it is tried: the machine has other things to do, too.
const TRIES: usize = 3;

/// One measurement at a time.
static MEASUREMENTS: Mutex<()> = Mutex::new(());

fn measure(subject: Subject, idle: usize) -> Result<Crowd> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::start(subject, Mode::Echo, &Places::of_workspace()).await?;
        let crowd = timeout(DEADLINE, crowd::measure(&server, idle, WARM_UP, WINDOW)).await;
        server.stop().await;
        crowd.map_err(|_| format!("no end after {DEADLINE:?}"))?
    })
}

fn named(name: &str) -> Subject {
    Subject::ours().find(|subject| subject.name == name).expect("it is one of ours")
}

fn idle_ones_cost_little(name: &str) {
    let _one = MEASUREMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(reason) = allow(IDLE) {
        eprintln!("skipped: {reason}");
        return;
    }
    let subject = named(name);
    let mut left = Vec::new();
    while left.len() < TRIES {
        let crowd = measure(subject, IDLE).unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {:.2} of {:.0} exchanges/s is left", crowd.left(), crowd.alone.value);
        left.push(crowd.left());
        if crowd.left() >= LEFT {
            return;
        }
    }
    panic!("{name}: beside {IDLE} idle connections {left:?} of the rate was left");
}

#[test]
fn idle_connections_do_not_slow_a_linked_server() {
    idle_ones_cost_little("linked");
}

#[test]
fn idle_connections_do_not_slow_a_composed_server() {
    idle_ones_cost_little("composed");
}

#[test]
fn idle_connections_do_not_slow_a_server_on_plain_methods() {
    idle_ones_cost_little("composed-plain");
}

/// Whoever only connects must not bring a program to a limit that ends it.
#[test]
fn many_connections_do_not_end_a_server_on_plain_methods() {
    let _one = MEASUREMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(reason) = allow(MANY) {
        eprintln!("skipped: {reason}");
        return;
    }
    let crowd = measure(named("composed-plain"), MANY).expect("all are served");
    println!("{:.0} bytes each", crowd.idle);
}

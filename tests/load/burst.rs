//! A connection that once carried long lines does not keep the memory for them, in every variant.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bench_protocol::Mode;
use tokio::time::timeout;
use wasyncio_bench::load::burst::{self, Kept};
use wasyncio_bench::{Places, Result, Server, Subject, allow};

const CONNECTIONS: usize = 1_000;
/// What a connection may hold after its burst, as a multiple of what it held before it was used.
const MOST: f64 = 1.5;
/// How long a measurement may take in all.
const DEADLINE: Duration = Duration::from_secs(60);

/// One measurement at a time.
static MEASUREMENTS: Mutex<()> = Mutex::new(());

fn measure(subject: Subject) -> Result<Kept> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::start(subject, Mode::Echo, &Places::of_workspace()).await?;
        let kept = timeout(DEADLINE, burst::measure(&server, CONNECTIONS)).await;
        server.stop().await;
        kept.map_err(|_| format!("no end after {DEADLINE:?}"))?
    })
}

fn little_is_kept(name: &str) {
    let _one = MEASUREMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(reason) = allow(2 * CONNECTIONS) {
        eprintln!("skipped: {reason}");
        return;
    }
    let subject = Subject::ours().find(|subject| subject.name == name).expect("it is one of ours");
    let kept = measure(subject).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Kept { idle, after_burst } = kept;
    println!("{name}: {after_burst:.0} bytes a connection after a burst, {idle:.0} before");
    assert!(
        kept.ratio() <= MOST,
        "{name}: a connection keeps {after_burst:.0} bytes after a burst; one that was never used has {idle:.0}"
    );
}

#[test]
fn a_linked_server_gives_back_what_long_lines_took() {
    little_is_kept("linked");
}

#[test]
fn a_composed_server_gives_back_what_long_lines_took() {
    little_is_kept("composed");
}

#[test]
fn a_server_on_plain_methods_gives_back_what_long_lines_took() {
    little_is_kept("composed-plain");
}

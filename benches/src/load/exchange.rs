//! Ping-pong, pipelined or not, with lines short or long.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connections::{Connect, Connection, open_at};
use super::lines::Lines;
use crate::Result;
use crate::cells::Plan;
use crate::statistics::{Sample, percentile};

/// Measures on new connections.
pub(super) async fn measure<S: Connect>(
    address: &S::Address,
    connections: usize,
    lines: usize,
    length: usize,
    plan: &Plan,
) -> Result<Sample> {
    let mut connections = open_at::<S>(address, connections).await?;
    on(&mut connections, lines, length, plan.warm_up, plan.window).await
}

/// Measures on connections that are there, and leaves them so.
pub(super) async fn on<S: Connect>(
    connections: &mut Vec<Connection<S>>,
    lines: usize,
    length: usize,
    warm_up: Duration,
    window: Duration,
) -> Result<Sample> {
    let begin = Instant::now() + warm_up;
    let awake = tokio::spawn(stay_awake());
    let mut tasks = JoinSet::new();
    for connection in connections.drain(..) {
        let lines = connection.lines(lines, length);
        tasks.spawn(async move {
            let times = repeat(connection, lines, begin, begin + window).await;
            // JoinSet wants errors that can change threads.
            times.map_err(|error| error.to_string())
        });
    }
    let mut all = Vec::new();
    let mut slowest = usize::MAX;
    while let Some(ended) = tasks.join_next().await {
        let (connection, times) = ended??;
        slowest = slowest.min(times.len());
        all.extend(times);
        connections.push(connection);
    }
    awake.abort();
    all.sort_unstable();
    let count = all.len() as f64;
    let microseconds = |part| Some(percentile(&all, part)? / 1000.0);
    Ok(Sample {
        value: count * lines as f64 / window.as_secs_f64(),
        p50: microseconds(0.5),
        p99: microseconds(0.99),
        slowest: (count > 0.0).then(|| slowest as f64 * connections.len() as f64 / count),
    })
}

/// Keeps the load generator asking for events. If it slept, much of an exchange on one connection would be the time until
/// its core is awake again, which is the same for all servers and hides what they differ in.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

/// Exchanges until `end`; the nanoseconds of each exchange that ended from `begin` on.
async fn repeat<S: Connect>(
    mut connection: Connection<S>,
    mut lines: Lines,
    begin: Instant,
    end: Instant,
) -> Result<(Connection<S>, Vec<u32>)> {
    let mut times = Vec::new();
    let mut now = Instant::now();
    while now < end {
        let before = now;
        connection.exchange(&mut lines).await?;
        now = Instant::now();
        if now >= begin && now < end {
            times.push(u32::try_from((now - before).as_nanos()).unwrap_or(u32::MAX));
        }
    }
    Ok((connection, times))
}

//! What a connection keeps of the memory that a burst of long lines took, once it carries short ones and then rests.
//!
//! The memory of a WebAssembly program grows and never shrinks: if all connections had their long lines at the same instant, the
//! program would keep the memory of that instant whatever it gave back to its allocator, and this would measure the high-water
//! mark. So the connections have their bursts one after another, and their short lines ten at a time. Whatever a few give back is
//! there for the next, and what the process has grown by at the end is what connections keep. They all stay open and idle.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connections::{self, Connection};
use crate::Result;
use crate::server::Server;

/// Long lines that each connection has echoed, one at a time.
const LONG_LINES: usize = 3;
/// The bytes of a long line.
const LONG: usize = 60_000;
/// Short lines that each connection has echoed after them, one at a time: enough for buffers that adapt step by step.
const SHORT_LINES: usize = 8;
/// The bytes of a short line.
const SHORT: usize = 64;
/// Connections that have their short lines at the same time. With one at a time both sides would sleep most of the time, and a
/// crowd take minutes.
const GROUP: usize = 10;
/// How long all are left alone before the memory is measured, for what is given back only at rest.
const REST: Duration = Duration::from_millis(500);

/// What the connections of a crowd hold, in bytes of the server's resident memory for each of them.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// When they were just accepted, before any burst.
    pub idle: f64,
    /// The same, and what that grew by when each had its burst, and rests.
    pub after_burst: f64,
}

/// Measures with so many connections, and opens twice as many.
///
/// # Errors
/// If a connection fails, what comes back is wrong, or the system does not tell the memory of a process.
pub async fn measure(server: &Server, connections: usize) -> Result<Kept> {
    let memory = || server.memory().ok_or("this system does not tell the memory of a process");
    let mut first = connections::open(server.tcp(), 1).await?;
    warm_up(&mut first).await?;
    // These take what the process has to spare since it started, and make it have the room that bursts need.
    let filling = connections::open(server.tcp(), connections).await?;
    let before = memory()?;
    let crowd = connections::open(server.tcp(), connections).await?;
    let idle = memory()?;
    let filling = bursts(filling).await?;
    sleep(REST).await;
    let roomy = memory()?;
    let crowd = bursts(crowd).await?;
    sleep(REST).await;
    let after_burst = memory()?;
    drop((filling, crowd));
    let each = |grown: f64| grown / connections as f64;
    let idle = each(idle as f64 - before as f64);
    Ok(Kept { idle, after_burst: idle + each(after_burst as f64 - roomy as f64) })
}

/// What the first connection needs that serves all is there then.
async fn warm_up(first: &mut [Connection]) -> Result<()> {
    for connection in first {
        connection.exchange_all(SHORT_LINES, SHORT).await?;
    }
    Ok(())
}

async fn bursts(mut connections: Vec<Connection>) -> Result<Vec<Connection>> {
    let mut done = Vec::with_capacity(connections.len());
    while !connections.is_empty() {
        let mut short = JoinSet::new();
        for mut connection in connections.drain(..GROUP.min(connections.len())) {
            connection.exchange_all(LONG_LINES, LONG).await?;
            short.spawn(async move {
                let exchanged = connection.exchange_all(SHORT_LINES, SHORT).await;
                exchanged.map(|()| connection).map_err(|error| error.to_string())
            });
        }
        while let Some(connection) = short.join_next().await {
            done.push(connection??);
        }
    }
    Ok(done)
}

impl Kept {
    /// How many times what an idle connection holds.
    pub fn ratio(&self) -> f64 {
        self.after_burst / self.idle
    }
}

//! What many connections cost: memory, and the time of others.

use std::time::Duration;

use super::{connections, exchange};
use crate::Result;
use crate::server::Server;
use crate::statistics::Sample;

/// The connections that are busy beside the idle ones.
const BUSY: usize = 10;
/// Exchanges on every connection before it counts as active.
const EXCHANGES: usize = 3;

/// What a crowd cost.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// The server's memory for each connection that was never used, in bytes.
    pub idle: f64,
    /// The same after all were used.
    pub active: f64,
    /// The exchanges of ten busy connections in a second, without the crowd.
    pub alone: Sample,
    /// The same beside it.
    pub beside: Sample,
}

/// Measures with `connections` idle ones.
///
/// # Errors
/// If a connection fails, what comes back is wrong, or the system does not tell the memory of a process.
pub async fn measure(server: &Server, connections: usize, warm_up: Duration, window: Duration) -> Result<Crowd> {
    let memory = || server.memory().ok_or("this system does not tell the memory of a process");
    let mut busy = connections::open(server.tcp(), BUSY).await?;
    let alone = exchange::on(&mut busy, 1, 64, warm_up, window).await?;
    let before = memory()?;
    let mut crowd = connections::open(server.tcp(), connections).await?;
    let idle = memory()?;
    let beside = exchange::on(&mut busy, 1, 64, warm_up, window).await?;
    for connection in &mut crowd {
        connection.exchange_all(EXCHANGES, 64).await?;
    }
    let active = memory()?;
    let each = |after: u64| (after as f64 - before as f64) / connections as f64;
    Ok(Crowd { idle: each(idle), active: each(active), alone, beside })
}

impl Crowd {
    /// How much of the rate is left beside the crowd.
    pub fn left(&self) -> f64 {
        self.beside.value / self.alone.value
    }

    pub(super) fn samples(self) -> Vec<Sample> {
        vec![Sample::of(self.idle), Sample::of(self.active), Sample { value: self.left(), ..self.beside }]
    }
}

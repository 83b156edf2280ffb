//! What many connections cost: memory, and the time of others.

use super::{connections, exchange};
use crate::Result;
use crate::cells::Plan;
use crate::server::Server;
use crate::statistics::Sample;

/// The connections that are busy beside the idle ones.
const BUSY: usize = 10;
/// Exchanges on every connection before it counts as active.
const EXCHANGES: usize = 3;

/// The server's memory for each of `connections` idle ones, and for each after all were used, in bytes; and how much of
/// the rate of ten busy connections is left beside them.
pub(super) async fn measure(server: &Server, connections: usize, plan: &Plan) -> Result<Vec<Sample>> {
    let memory = || server.memory().ok_or("this system does not tell the memory of a process");
    let mut busy = connections::open(server.address, BUSY).await?;
    let alone = exchange::on(&mut busy, 1, 64, plan.warm_up, plan.window).await?;
    let before = memory()?;
    let mut crowd = connections::open(server.address, connections).await?;
    let idle = memory()?;
    let beside = exchange::on(&mut busy, 1, 64, plan.warm_up, plan.window).await?;
    for connection in &mut crowd {
        let mut lines = connection.lines(1, 64);
        for _ in 0..EXCHANGES {
            connection.exchange(&mut lines).await?;
        }
    }
    let active = memory()?;
    let each = |after: u64| Sample::of((after as f64 - before as f64) / connections as f64);
    Ok(vec![each(idle), each(active), Sample { value: beside.value / alone.value, ..beside }])
}

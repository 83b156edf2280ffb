//! The load generator: one thread of tokio, which checks every byte that comes back.

pub mod burst;
mod connect;
mod connections;
pub mod crowd;
mod exchange;
pub mod flood;
mod lines;
pub(crate) mod startup;
mod stream;

use crate::Result;
use crate::cells::{Load, Plan};
use crate::server::Server;
use crate::statistics::Sample;

/// Loads `server` once; a sample for every result of the load.
pub(crate) async fn measure(load: Load, server: &Server, plan: &Plan) -> Result<Vec<Sample>> {
    let address = &server.address;
    Ok(match load {
        Load::Exchange { connections, lines, length, .. } => {
            vec![exchange::measure(address, connections, lines, length, plan).await?]
        }
        Load::Stream { bytes } => vec![stream::measure(server.tcp(), bytes).await?],
        Load::Connect { connections, count } => vec![connect::measure(server.tcp(), connections, count).await?],
        Load::Startup => unreachable!("it begins without a server"),
        Load::Crowd { connections } => crowd::measure(server, connections, plan.warm_up, plan.window).await?.samples(),
        Load::Burst { connections } => vec![Sample::of(burst::measure(server, connections).await?.after_burst)],
        Load::Flood { connections } => flood::measure(server.tcp(), connections, plan.flood_window).await?.samples()?,
    })
}

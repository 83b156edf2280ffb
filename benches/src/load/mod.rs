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

use tokio::net::{TcpStream, UnixStream};

use crate::Result;
use crate::cells::{Load, Plan};
use crate::server::{Reached, Server};
use crate::statistics::Sample;

type Tls = tokio_rustls::client::TlsStream<TcpStream>;

/// Loads `server` once; a sample for every result of the load.
pub(crate) async fn measure(load: Load, server: &Server, plan: &Plan) -> Result<Vec<Sample>> {
    Ok(match load {
        Load::Exchange { connections, lines, length, .. } => {
            vec![match &server.reached {
                Reached::Tcp(at) => exchange::measure::<TcpStream>(at, connections, lines, length, plan).await?,
                Reached::Unix(at) => exchange::measure::<UnixStream>(at, connections, lines, length, plan).await?,
                Reached::Tls(at) => exchange::measure::<Tls>(at, connections, lines, length, plan).await?,
            }]
        }
        Load::Stream { bytes, .. } => {
            vec![match &server.reached {
                Reached::Tcp(at) => stream::measure::<TcpStream>(at, bytes).await?,
                Reached::Unix(at) => stream::measure::<UnixStream>(at, bytes).await?,
                Reached::Tls(at) => stream::measure::<Tls>(at, bytes).await?,
            }]
        }
        Load::Connect { connections, count, .. } => {
            vec![match &server.reached {
                Reached::Tcp(at) => connect::measure::<TcpStream>(at, connections, count).await?,
                Reached::Unix(at) => connect::measure::<UnixStream>(at, connections, count).await?,
                Reached::Tls(at) => connect::measure::<Tls>(at, connections, count).await?,
            }]
        }
        Load::Startup => unreachable!("it begins without a server"),
        Load::Crowd { connections } => crowd::measure(server, connections, plan.warm_up, plan.window).await?.samples(),
        Load::Burst { connections } => vec![Sample::of(burst::measure(server, connections).await?.after_burst)],
        Load::Flood { connections } => flood::measure(server.tcp(), connections, plan.flood_window).await?.samples()?,
    })
}

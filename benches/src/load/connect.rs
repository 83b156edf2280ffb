//! Connections that are used once.

use std::borrow::Borrow;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::connections::{Connect, Connection};
use crate::Result;
use crate::statistics::{Sample, percentile};

/// Connects, with TLS by a whole handshake, has a line echoed, closes and sees the server close, `count` times in all, `connections` at a time.
///
/// The count is bounded, not the time: every connection holds its port for a minute.
pub(super) async fn measure<S: Connect>(address: &S::Address, connections: usize, count: usize) -> Result<Sample> {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let address = address.to_owned();
        tasks.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..count / connections {
                let begin = Instant::now();
                once::<S>(address.borrow(), number).await.map_err(|error| error.to_string())?;
                times.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
            }
            Ok::<_, String>(times)
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended??);
    }
    let value = all.len() as f64 / begin.elapsed().as_secs_f64();
    all.sort_unstable();
    let microseconds = |part| Some(percentile(&all, part)? / 1000.0);
    Ok(Sample { value, p50: microseconds(0.5), p99: microseconds(0.99), slowest: None })
}

async fn once<S: Connect>(address: &S::Address, number: usize) -> Result<()> {
    let mut connection = Connection::<S>::connect(address, number).await?;
    let mut lines = connection.lines(1, 64);
    connection.exchange(&mut lines).await?;
    connection.stream.shutdown().await?;
    match connection.stream.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err("the server sent more than it got".into()),
    }
}

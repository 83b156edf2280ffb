//! Fairness: every connection sends as fast as it is let, and somebody new comes by.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use super::connections::{self, Connection};
use crate::Result;
use crate::statistics::{Sample, median, percentile};

/// The bytes of a line.
const LENGTH: usize = 64;
/// The lines that are sent again and again, 16 KiB.
const LINES: usize = 256;
/// How long the newcomers wait before the next comes.
const PAUSE: Duration = Duration::from_millis(20);

/// What came of a flood.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The slowest connection's lines as a part of the mean.
    pub slowest: f64,
    /// The lines of all connections in a second.
    pub lines: f64,
    /// From the connect of somebody new to the first echo, one after the other, in microseconds and sorted.
    pub waits: Vec<u32>,
}

/// Measures for `window`, once the buffers between are full.
///
/// # Errors
/// If a connection fails, or what comes back is wrong.
pub async fn measure(address: SocketAddr, connections: usize, window: Duration) -> Result<Flood> {
    let opened = connections::open(address, connections).await?;
    // As long as it takes until the buffers between are full.
    let begin = Instant::now() + window / 4;
    let end = begin + window;
    let mut senders = JoinSet::new();
    let mut receivers = JoinSet::new();
    for connection in opened {
        let block = connection.lines(LINES, LENGTH).next().to_vec();
        let (reader, writer) = connection.stream.into_split();
        senders.spawn(send(writer, block.clone()));
        receivers.spawn(async move {
            receive(reader, &block, begin, end).await.map_err(|error| format!("a connection in use: {error}"))
        });
    }
    let waits = newcomers(address, begin, end).await;
    let mut waits = waits.map_err(|error| format!("a newcomer: {error}"))?;
    let mut counts = Vec::new();
    while let Some(ended) = receivers.join_next().await {
        counts.push(ended?? as f64 / LENGTH as f64);
    }
    senders.shutdown().await;
    let total = counts.iter().sum::<f64>();
    let least = counts.iter().copied().fold(f64::INFINITY, f64::min);
    let slowest = if total > 0.0 { least * counts.len() as f64 / total } else { 0.0 };
    waits.sort_unstable();
    Ok(Flood { slowest, lines: total / window.as_secs_f64(), waits })
}

impl Flood {
    pub(super) fn samples(self) -> Result<Vec<Sample>> {
        let Self { slowest, lines, waits } = self;
        let milliseconds = median(waits.iter().map(|&wait| f64::from(wait) / 1000.0).collect());
        Ok(vec![
            Sample { value: slowest, slowest: Some(slowest), ..Sample::default() },
            Sample {
                value: milliseconds.ok_or("nobody new was served")?,
                p50: percentile(&waits, 0.5),
                p99: percentile(&waits, 0.99),
                slowest: None,
            },
            Sample::of(lines),
        ])
    }
}

/// Sends until the task is ended, or the connection.
async fn send(mut writer: OwnedWriteHalf, block: Vec<u8>) {
    while writer.write_all(&block).await.is_ok() {}
}

/// Checks what comes back until `end`, and counts the bytes from `begin` on.
async fn receive(mut reader: OwnedReadHalf, block: &[u8], begin: Instant, end: Instant) -> Result<usize> {
    let mut data = vec![0; block.len()];
    let (mut count, mut position) = (0, 0);
    loop {
        let Ok(read) = tokio::time::timeout_at(end.into(), reader.read(&mut data)).await else { break };
        let size = read?;
        if size == 0 {
            return Err("the server closed a connection that is in use".into());
        }
        // What was sent is the block again and again.
        let first = size.min(block.len() - position);
        if data[..first] != block[position..position + first] || data[first..size] != block[..size - first] {
            return Err("what came back is not what was sent".into());
        }
        position = (position + size) % block.len();
        let now = Instant::now();
        if now >= end {
            break;
        }
        if now >= begin {
            count += size;
        }
    }
    Ok(count)
}

/// The microseconds that each newcomer waits from `begin` to `end`, one after the other.
async fn newcomers(address: SocketAddr, begin: Instant, end: Instant) -> Result<Vec<u32>> {
    tokio::time::sleep_until(begin.into()).await;
    let mut waits = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        let mut connection = Connection::open(address, usize::MAX >> 32).await?;
        let mut lines = connection.lines(1, LENGTH);
        connection.exchange(&mut lines).await?;
        waits.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(waits)
}

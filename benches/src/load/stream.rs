//! One way: a connection that sends as much as it can.

use std::time::Instant;

use bench_protocol::{Received, announcement, pattern_block};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connections::Connect;
use crate::Result;
use crate::statistics::Sample;

/// How much is handed to the system at once.
const BLOCK: usize = 256 * 1024;

/// Sends at least `bytes` and measures until the server has told that they arrived, whole and in order.
pub(super) async fn measure<S: Connect>(address: &S::Address, bytes: u64) -> Result<Sample> {
    let block = pattern_block(BLOCK);
    let bytes = bytes.next_multiple_of(block.len() as u64);
    let mut stream = S::connect(address).await?;
    let begin = Instant::now();
    stream.write_all(announcement(bytes).as_bytes()).await?;
    let mut sent = 0;
    while sent < bytes {
        stream.write_all(&block).await?;
        sent += block.len() as u64;
    }
    stream.flush().await?;
    let mut report = String::new();
    stream.read_to_string(&mut report).await?;
    if report != Received::expected(sent) {
        return Err(format!("after {sent} bytes the server says {report:?}").into());
    }
    Ok(Sample::of(sent as f64 / f64::from(1 << 20) / begin.elapsed().as_secs_f64()))
}

//! asyncio's streams from Rust, against real peers.

mod lifetimes;
mod readers;
mod servers;
mod support;
#[cfg(target_os = "linux")]
mod unix;

//! asyncio's streams from Rust, against real peers.

mod lifetimes;
mod readers;
mod servers;
mod support;

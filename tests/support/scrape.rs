//! What a command tells of itself over HTTP.

use std::io::{Read, Write};

use crate::{Running, connect};

/// The metrics of a command that was started with `--metrics 127.0.0.1:0`.
///
/// # Panics
/// If it does not serve them.
pub fn metrics(server: &mut Running) -> String {
    let line = server.line_with("metrics are on http://");
    let (_, rest) = line.split_once("http://").expect("found above");
    let address = rest.trim_end_matches("/metrics").parse().expect("an address");
    let mut stream = connect(address);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").expect("connected");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

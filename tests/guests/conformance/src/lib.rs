//! The component side of the conformance test: runs programs over a hand-fed `wasyncio:streams` reader and reports what
//! happens. In `tests/conformance`, `program.rs` says what programs look like, and `oracle.py` what reports do and
//! how CPython makes them.
//!
//! ```text
//! wasyncio run dist/tests/conformance.wasm < programs > reports
//! ```
//!
//! The first line of the reports names the side; each of the others answers one line of the programs.

mod exceptions;
mod fields;
mod program;

use wasip3::cli::{stdin, stdout};
use wit_bindgen::rt::async_support::StreamResult;

/// How much of the standard input is taken at once, in bytes.
const CHUNK: usize = 64 * 1024;

async fn run() -> Result<(), String> {
    let (mut programs, input_ended) = stdin::read_via_stream();
    let (mut reports, output) = wasip3::wit_stream::new();
    let output_ended = stdout::write_via_stream(output);
    reports.write_all(b"wasyncio\n".to_vec()).await;

    let mut unread: Vec<u8> = Vec::new();
    loop {
        let (result, chunk) = programs.read(Vec::with_capacity(CHUNK)).await;
        unread.extend_from_slice(&chunk);
        let complete = unread.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let rest = unread.split_off(complete);
        let lines = String::from_utf8(std::mem::replace(&mut unread, rest)).map_err(|error| error.to_string())?;
        for line in lines.lines() {
            let mut report = program::run(line).await.map_err(|reason| format!("{line}: {reason}"))?;
            report.push('\n');
            // One by one: if the next program traps, the harness knows which it was.
            if !reports.write_all(report.into_bytes()).await.is_empty() {
                return Err("nobody takes the reports".to_owned());
            }
        }
        if matches!(result, StreamResult::Dropped) {
            break;
        }
    }
    drop(reports);
    input_ended.await.map_err(|error| format!("cannot read the standard input: {error:?}"))?;
    output_ended.await.map_err(|error| format!("cannot write to the standard output: {error:?}"))
}

struct Conformance;

impl wasip3::exports::cli::run::Guest for Conformance {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| console::eprintln(format!("conformance: {error}")))
    }
}

wasip3::cli::command::export!(Conformance);

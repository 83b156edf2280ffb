//! Printing from the example components: on `wasm32-unknown-unknown` the standard library's `println!` goes nowhere, so
//! this writes to `wasi:cli/stdout` and `wasi:cli/stderr`.

use std::cell::RefCell;
use std::thread::LocalKey;

use wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamWriter};

/// Prints a line to the standard output, beside the program.
pub fn println(line: impl Into<String>) {
    print(&STDOUT, line.into(), wasip3::cli::stdout::write_via_stream);
}

/// Prints a line to the standard error, beside the program.
pub fn eprintln(line: impl Into<String>) {
    print(&STDERR, line.into(), wasip3::cli::stderr::write_via_stream);
}

/// The arguments after the program's name.
pub fn arguments() -> Vec<String> {
    wasip3::cli::environment::get_arguments().into_iter().skip(1).collect()
}

#[derive(Default)]
struct Output {
    queued: Vec<u8>,
    /// None before the first line, and while a task writes.
    stream: Option<StreamWriter<u8>>,
    opened: bool,
}

thread_local! {
    static STDOUT: RefCell<Output> = RefCell::default();
    static STDERR: RefCell<Output> = RefCell::default();
}

type Open = fn(StreamReader<u8>) -> FutureReader<Result<(), wasip3::cli::types::ErrorCode>>;

/// Queues the line and has a task write it, unless one is writing already: lines never mix.
fn print(output: &'static LocalKey<RefCell<Output>>, line: String, open: Open) {
    let stream = output.with_borrow_mut(|output| {
        output.queued.extend_from_slice(line.as_bytes());
        output.queued.push(b'\n');
        if !output.opened {
            output.opened = true;
            let (writer, reader) = wasip3::wit_stream::new();
            // Whether printing worked is of no interest to an example.
            drop(open(reader));
            output.stream = Some(writer);
        }
        output.stream.take()
    });
    let Some(mut stream) = stream else { return };
    wit_bindgen::spawn_local(async move {
        loop {
            let queued = output.with_borrow_mut(|output| std::mem::take(&mut output.queued));
            if queued.is_empty() {
                break;
            }
            stream.write_all(queued).await;
        }
        output.with_borrow_mut(|output| output.stream = Some(stream));
    });
}

/// A text as Python's `repr` prints it, in single quotes.
pub fn repr(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|char| match char {
            '"' => "\"".into(),
            char => char.escape_debug().to_string(),
        })
        .collect();
    format!("'{escaped}'")
}

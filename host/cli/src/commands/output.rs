//! Where programs' standard output and error go.

use wasyncio_host::{Output, Runner, Stdio};

use crate::{log, say};

/// What stands before a program's line that would look like one of the host's.
const MARK: &str = "[program] ";

/// Gives a program these standard streams.
///
/// Standard output is data, byte for byte, unless it is a terminal or goes where standard error goes. Standard error is
/// text among the host's lines. With a log in JSON its lines are entries, and so are those of standard output where it is
/// no data: of workers, or if it goes where the log goes.
pub(super) fn of_program(runner: Runner, stdio: Stdio, workers: bool) -> Runner {
    let mut runner = runner.stdio(stdio);
    let with_the_log = Output::stdout().is_same_place(&Output::stderr());
    if stdio.output && say::is_json() && (workers || with_the_log) {
        runner = runner.stdout(entries("stdout"));
    } else if stdio.output && with_the_log {
        runner = runner.stdout(text());
    }
    if stdio.error {
        runner = runner.stderr(if say::is_json() { entries("stderr") } else { text() });
    }
    runner
}

fn text() -> Output {
    Output::stderr().marked(log::PREFIX, MARK)
}

/// Lines that are entries of the log.
fn entries(stream: &'static str) -> Output {
    Output::lines(move |line| {
        tracing::info!(target: log::PROGRAM, worker = line.worker, stream, "{}", String::from_utf8_lossy(line.bytes));
    })
}

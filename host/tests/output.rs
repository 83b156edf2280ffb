//! What a program prints, as an embedder gets it.

#[path = "../cli/tests/programs/mod.rs"]
#[expect(dead_code, reason = "the command's tests use all of it")]
mod programs;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use wasyncio_host::{Host, Output, OutputLine, Program, Runner, Workers};

/// The same program of either version of WASI.
fn both(name: &str, stream: &str, bytes: &[u8], times: u32) -> [Program; 2] {
    let host = Host::builder().build().unwrap();
    let load = |name: String, text: String| host.load_file(programs::file(&name, &text)).expect("it is a program");
    [
        load(format!("{name}02.wasm"), programs::prints02(stream, bytes, times)),
        load(format!("{name}03.wasm"), programs::prints03(stream, bytes, times)),
    ]
}

#[tokio::test]
async fn a_callback_gets_the_bytes_as_they_are() {
    for program in both("callback", "stdout", b"\x1b[0m\xff\n", 3) {
        let printed = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&printed);
        let stdout = Output::callback(move |bytes| keep.lock().unwrap().extend_from_slice(bytes));
        assert!(Runner::new(&program).stdout(stdout).run().await.unwrap().success());
        assert_eq!(*printed.lock().unwrap(), b"\x1b[0m\xff\n".repeat(3));
    }
}

#[tokio::test]
async fn lines_of_workers_come_with_their_number() {
    for program in both("lines", "stderr", b"one\ntwo", 1) {
        let printed = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&printed);
        let stderr = Output::lines(move |OutputLine { worker, bytes, .. }| {
            keep.lock().unwrap().push((worker, bytes.to_vec()));
        });
        let two = NonZeroUsize::new(2).expect("it is 2");
        let workers = Workers::new(&program, two, move |program| Runner::new(program).stderr(stderr.clone()));
        let (_send, control) = mpsc::channel(1);
        workers.run(control).await.unwrap();
        let mut printed = std::mem::take(&mut *printed.lock().unwrap());
        printed.sort();
        let of = |worker, line: &[u8]| (Some(worker), line.to_vec());
        assert_eq!(printed, [of(0, b"one"), of(0, b"two"), of(1, b"one"), of(1, b"two")]);
    }
}

/// Takes its time for each write, and blocks its thread meanwhile.
struct Slow(Sender<Vec<u8>>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(20));
        let some = &bytes[..bytes.len().min(32 << 10)];
        self.0.send(some.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_writer_that_blocks_gets_everything_and_the_thread_goes_on() {
    for program in both("writer", "stdout", &[b'x'; 4096], 200) {
        let (send, written) = channel();
        let run = Runner::new(&program).stdout(Output::writer(Slow(send))).run();
        tokio::select! {
            biased;
            ended = run => panic!("it ended before its output was written: {ended:?}"),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
        // Dropped, the program is ended, and what it had printed by then is still written.
        let before: usize = written.iter().map(|bytes| bytes.len()).sum();
        assert!((32 << 10..200 * 4096).contains(&before), "{before} bytes");

        let (send, written) = channel();
        let status = Runner::new(&program).stdout(Output::writer(Slow(send))).run().await.unwrap();
        assert!(status.success());
        // Nothing is waited for here: the run has ended with everything written.
        let all: usize = written.try_iter().map(|bytes| bytes.len()).sum();
        assert_eq!(all, 200 * 4096);
    }
}

#[tokio::test]
async fn a_component_of_streams_prints_where_the_embedder_wants() {
    // It is no component of streams, which is noticed after it has printed, as it is instantiated.
    let host = Host::builder().streams(programs::prints_as_it_starts("stderr", b"one\ntwo")).build().unwrap();
    let (send, printed) = channel();
    let stderr = Output::lines(move |OutputLine { worker, bytes, .. }| {
        send.send((worker, bytes.to_vec())).expect("the test listens");
    });
    let error = host.streams().unwrap().stderr(stderr).start().await.expect_err("it has no functions");
    assert!(matches!(error, wasyncio_host::Error::Instantiate { .. }), "{error}");
    let printed: Vec<_> = printed.iter().collect();
    assert_eq!(printed, [(None, b"one".to_vec()), (None, b"two".to_vec())]);
}

//! What a read costs grows with the data, and not with the number of pieces that it comes in: nothing is searched again.
//!
//! Readers are fed by hand, a byte at a time. Four times the bytes take four times the time; if all that came before were
//! searched again with every byte, it would be sixteen times, and seconds.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use wasyncio_core::{Result, StreamReader};

const BYTES: usize = 32 * 1024;
/// Between four and sixteen.
const FACTOR: u32 = 10;
/// How often it is tried: the machine has other things to do, too.
const TRIES: usize = 3;

/// A reader whose limit is never met.
fn reader() -> StreamReader {
    StreamReader::new(Some(1 << 30)).expect("the limit is above 0")
}

/// Feeds `count` bytes and then `end`, byte by byte, to a reader that is read from. No `end` is the stream's.
fn time(reader: &StreamReader, read: impl Future<Output = Result<Vec<u8>>>, count: usize, end: &[u8]) -> Duration {
    let begin = Instant::now();
    let mut read = pin!(read);
    let mut cx = Context::from_waker(Waker::noop());
    for byte in std::iter::repeat_n(&b'x', count).chain(end) {
        assert!(read.as_mut().poll(&mut cx).is_pending());
        reader.feed_data(&[*byte]).expect("the end was not fed");
    }
    if end.is_empty() {
        assert!(read.as_mut().poll(&mut cx).is_pending());
        reader.feed_eof();
    }
    match read.poll(&mut cx) {
        Poll::Ready(answer) => assert_eq!(answer.expect("there is an answer").len(), count + end.len()),
        Poll::Pending => panic!("all was fed"),
    }
    begin.elapsed()
}

fn is_linear(time: impl Fn(usize) -> Duration) {
    let mut times = Vec::new();
    while times.len() < TRIES {
        let (one, four) = (time(BYTES), time(4 * BYTES));
        times.push((one, four));
        if four < one * FACTOR {
            return;
        }
    }
    panic!("{BYTES} bytes and four times as many took {times:?}");
}

#[test]
fn readline_is_linear() {
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.readline(), count, b"\n")
    });
}

#[test]
fn readuntil_is_linear() {
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.readuntil(&[b"\r\n"]), count, b"\r\n")
    });
}

#[test]
fn readuntil_of_two_that_share_their_last_byte_with_the_data_is_linear() {
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.readuntil(&["=x", "-x"]), count, b"-x")
    });
}

#[test]
fn readuntil_of_sixteen_is_linear() {
    let ends = (0..16).map(|number| format!("<{number}>{}", char::from(b'A' + number))).collect::<Vec<_>>();
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.readuntil(&ends), count, b"<15>P")
    });
}

#[test]
fn readexactly_is_linear() {
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.readexactly(count as i64 + 1), count, b"x")
    });
}

#[test]
fn reading_to_the_end_is_linear() {
    is_linear(|count| {
        let reader = reader();
        time(&reader, reader.read(-1), count, b"")
    });
}

//! What the readers' buffers cost by themselves: a [`StreamReader`] fed by hand and read in the same thread, natively, with
//! neither sockets nor a sandbox.
//!
//! ```text
//! cargo bench -p bench-buffers
//! cargo bench -p bench-buffers -- readuntil
//! ```
//!
//! Throughputs are of the bytes that are read. Where a line comes in pieces, it must not depend on how long the line is: what was
//! searched is not searched again.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use wasyncio::{Result, StreamReader};

/// How much is read where the length of the line is not what is measured: as much as a reader buffers by default.
const SIZE: usize = 64 * 1024;
/// The bytes of a short line with its end.
const LINE: usize = 64;

/// A reader whose limit is never met.
fn reader() -> StreamReader {
    StreamReader::new(Some(1 << 30)).expect("the limit is above 0")
}

/// A reader that holds `data`.
fn fed(data: &[u8]) -> StreamReader {
    let reader = reader();
    reader.feed_data(data).expect("the end was not fed");
    reader
}

/// What a read answers that does not have to wait.
fn at_once(read: impl Future<Output = Result<Vec<u8>>>) -> Vec<u8> {
    match pin!(read).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("the data is there"),
        Poll::Pending => unreachable!("the data is there"),
    }
}

/// What a read answers that is begun before the data comes, in pieces.
fn in_pieces(data: &[u8], size: usize, reader: &StreamReader, read: impl Future<Output = Result<Vec<u8>>>) -> Vec<u8> {
    let mut read = pin!(read);
    let mut cx = Context::from_waker(Waker::noop());
    let mut pieces = data.chunks(size);
    loop {
        if let Poll::Ready(answer) = read.as_mut().poll(&mut cx) {
            return answer.expect("the end was not met");
        }
        reader.feed_data(pieces.next().expect("all of the data is an answer")).expect("the end was not fed");
    }
}

/// As many lines with this end as make up [`SIZE`].
fn lines(end: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = (b'a'..=b'z').cycle().take(LINE - end.len()).chain(end.iter().copied()).collect();
    line.repeat(SIZE / LINE)
}

/// Measures how long `read` takes until it has taken all of `data` out of a reader.
fn drain(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: BenchmarkId,
    data: &[u8],
    read: impl Fn(&StreamReader) -> Vec<u8>,
) {
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let reader = fed(data);
            let mut taken = 0;
            while taken < data.len() {
                taken += black_box(read(&reader)).len();
            }
        });
    });
}

fn readline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("readline");
    drain(&mut group, BenchmarkId::from_parameter(LINE), &lines(b"\n"), |reader| at_once(reader.readline()));
    group.finish();
}

fn readline_in_pieces(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("readline in pieces");
    for size in [1, 64, 4096] {
        for length in [SIZE, 4 * SIZE] {
            let mut line = vec![b'x'; length - 1];
            line.push(b'\n');
            group.throughput(Throughput::Bytes(length as u64));
            group.bench_function(BenchmarkId::new(format!("of {size}"), length), |bencher| {
                bencher.iter(|| {
                    let reader = reader();
                    in_pieces(black_box(&line), size, &reader, reader.readline())
                });
            });
        }
    }
    group.finish();
}

fn readuntil(criterion: &mut Criterion) {
    /// Of those, only the first two are in the data.
    const ENDS: [&[u8]; 16] = [
        b"\r\n",
        b"\n",
        b": ",
        b";",
        b"\0",
        b"--",
        b"\t",
        b"==",
        b"</",
        b"}}",
        b"%%",
        b"||",
        b"&&",
        b"\x1b[",
        b"\xff\xff",
        b"END.",
    ];
    let mut group = criterion.benchmark_group("readuntil");
    for count in [1, 2, 4, 16] {
        let ends = &ENDS[..count];
        drain(&mut group, BenchmarkId::from_parameter(count), &lines(b"\r\n"), |reader| {
            at_once(reader.readuntil(ends))
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("readuntil, one long chunk");
    let mut chunk = vec![b'x'; SIZE - 2];
    chunk.extend_from_slice(b"\r\n");
    for count in [1, 2, 4, 16] {
        let ends = &ENDS[..count];
        drain(&mut group, BenchmarkId::from_parameter(count), &chunk, |reader| at_once(reader.readuntil(ends)));
    }
    group.finish();
}

fn readexactly(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("readexactly");
    let data = lines(b"\n");
    for count in [64, 4096] {
        drain(&mut group, BenchmarkId::from_parameter(count), &data, |reader| at_once(reader.readexactly(count)));
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let data = lines(b"\n");
    for count in [64, 4096, 65536] {
        drain(&mut group, BenchmarkId::from_parameter(count), &data, |reader| at_once(reader.read(count)));
    }
    group.finish();
}

criterion_group!(benches, readline, readline_in_pieces, readuntil, readexactly, read);
criterion_main!(benches);

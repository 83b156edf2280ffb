//! What the model test has found, and what CPython does where it was once different here: one behaviour each.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use wasyncio_core::extra_info::Addresses;
use wasyncio_core::runtime::Runtime;
use wasyncio_core::scripted::{Manner, ScriptedRuntime, Wire};
use wasyncio_core::transport::{Capabilities, Failure};
use wasyncio_core::{Error, OsError, StreamReader, StreamReaderProtocol, StreamWriter, open, take};

/// A task that counts how often it is woken.
#[derive(Default)]
struct Sleeper(AtomicUsize);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn is_woken(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, sleeper: &Arc<Sleeper>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(sleeper.clone())))
}

/// The answer of a call that does not wait.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

struct Connected {
    runtime: &'static ScriptedRuntime,
    wire: Wire,
    reader: StreamReader,
    writer: StreamWriter,
}

fn connected_with(manner: Manner) -> Connected {
    let runtime = ScriptedRuntime::leaked();
    let (wire, halves) = Wire::new(runtime, manner, Capabilities::default(), Addresses::default());
    let (reader, writer) = open(runtime, halves, 1 << 16);
    Connected { runtime, wire, reader, writer }
}

fn connected() -> Connected {
    connected_with(Manner::default())
}

fn reset() -> (Failure, Error) {
    let failure = Failure::from(std::io::ErrorKind::ConnectionReset);
    (failure.clone(), OsError::from(failure).into())
}

#[test]
fn drain_is_told_why_the_write_that_it_waits_for_has_broken() {
    let Connected { runtime, wire, writer, .. } = connected();
    let (failure, error) = reset();
    wire.blocks();
    writer.write(vec![0; 100_000]).expect("the end was not written");
    let sleeper = Arc::default();
    let mut drain = pin!(writer.drain());
    assert!(poll(drain.as_mut(), &sleeper).is_pending());
    wire.peer_resets(failure);
    runtime.rest();
    assert!(sleeper.is_woken());
    assert_eq!(poll(drain, &sleeper), Poll::Ready(Err(error)));
}

#[test]
fn bytes_leave_after_a_flush_has_overtaken_the_task_that_sends() {
    let Connected { runtime, wire, writer, .. } = connected_with(Manner { slow: true, ..Manner::default() });
    wire.blocks();
    writer.write(b"one").expect("the end was not written");
    runtime.rest();
    assert_eq!(runtime.tasks(), 1, "the write is in flight");
    wire.takes(usize::MAX);
    assert_eq!(writer.transport().get_write_buffer_size(), 0, "asking finds that it has ended");
    runtime.rest();
    assert_eq!(runtime.tasks(), 0, "there is nothing to send");
    writer.write(b"two").expect("the end was not written");
    runtime.rest();
    while wire.turn() {
        runtime.rest();
    }
    assert_eq!(wire.taken_from(0), b"onetwo");
}

#[test]
fn a_task_that_has_sent_everything_is_registered_nowhere() {
    let Connected { runtime, wire, writer, .. } = connected();
    wire.blocks();
    writer.write(b"one").expect("the end was not written");
    runtime.rest();
    wire.takes(3);
    runtime.rest();
    assert_eq!((runtime.tasks(), runtime.leaked_wakers()), (0, 0));
    assert_eq!(wire.registered(), (0, 0));
}

#[test]
fn a_read_that_waits_for_resume_reading_is_not_woken_by_data() {
    let Connected { wire, reader, writer, .. } = connected();
    let sleeper = Arc::default();
    let mut read = pin!(reader.read(10));
    assert!(poll(read.as_mut(), &sleeper).is_pending());
    writer.transport().pause_reading();
    assert!(poll(read.as_mut(), &sleeper).is_pending());
    assert_eq!(wire.registered().0, 0);
    wire.peer_sends(b"data");
    assert!(!sleeper.is_woken());
    writer.transport().resume_reading();
    assert!(sleeper.is_woken());
    assert_eq!(poll(read, &sleeper), Poll::Ready(Ok(b"data".to_vec())));
}

#[test]
fn a_read_of_a_closing_connection_is_woken_by_its_end_alone() {
    let Connected { runtime, wire, reader, writer } = connected();
    wire.blocks();
    let sleeper = Arc::default();
    let mut read = pin!(reader.read(10));
    assert!(poll(read.as_mut(), &sleeper).is_pending());
    writer.transport().pause_reading();
    writer.write(b"answer").expect("the end was not written");
    writer.close();
    runtime.rest();
    wire.peer_sends(b"late");
    assert!(!sleeper.is_woken());
    wire.takes(6);
    runtime.rest();
    assert!(sleeper.is_woken());
    assert!(matches!(poll(read, &sleeper), Poll::Ready(Ok(_))));
}

#[test]
fn a_read_that_data_has_woken_right_before_a_reset_ends() {
    let Connected { wire, reader, writer, .. } = connected();
    let (failure, error) = reset();
    let sleeper = Arc::default();
    let mut read = pin!(reader.readexactly(3));
    assert!(poll(read.as_mut(), &sleeper).is_pending());
    wire.peer_sends(b"12");
    wire.peer_resets(failure);
    // Takes over what is there: both, before the reading task runs.
    writer.close();
    assert!(sleeper.is_woken());
    assert_eq!(poll(read, &sleeper), Poll::Ready(Err(error)));
}

#[test]
fn a_read_that_overtakes_a_woken_one_is_not_forgotten() {
    let Connected { runtime, wire, reader, writer } = connected();
    wire.blocks();
    writer.write(b"x").expect("the end was not written");
    let (first, second) = (Arc::default(), Arc::default());
    let mut woken = pin!(reader.readexactly(3));
    assert!(poll(woken.as_mut(), &first).is_pending());
    wire.peer_sends(b"1");
    writer.close();
    let mut overtakes = pin!(reader.readexactly(5));
    assert!(poll(overtakes.as_mut(), &second).is_pending());
    let refused = poll(woken, &first);
    assert!(matches!(refused, Poll::Ready(Err(Error::Runtime(_)))), "{refused:?}");
    wire.takes(1);
    runtime.rest();
    assert!(second.is_woken());
    let incomplete = Error::IncompleteRead { partial: b"1".to_vec(), expected: Some(5) };
    assert_eq!(poll(overtakes, &second), Poll::Ready(Err(incomplete)));
}

#[test]
fn taking_sends_what_other_handles_write_meanwhile() {
    let Connected { runtime, wire, reader, writer } = connected();
    let transport = writer.transport();
    transport.set_write_buffer_limits(Some(20), Some(10)).expect("high is above low");
    wire.blocks();
    transport.write(b"one").expect("the end was not written");
    runtime.spawn(Box::pin(async move { drop(take(reader, writer).await.expect("it is open")) }));
    runtime.rest();
    wire.takes(3);
    // Runs between the task that sends, which was woken now, and the task that takes, which that one wakes.
    let other = transport.clone();
    runtime.spawn(Box::pin(async move { other.write(b"two").expect("the end was not written") }));
    runtime.rest();
    wire.takes(3);
    runtime.rest();
    assert_eq!(wire.taken_from(0), b"onetwo");
    assert_eq!(transport.get_write_buffer_limits(), (10, 20));
}

#[test]
fn nothing_can_be_written_after_write_eof_not_even_no_lines() {
    let Connected { writer, .. } = connected();
    writer.write_eof().expect("it can");
    // CPython 3.13: RuntimeError('Cannot call writelines() after write_eof()') for both.
    let refused = Err(Error::Runtime("Cannot call writelines() after write_eof()".into()));
    assert_eq!(writer.writelines(&["line"]), refused);
    assert_eq!(writer.writelines(&[] as &[&str]), refused);
    // RuntimeError('Cannot call write() after write_eof()'), of nothing too.
    assert_eq!(writer.write(b""), Err(Error::Runtime("Cannot call write() after write_eof()".into())));
}

#[test]
fn drain_returns_once_resumed_also_if_it_is_paused_again() {
    let Connected { runtime, wire, writer, .. } = connected();
    writer.transport().set_write_buffer_limits(Some(2), Some(1)).expect("high is above low");
    wire.blocks();
    writer.write(b"123").expect("the end was not written");
    let sleeper = Arc::default();
    let (mut one, mut other) = (pin!(writer.drain()), pin!(writer.drain()));
    assert!(poll(one.as_mut(), &sleeper).is_pending() && poll(other.as_mut(), &sleeper).is_pending());
    wire.takes(3);
    runtime.rest();
    writer.write(b"456").expect("the end was not written");
    // CPython 3.13: both tasks are done, and the protocol is paused.
    assert_eq!(poll(one, &sleeper), Poll::Ready(Ok(())));
    assert_eq!(poll(other, &sleeper), Poll::Ready(Ok(())));
    assert!(poll(pin!(writer.drain()), &sleeper).is_pending());

    let protocol = StreamReaderProtocol::new(&StreamReader::new(None).expect("it has the default limit"));
    protocol.pause_writing().expect("it is not paused");
    let mut drain = pin!(protocol.drain());
    assert!(poll(drain.as_mut(), &sleeper).is_pending());
    protocol.resume_writing().expect("it is paused");
    protocol.pause_writing().expect("it is not paused");
    assert_eq!(poll(drain, &sleeper), Poll::Ready(Ok(())));
}

/// A reader that is fed by hand, and the transport that it pauses.
fn fed(limit: u64) -> (StreamReader, Connected) {
    let connected = connected();
    let reader = StreamReader::new(Some(limit)).expect("the limit is above 0");
    reader.set_transport(&connected.writer.transport()).expect("it has none");
    (reader, connected)
}

#[test]
fn the_transport_stays_paused_after_an_incomplete_read() {
    let (reader, Connected { writer, .. }) = fed(4);
    reader.feed_data(b"123456789").expect("the end was not fed");
    assert!(!writer.transport().is_reading());
    reader.feed_eof();
    assert!(matches!(now(reader.readexactly(20)), Err(Error::IncompleteRead { .. })));
    // CPython 3.13: IncompleteReadError('9 bytes read on a total of 20 expected bytes'), and paused.
    assert!(!writer.transport().is_reading());
}

#[test]
fn a_line_over_the_limit_lets_the_transport_of_a_fed_reader_go_on() {
    for line in [
        "12345678
",
        "123456789",
    ] {
        let (reader, Connected { writer, .. }) = fed(4);
        reader.feed_data(line.as_bytes()).expect("the end was not fed");
        assert!(!writer.transport().is_reading());
        // CPython 3.13: ValueError for both, and no longer paused.
        assert!(matches!(now(reader.readline()), Err(Error::Value(_))));
        assert!(writer.transport().is_reading(), "{line:?}");
    }
}

#[test]
fn data_after_the_connection_is_lost_has_no_effect() {
    let reader = StreamReader::new(None).expect("it has the default limit");
    let protocol = StreamReaderProtocol::new(&reader);
    protocol.connection_lost(None);
    // CPython 3.13: no exception, and nothing in the buffer.
    assert_eq!(protocol.data_received(b"late"), Ok(()));
    assert_eq!(now(reader.read(-1)), Ok(Vec::new()));
}

#[test]
fn pausing_a_paused_protocol_and_resuming_one_that_is_not_fail() {
    let protocol = StreamReaderProtocol::new(&StreamReader::new(None).expect("it has the default limit"));
    assert_eq!(protocol.pause_writing(), Ok(()));
    // CPython 3.13: AssertionError() for both.
    assert_eq!(protocol.pause_writing(), Err(Error::Assertion("".into())));
    assert_eq!(protocol.resume_writing(), Ok(()));
    assert_eq!(protocol.resume_writing(), Err(Error::Assertion("".into())));
}

#[test]
fn a_reset_while_closing_is_told_to_everybody() {
    let Connected { runtime, wire, reader, writer } = connected();
    let (failure, error) = reset();
    wire.blocks();
    writer.write(vec![0; 3_000_000]).expect("the end was not written");
    let sleepers = [Arc::default(), Arc::default(), Arc::default()];
    let mut drain = pin!(writer.drain());
    let mut closed = pin!(writer.wait_closed());
    let mut read = pin!(reader.read(1));
    let waits = poll(drain.as_mut(), &sleepers[0]).is_pending()
        && poll(closed.as_mut(), &sleepers[1]).is_pending()
        && poll(read.as_mut(), &sleepers[2]).is_pending();
    assert!(waits);
    writer.close();
    wire.peer_resets(failure);
    runtime.rest();
    assert!(sleepers.iter().all(|sleeper| sleeper.is_woken()));
    // CPython 3.13: ConnectionResetError(104, 'Connection reset by peer') for all three.
    assert_eq!(poll(drain, &sleepers[0]), Poll::Ready(Err(error.clone())));
    assert_eq!(poll(closed, &sleepers[1]), Poll::Ready(Err(error.clone())));
    assert_eq!(poll(read, &sleepers[2]), Poll::Ready(Err(error)));
    assert!(wire.is_let_go());
}

#[test]
fn what_was_received_before_close_can_still_be_read() {
    let Connected { runtime, wire, reader, writer } = connected();
    wire.peer_sends(b"hello");
    writer.close();
    runtime.rest();
    assert_eq!(now(writer.wait_closed()), Ok(()));
    // CPython 3.13: b'hello', then b''.
    assert_eq!([now(reader.read(100)), now(reader.read(100))], [Ok(b"hello".to_vec()), Ok(Vec::new())]);
}

/// Where each read is a call of another component, the host looks outside only when the program rests.
#[test]
fn a_connection_that_always_has_something_gives_way_and_its_reads_keep_their_order() {
    let (one, other) = (connected(), connected());
    for Connected { runtime, wire, .. } in [&one, &other] {
        runtime.give_way();
        wire.peer_sends(&[b"1".as_slice(), &b"\n".repeat(32), b"4\n5\n6\n"].concat());
    }
    assert_eq!(now(one.reader.read(1)), Ok(b"1".to_vec()), "it has waited: what follows is there");
    for _ in 0..32 {
        assert_eq!(now(one.reader.readline()), Ok(b"\n".to_vec()));
    }
    let sleeper = Arc::<Sleeper>::default();
    let mut first = Box::pin(one.reader.readline());
    let (mut second, mut third) = (Box::pin(one.reader.readline()), Box::pin(one.reader.readline()));
    for read in [&mut first, &mut second, &mut third] {
        assert!(poll(read.as_mut(), &sleeper).is_pending());
    }
    assert_eq!(now(other.reader.readline()), Ok(b"1\n".to_vec()), "others go on");
    drop(first);
    assert!(one.runtime.turn() && sleeper.is_woken());
    assert_eq!(poll(second.as_mut(), &sleeper), Poll::Ready(Ok(b"4\n".to_vec())), "nothing was lost");
    assert_eq!(poll(third.as_mut(), &sleeper), Poll::Ready(Ok(b"5\n".to_vec())));
    assert_eq!(now(one.reader.readline()), Ok(b"6\n".to_vec()), "they are among the others again");
}

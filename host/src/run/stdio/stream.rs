//! One program's standard output or error, as WASI 0.2 and 0.3 see it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::output::{Output, OutputLine, Target};
use super::queue::{PROGRAM_BYTES, Queue};
use super::text::Text;

/// How much is taken over at once. Escaped, it becomes eight times as much at most.
const PIECE_BYTES: usize = 8 << 10;

/// How much of a line is kept until its end comes.
const LINE_BYTES: usize = 16 << 10;

/// How much a program may write beyond what there was room for, because another took the room meanwhile.
const OVERFLOW_BYTES: usize = 64 << 10;

/// How often lost lines are told of.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Called when a program writes.
pub(crate) type OnWrite = Arc<dyn Fn() + Send + Sync>;

/// One program's standard output or error. Clones share everything.
#[derive(Clone)]
pub(crate) struct ProgramOutput(Arc<Shared>);

struct Shared {
    on_write: Option<OnWrite>,
    target: Target,
    /// `stdout` or `stderr`.
    name: &'static str,
    worker: Option<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Makes text of what the program prints, where it must not go as it is.
    text: Option<Text>,
    /// The beginning of a line, where whole lines are wanted.
    line: Vec<u8>,
    /// What was written with a permit whose room another took.
    overflow: Vec<u8>,
    lost: Lost,
}

/// Lines that there was no room for.
#[derive(Default)]
struct Lost {
    lines: u64,
    bytes: u64,
    told: Option<Instant>,
}

impl ProgramOutput {
    /// `on_write` is called whenever the program writes something.
    pub(super) fn new(output: &Output, name: &'static str, worker: Option<usize>, on_write: Option<OnWrite>) -> Self {
        let text = match &output.target {
            Target::Queue(queue) => queue.is_terminal() || output.marks.is_some(),
            _ => false,
        };
        let text = text.then(|| Text::new(output.marks.clone()));
        let state = Mutex::new(State { text, ..State::default() });
        Self(Arc::new(Shared { on_write, target: output.target.clone(), name, worker, state }))
    }

    /// Completes when all that the program printed is written, or nothing can be. Of a worker nothing is waited for.
    pub(crate) fn poll_finished(&self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &self.0;
        let mut state = shared.state();
        match &shared.target {
            Target::Queue(queue) if shared.waits() => {
                if let Ok(()) = ready!(state.poll_overflow(queue, cx)) {
                    state.finish_text(queue);
                }
                queue.poll_written(cx)
            }
            _ => {
                shared.finish_line(&mut state);
                Poll::Ready(())
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, bytes: &[u8]) {
        if let Some(on_write) = &self.on_write
            && !bytes.is_empty()
            && !matches!(self.target, Target::Nowhere)
        {
            on_write();
        }
    }

    /// Whether the program waits for room, and does not lose lines.
    fn waits(&self) -> bool {
        self.worker.is_none()
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.tell(bytes);
        let mut state = self.state();
        match &self.target {
            Target::Queue(queue) if self.waits() => {
                ready!(state.poll_overflow(queue, cx))?;
                loop {
                    let room = ready!(queue.poll_room(cx))?;
                    let piece = &bytes[..bytes.len().min(room).min(PIECE_BYTES)];
                    if state.put(queue, piece)? {
                        return Poll::Ready(Ok(piece.len()));
                    }
                }
            }
            _ => {
                self.write_at_once(&mut state, bytes);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    /// How much may be written; 0 if that has to be waited for.
    fn room(&self) -> io::Result<usize> {
        match &self.target {
            Target::Queue(queue) if self.waits() => {
                let mut state = self.state();
                match state.poll_overflow(queue, &mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(result) => result.and_then(|()| queue.room()),
                    Poll::Pending => Ok(0),
                }
            }
            _ => Ok(PROGRAM_BYTES),
        }
    }

    /// Takes all, as [`room`](Self::room) promised.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.tell(bytes);
        let mut state = self.state();
        match &self.target {
            Target::Queue(queue) if self.waits() => {
                if state.overflow.len() + bytes.len() > OVERFLOW_BYTES {
                    return Err(io::Error::other("more was written than there was room for"));
                }
                state.overflow.extend_from_slice(bytes);
                match state.poll_overflow(queue, &mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(result) => result,
                    Poll::Pending => Ok(()),
                }
            }
            _ => {
                self.write_at_once(&mut state, bytes);
                Ok(())
            }
        }
    }

    /// Writes where nothing has to be waited for.
    fn write_at_once(&self, state: &mut State, bytes: &[u8]) {
        match &self.target {
            Target::Nowhere => {}
            Target::Callback(callback) => callback.lock().unwrap_or_else(PoisonError::into_inner)(bytes),
            Target::Queue(_) | Target::Lines(_) => self.write_lines(state, bytes),
        }
    }

    fn write_lines(&self, state: &mut State, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let fits = &bytes[..bytes.len().min(LINE_BYTES - state.line.len())];
            let (part, ended) = match fits.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&fits[..end], true),
                None => (fits, false),
            };
            bytes = &bytes[part.len() + usize::from(ended)..];
            state.line.extend_from_slice(part);
            if ended || state.line.len() == LINE_BYTES {
                self.end_line(state);
            }
        }
        self.tell_lost(state, false);
    }

    fn end_line(&self, state: &mut State) {
        let mut line = std::mem::take(&mut state.line);
        match &self.target {
            Target::Lines(callback) => callback(OutputLine { worker: self.worker, bytes: &line }),
            Target::Queue(queue) => {
                line.push(b'\n');
                match state.put(queue, &line) {
                    Ok(true) => {}
                    // Nobody is there to read it, or too slow.
                    Ok(false) | Err(_) => {
                        state.lost.lines += 1;
                        state.lost.bytes += line.len() as u64;
                    }
                }
            }
            Target::Nowhere | Target::Callback(_) => {}
        }
        line.clear();
        state.line = line;
    }

    fn finish_line(&self, state: &mut State) {
        if !state.line.is_empty() {
            self.end_line(state);
        }
        self.tell_lost(state, true);
    }

    /// Tells of lost lines, but not more often than once in a while unless it is the `last` time.
    fn tell_lost(&self, state: &mut State, last: bool) {
        let Lost { lines, bytes, told } = &mut state.lost;
        if *lines == 0 || (!last && told.is_some_and(|told| told.elapsed() < TELL_INTERVAL)) {
            return;
        }
        let size = bytesize::ByteSize(*bytes).display().iec();
        let worker = self.worker.unwrap_or(0);
        tracing::warn!(worker, stream = self.name, lines = *lines, "lost {size} of output that nobody reads");
        *lines = 0;
        *bytes = 0;
        *told = Some(Instant::now());
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.target {
            // What there is room for; the program was ended before it had waited for it.
            Target::Queue(queue) if self.waits() => {
                let mut now = Context::from_waker(Waker::noop());
                if let Poll::Ready(Ok(())) = state.poll_overflow(queue, &mut now) {
                    state.finish_text(queue);
                }
            }
            _ => self.finish_line(&mut state),
        }
    }
}

impl State {
    /// Puts a piece of output into the queue, if that has any room.
    fn put(&mut self, queue: &Queue, bytes: &[u8]) -> io::Result<bool> {
        queue.put(PROGRAM_BYTES, |place| match &mut self.text {
            Some(text) => text.push(bytes, place.line_start, place.bytes),
            None => place.bytes.extend_from_slice(bytes),
        })
    }

    fn poll_overflow(&mut self, queue: &Queue, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.overflow.is_empty() {
            let room = ready!(queue.poll_room(cx))?;
            let piece: Vec<_> = self.overflow.drain(..room.min(PIECE_BYTES).min(self.overflow.len())).collect();
            if !self.put(queue, &piece)? {
                self.overflow.splice(..0, piece);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn finish_text(&mut self, queue: &Queue) {
        if let Some(text) = &mut self.text {
            // A few bytes, once in a program's life.
            _ = queue.put(usize::MAX, |place| text.finish(place.bytes));
        }
    }
}

impl IsTerminal for ProgramOutput {
    fn is_terminal(&self) -> bool {
        matches!(&self.0.target, Target::Queue(queue) if queue.is_terminal())
    }
}

impl StdoutStream for ProgramOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for ProgramOutput {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    /// What is in the queue needs nothing more of the program.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl OutputStream for ProgramOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes).map_err(stream_error)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.0.room().map_err(stream_error)
    }

    /// As it is in the trait, which however traps when others have taken the room ten times in a row.
    async fn write_ready(&mut self) -> StreamResult<usize> {
        loop {
            self.ready().await;
            match self.check_write()? {
                0 => {}
                room => return Ok(room),
            }
        }
    }
}

#[async_trait::async_trait]
impl Pollable for ProgramOutput {
    async fn ready(&mut self) {
        let shared = &self.0;
        let Target::Queue(queue) = shared.target.clone() else {
            return;
        };
        if shared.waits() {
            // What failed is told by the next call.
            std::future::poll_fn(|cx| match ready!(shared.state().poll_overflow(&queue, cx)) {
                Ok(()) => queue.poll_room(cx).map(|_| ()),
                Err(_) => Poll::Ready(()),
            })
            .await;
        }
    }
}

fn stream_error(error: io::Error) -> StreamError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => StreamError::Closed,
        _ => StreamError::LastOperationFailed(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::tests::gated;
    use super::*;

    fn write(output: &ProgramOutput, bytes: &[u8]) -> Poll<io::Result<usize>> {
        output.0.poll_write(&mut Context::from_waker(Waker::noop()), bytes)
    }

    #[test]
    fn a_program_waits_for_a_slow_reader_and_a_worker_does_not() {
        let (writer, _allow, _written) = gated();
        let output = Output::writer(writer);
        let (program, worker) = (output.open("stdout", None, None), output.open("stdout", Some(3), None));
        let mut taken = 0;
        while let Poll::Ready(count) = write(&program, &[b'x'; 1000]) {
            taken += count.unwrap();
        }
        assert_eq!(taken, PROGRAM_BYTES);
        for _ in 0..10 {
            assert!(matches!(write(&worker, b"a line\n"), Poll::Ready(Ok(7))));
        }
        // The first was told of at once.
        let state = worker.0.state();
        assert_eq!((state.lost.lines, state.lost.bytes), (9, 63));
    }

    #[test]
    fn permits_of_several_handles_add_up_to_a_bound() {
        let (writer, _allow, _written) = gated();
        let program = Output::writer(writer).open("stdout", None, None);
        let mut handles: Vec<_> = (0..10).map(|_| program.clone()).collect();
        let permits: Vec<_> = handles.iter_mut().map(|handle| handle.check_write().unwrap()).collect();
        assert_eq!(permits, [PROGRAM_BYTES; 10]);
        let written = handles.iter_mut().map(|handle| handle.write(vec![b'x'; PROGRAM_BYTES].into()).is_ok());
        assert_eq!(written.filter(|ok| *ok).count(), 2, "what there was room for, and as much again");
        assert_eq!(program.clone().check_write().unwrap(), 0);
    }

    #[test]
    fn lines_are_whole_and_bounded() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&lines);
        let output = Output::lines(move |line| keep.lock().unwrap().push((line.worker, line.bytes.to_vec())));
        let program = output.open("stderr", Some(1), None);
        for piece in [&b"one\ntw"[..], b"o\n\n", &[b'x'; LINE_BYTES + 1], b"\nend"] {
            assert!(matches!(write(&program, piece), Poll::Ready(Ok(count)) if count == piece.len()));
        }
        drop(program);
        let lines: Vec<_> = lines.lock().unwrap().iter().map(|(worker, line)| (*worker, line.len())).collect();
        let lengths = [3, 3, 0, LINE_BYTES, 1, 3].map(|length| (Some(1), length));
        assert_eq!(lines, lengths);
    }

    #[test]
    fn what_is_held_back_comes_at_the_end() {
        let (writer, allow, written) = gated();
        let output = Output::writer(writer).marked("host", "[program] ");
        let program = output.open("stderr", None, None);
        assert!(matches!(write(&program, b"hos"), Poll::Ready(Ok(3))));
        assert!(program.poll_finished(&mut Context::from_waker(Waker::noop())).is_pending());
        allow.send(()).unwrap();
        assert_eq!(written.recv_timeout(Duration::from_secs(30)).unwrap(), b"hos");
        assert!(output.wait_written(Duration::from_secs(30)));
        assert!(program.poll_finished(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

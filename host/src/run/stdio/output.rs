//! Where a program's standard output or error goes.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::queue::{HOST_BYTES, PROGRAM_BYTES, Queue};
use super::text::{Marks, one_line};
use super::{process, stream};

/// Where a program's standard output or error goes. Cheap to clone; clones are one place, which several programs can share.
///
/// No program can block its thread by what it prints, and what is kept for a slow reader is bounded: at 64 KiB the
/// program's writes wait, and everything else on its thread goes on. Programs that run as workers (see
/// [`Workers`](crate::Workers)) do not wait: their lines are dropped, counted, and told of in the log.
///
/// # Examples
///
/// ```no_run
/// # async fn example(program: wasyncio_host::Program) -> wasyncio_host::Result<()> {
/// use std::sync::{Arc, Mutex};
/// use wasyncio_host::{Output, Runner};
///
/// let printed = Arc::new(Mutex::new(Vec::new()));
/// let keep = Arc::clone(&printed);
/// let stdout = Output::callback(move |bytes| keep.lock().unwrap().extend_from_slice(bytes));
/// Runner::new(&program).stdout(stdout).run().await?.into_result()?;
/// println!("it printed {} bytes", printed.lock().unwrap().len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Output {
    pub(super) target: Target,
    pub(super) marks: Option<Marks>,
}

#[derive(Clone)]
pub(super) enum Target {
    Nowhere,
    Queue(Queue),
    Callback(Arc<Mutex<OnBytes>>),
    Lines(Arc<OnLine>),
}

pub(super) type OnBytes = dyn FnMut(&[u8]) + Send;
pub(super) type OnLine = dyn Fn(OutputLine<'_>) + Send + Sync;

/// A line that a program printed. See [`Output::lines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputLine<'a> {
    /// The number of the worker that printed it, from 0 on, if the program runs in [`Workers`](crate::Workers).
    pub worker: Option<usize>,
    /// The line, without its end. It may be no UTF-8.
    pub bytes: &'a [u8],
}

impl Output {
    /// Nowhere: what is printed is lost. This is the default of programs.
    pub fn none() -> Self {
        Self::to(Target::Nowhere)
    }

    /// This process's standard output: byte for byte, unless it is a terminal. A terminal gets text, in which control
    /// characters other than tab and newline, and bytes that are no UTF-8, are escaped.
    ///
    /// If this process's standard output and error are one terminal or pipe, this and [`stderr`](Self::stderr) are one
    /// place.
    pub fn stdout() -> Self {
        Self::to(Target::Queue(process::stdout()))
    }

    /// This process's standard error, in the same way as [`stdout`](Self::stdout).
    pub fn stderr() -> Self {
        Self::to(Target::Queue(process::stderr()))
    }

    /// A writer, which may block: a thread of its own writes to it, until the last clone is gone and everything is
    /// written. Once the writer fails, the program's writes do.
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self::to(Target::Queue(Queue::start("output", writer, false)))
    }

    /// A function, called with the bytes as the program writes them, on the program's thread: it must not block.
    pub fn callback(callback: impl FnMut(&[u8]) + Send + 'static) -> Self {
        Self::to(Target::Callback(Arc::new(Mutex::new(callback))))
    }

    /// A function, called with each line, on the program's thread: it must not block. Lines of more than 16 KiB come as
    /// several, and one without an end when the program has ended.
    pub fn lines(callback: impl Fn(OutputLine<'_>) + Send + Sync + 'static) -> Self {
        Self::to(Target::Lines(Arc::new(callback)))
    }

    /// Puts `mark` before each line of programs that begins with `reserved`, in any case of letters and after any
    /// blanks, so that none is taken for one of [`print_line`](Self::print_line). What programs print becomes text, as on
    /// a terminal.
    ///
    /// Holds for what goes to this clone of a [`stdout`](Self::stdout), [`stderr`](Self::stderr) or
    /// [`writer`](Self::writer).
    #[must_use]
    pub fn marked(mut self, reserved: impl Into<String>, mark: impl Into<String>) -> Self {
        self.marks = Some(Marks { reserved: reserved.into(), mark: mark.into() });
        self
    }

    /// Prints a line of the caller's own, between lines of programs, with control characters escaped. Never blocks, and
    /// has 16 KiB of room that programs have not: false if that is full too, and the line is lost.
    ///
    /// A [`callback`](Self::callback) is not called for it, and neither is that of [`lines`](Self::lines).
    pub fn print_line(&self, line: &str) -> bool {
        self.print(line, PROGRAM_BYTES + HOST_BYTES)
    }

    /// As [`print_line`](Self::print_line), but only where a program would have room.
    pub fn print_program_line(&self, line: &str) -> bool {
        self.print(line, PROGRAM_BYTES)
    }

    fn print(&self, line: &str, limit: usize) -> bool {
        let Target::Queue(queue) = &self.target else {
            return true;
        };
        queue
            .put(limit, |place| {
                if !place.line_start {
                    place.bytes.push(b'\n');
                }
                place.bytes.extend_from_slice(one_line(line).as_bytes());
                place.bytes.push(b'\n');
            })
            .unwrap_or(false)
    }

    /// Whether both are one place.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (&self.target, &other.target) {
            (Target::Nowhere, Target::Nowhere) => true,
            (Target::Queue(one), Target::Queue(other)) => one.is(other),
            (Target::Callback(one), Target::Callback(other)) => Arc::ptr_eq(one, other),
            (Target::Lines(one), Target::Lines(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Blocks the thread until everything printed so far is written, or cannot be, but no longer than `limit`. Whether it
    /// is written. For the end of a process; a [`Runner`](crate::Runner) whose program ends waits by itself.
    pub fn wait_written(&self, limit: Duration) -> bool {
        match &self.target {
            Target::Queue(queue) => queue.wait_written(limit),
            _ => true,
        }
    }

    /// What one program prints goes through this.
    pub(crate) fn open(
        &self,
        name: &'static str,
        worker: Option<usize>,
        on_write: Option<stream::OnWrite>,
    ) -> stream::ProgramOutput {
        stream::ProgramOutput::new(self, name, worker, on_write)
    }

    fn to(target: Target) -> Self {
        Self { target, marks: None }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            Target::Nowhere => "nowhere",
            Target::Queue(_) => "a writer",
            Target::Callback(_) => "a callback",
            Target::Lines(_) => "lines",
        };
        f.debug_struct("Output").field("target", &target).field("marks", &self.marks).finish()
    }
}

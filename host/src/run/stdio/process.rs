//! This process's own standard output and error.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use super::queue::Queue;

/// Where standard output goes. If that is where standard error goes too, it is the same queue, so that lines of both keep
/// their order and stay whole.
pub(super) fn stdout() -> Queue {
    static STDOUT: OnceLock<Queue> = OnceLock::new();
    let start = || if same_file() { stderr() } else { start("stdout", own(io::stdout()), io::stdout().is_terminal()) };
    STDOUT.get_or_init(start).clone()
}

/// Where standard error goes.
pub(super) fn stderr() -> Queue {
    static STDERR: OnceLock<Queue> = OnceLock::new();
    STDERR.get_or_init(|| start("stderr", own(io::stderr()), io::stderr().is_terminal())).clone()
}

fn start(name: &str, writer: io::Result<Inherited>, terminal: bool) -> Queue {
    match writer {
        Ok(writer) => Queue::start(name, writer, terminal),
        // It is closed: as with any other program, what is printed is lost.
        Err(_) => Queue::start(name, io::sink(), false),
    }
}

/// A standard stream without the lock of the standard library's, which would be held as long as a write waits.
struct Inherited(File);

impl Write for Inherited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                // Whoever started this process made it non-blocking.
                #[cfg(unix)]
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    use rustix::event::{PollFd, PollFlags, poll};
                    match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn own(stream: impl std::os::fd::AsFd) -> io::Result<Inherited> {
    Ok(Inherited(stream.as_fd().try_clone_to_owned()?.into()))
}

#[cfg(windows)]
fn own(stream: impl std::os::windows::io::AsHandle) -> io::Result<Inherited> {
    Ok(Inherited(stream.as_handle().try_clone_to_owned()?.into()))
}

/// Whether both streams are one terminal, pipe, socket or file.
#[cfg(unix)]
fn same_file() -> bool {
    use std::os::unix::fs::MetadataExt;
    let file = |stream: io::Result<Inherited>| stream?.0.metadata().map(|of| (of.dev(), of.ino()));
    matches!((file(own(io::stdout())), file(own(io::stderr()))), (Ok(out), Ok(err)) if out == err)
}

#[cfg(not(unix))]
fn same_file() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

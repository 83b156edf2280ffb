//! Servers as processes.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bench_protocol::{Mode, SERVING};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::time::{sleep, timeout};

use crate::Result;
use crate::cores;
use crate::places::{Listen, Places};
use crate::subjects::{Subject, Transport};
use crate::tls::{Client, Identity};

/// How long a server may take until it listens. A component is compiled when it is first run.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it is looked whether a server does nothing: longer than the ticks that the system counts in.
const LOOK: Duration = Duration::from_millis(25);
/// How often.
const LOOKS: u32 = 10;

/// A running server; dropping it ends the process.
pub struct Server {
    process: Child,
    /// Kept, so that a server that prints more does not fail.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) reached: Reached,
    /// Where its Unix socket or its key is, if it has one.
    _folder: Option<TempDir>,
}

/// How a client comes to a server.
pub(crate) enum Reached {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Tls(Client),
}

impl Server {
    /// Starts the server of `subject` and waits until it listens. This thread is left on the load generator's core.
    ///
    /// # Errors
    /// If it cannot be started, or does not listen in time.
    pub async fn start(subject: Subject, mode: Mode, places: &Places) -> Result<Self> {
        Self::start_over(Transport::Tcp, subject, mode, places).await
    }

    /// The same, reached by any transport.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_over(transport: Transport, subject: Subject, mode: Mode, places: &Places) -> Result<Self> {
        let folder = if transport == Transport::Tcp { None } else { Some(tempfile::tempdir()?) };
        let (mut path, mut identity) = (None, None);
        let listen = match (transport, &folder) {
            (Transport::Unix, Some(folder)) => {
                Listen::Unix(path.insert(folder.path().join("x").display().to_string()).as_str())
            }
            (Transport::Tls, Some(folder)) => Listen::Tls(identity.insert(Identity::make(folder.path())?)),
            _ => Listen::Tcp,
        };
        let mut command =
            places.command(subject, mode, listen).map_err(|reason| format!("{subject} cannot be started: {reason}"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = cores::on_server_core(|| command.spawn())
            .map_err(|error| format!("{subject} cannot be started: {error}"))?;
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        let listening = timeout(START_LIMIT, output.read_line(&mut line)).await;
        listening.map_err(|_| format!("{subject} does not listen after {} s", START_LIMIT.as_secs()))??;
        let told = match &path {
            Some(path) => (line.trim_end().strip_prefix(SERVING) == Some(path)).then(|| Reached::Unix(path.into())),
            None => port_of(&line).map(|port| Reached::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))),
        };
        let reached = match (told, identity) {
            (Some(Reached::Tcp(address)), Some(identity)) => Reached::Tls(identity.client(address)?),
            (Some(reached), _) => reached,
            (None, _) => return Err(format!("{subject} does not say where it listens but {line:?}").into()),
        };
        Ok(Self { process, _output: output, reached, _folder: folder })
    }

    /// Where it listens, of one that is reached by TCP.
    ///
    /// # Panics
    /// Of any other.
    pub fn tcp(&self) -> SocketAddr {
        match &self.reached {
            Reached::Tcp(address) => *address,
            Reached::Unix(_) | Reached::Tls(_) => panic!("the server is not reached by TCP alone"),
        }
    }

    /// The resident memory of the process in bytes; none where the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()?)).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Waits until the process does nothing any more, for a quarter of a second at most: false if it still does. One that has many
    /// connections to end may take seconds. Where the system does not tell, it is taken at its word.
    pub(crate) async fn comes_to_rest(&self) -> bool {
        for _ in 0..LOOKS {
            let before = self.processor_time();
            sleep(LOOK).await;
            if self.processor_time() == before {
                return true;
            }
        }
        false
    }

    /// What the process has had of the processors, in ticks, which are some milliseconds.
    fn processor_time(&self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()?)).ok()?;
        // The name before may have anything in it; then 11 others, and the times of the program and of the kernel for it.
        let mut times = stat.rsplit(')').next()?.split_whitespace().skip(11).map(str::parse::<u64>);
        Some(times.next()?.ok()? + times.next()?.ok()?)
    }

    /// Ends the process and waits until it is gone, so that it does not run beside the next.
    pub async fn stop(mut self) {
        // It can only have ended by itself already.
        let _ = self.process.kill().await;
    }
}

/// The port in a line such as `Serving on 127.0.0.1:8888` or `Serving on ('127.0.0.1', 8888)`.
fn port_of(line: &str) -> Option<u16> {
    let address = line.trim_end().strip_prefix(SERVING)?.trim_end_matches(')');
    let digits = address.rfind(|character: char| !character.is_ascii_digit())? + 1;
    address[digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_found_in_either_form_of_an_address() {
        assert_eq!(port_of("Serving on 127.0.0.1:8888\n"), Some(8888));
        assert_eq!(port_of("Serving on ('127.0.0.1', 8888)\n"), Some(8888));
        assert_eq!(port_of("Listening on 127.0.0.1:8888\n"), None);
        assert_eq!(port_of(""), None);
    }
}

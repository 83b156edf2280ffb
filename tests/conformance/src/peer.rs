//! The peer of programs that run over real connections: does what they ask for, one command after the other.
//!
//! A program's process connects to the first port and sends commands there, a line each, which are answered by a line when they are
//! done. At the second port it makes the connections that its programs read from.
//!
//! ```text
//! accept             takes the connection that was made
//! send:6162:3        sends the bytes, so many times
//! eof, reset         ends the sending side; resets the connection
//! ping               does nothing
//! close              is done with the connection
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// How long a program may leave what was sent to it where it is.
const DEADLINE: Duration = Duration::from_secs(20);

/// A peer that waits for the process of one side, and for the next when that has ended. It goes when this is dropped.
pub(crate) struct Peer {
    commands: SocketAddr,
    connections: SocketAddr,
    is_gone: Arc<AtomicBool>,
}

impl Peer {
    /// Listens at two free ports.
    ///
    /// # Errors
    /// In words, if there are none.
    pub(crate) fn listen() -> Result<Self, String> {
        let failed = |error: io::Error| format!("the peer cannot listen: {error}");
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (commands, connections) = (listen().map_err(failed)?, listen().map_err(failed)?);
        // A connection is made before the peer is told of it.
        connections.set_nonblocking(true).map_err(failed)?;
        let is_gone = Arc::new(AtomicBool::new(false));
        let peer = Self {
            commands: commands.local_addr().map_err(failed)?,
            connections: connections.local_addr().map_err(failed)?,
            is_gone: is_gone.clone(),
        };
        thread::spawn(move || {
            for process in commands.incoming().flatten() {
                if is_gone.load(Ordering::Relaxed) {
                    break;
                }
                // What the process before has left.
                while connections.accept().is_ok() {}
                // A process that ends is noticed by its missing reports.
                let _ = serve(process, &connections);
            }
        });
        Ok(peer)
    }

    /// What a program's process is told.
    pub(crate) fn ports(&self) -> [String; 2] {
        [self.commands, self.connections].map(|address| address.port().to_string())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
        // Wakes the thread; if it does not wait there, its process is ended, and then it does.
        let _ = TcpStream::connect_timeout(&self.commands, DEADLINE);
    }
}

/// Does what one process asks for.
fn serve(process: TcpStream, connections: &TcpListener) -> io::Result<()> {
    process.set_nodelay(true)?;
    let mut answers = process.try_clone()?;
    let mut connection: Option<TcpStream> = None;
    for command in BufReader::new(process).lines() {
        let command = command?;
        let (name, fields) = command.split_once(':').unwrap_or((&command, ""));
        let done = match (name, &mut connection) {
            ("ping", _) => Ok(()),
            ("accept", connection) => accept(connections).map(|accepted| *connection = Some(accepted)),
            ("close", connection) => {
                *connection = None;
                Ok(())
            }
            ("send", Some(stream)) => send(stream, fields),
            ("eof", Some(stream)) => stream.shutdown(Shutdown::Write),
            ("reset", connection @ Some(_)) => reset(connection.take()),
            (_, None) => Err(io::Error::other("the connection is gone")),
            _ => Err(io::Error::other(format!("unknown command {command}"))),
        };
        let answer = done.map_or_else(|error| error.kind().to_string(), |()| "ok".to_owned());
        answers.write_all((answer + "\n").as_bytes())?;
    }
    Ok(())
}

fn accept(connections: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = connections.accept()?;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(DEADLINE))?;
    // Every chunk leaves when it is told to.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends `fields`: the bytes in hexadecimal digits, and how many times.
fn send(stream: &mut TcpStream, fields: &str) -> io::Result<()> {
    let parsed = fields.split_once(':').and_then(|(digits, times)| {
        let digits = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        Some(digits.collect::<Option<Vec<_>>>()?.repeat(times.parse().ok()?))
    });
    stream.write_all(&parsed.ok_or(io::ErrorKind::InvalidInput)?)
}

fn reset(connection: Option<TcpStream>) -> io::Result<()> {
    connection.map_or(Ok(()), |stream| SockRef::from(&stream).set_linger(Some(Duration::ZERO)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn connect(port: &str) -> TcpStream {
        let stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().expect("a port"))).expect("the peer listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
        stream
    }

    #[test]
    fn commands_are_done_when_they_are_answered() {
        let peer = Peer::listen().expect("ports are free");
        let [commands, connections] = peer.ports();
        let mut commands = connect(&commands);
        let mut answers = BufReader::new(commands.try_clone().expect("it is open"));
        let mut ask = |command: &str| {
            commands.write_all(format!("{command}\n").as_bytes()).expect("the peer reads");
            let mut answer = String::new();
            answers.read_line(&mut answer).expect("the peer answers");
            answer
        };
        assert_eq!(ask("send:61:1"), "other error\n");
        let mut stream = connect(&connections);
        assert_eq!(ask("accept"), "ok\n");
        assert_eq!(ask("send:6162:3"), "ok\n");
        assert_eq!(ask("send:6x:1"), "invalid input parameter\n");
        assert_eq!(ask("eof"), "ok\n");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).expect("the peer ended its side");
        assert_eq!(received, b"ababab");
        assert_eq!(ask("close"), "ok\n");

        let mut stream = connect(&connections);
        assert_eq!((ask("accept"), ask("reset")), ("ok\n".to_owned(), "ok\n".to_owned()));
        assert_eq!(stream.read(&mut [0]).expect_err("it was reset").kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(ask("ping"), "ok\n");
    }
}

//! What the benchmark's servers and its load generator agree on.
//!
//! A server is started with the arguments `HOST:PORT MODE` or `PATH MODE`, where a path has a `/` in it, or `HOST:PORT MODE IDENTITY` to
//! serve by TLS. It prints [`SERVING`] and its address on a line of its own once it listens, and serves until it is killed.
//! `benches/peers/asyncio_server.py` is the same in Python, but for the order of its arguments.

use std::net::SocketAddr;
use std::str::FromStr;

/// What comes before the address in the line that a server prints.
pub const SERVING: &str = "Serving on ";

/// What [`pattern`] repeats after: a prime, so that no buffer size hides a mix-up.
const PERIOD: u64 = 251;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sends every line back: `readline`, `write`, `drain`.
    Echo,
    /// Reads a line with a number and so many bytes after it by `read(65536)`, checks these with [`Received`] and answers with its
    /// report. The number tells the end: with TLS, CPython says nothing any more to a peer that has ended its side.
    Sink,
}

impl Mode {
    /// As an argument of the server.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Sink => "sink",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let modes = [Self::Echo, Self::Sink];
        modes
            .into_iter()
            .find(|mode| mode.argument() == text)
            .ok_or_else(|| format!("'{text}' is no mode: echo or sink"))
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// By TCP.
    Tcp(SocketAddr),
    /// On a Unix socket at this path.
    Unix(String),
    /// By TLS over TCP, with this identity: its name in the sandbox, `CERT.pem,KEY.pem` elsewhere.
    Tls(SocketAddr, String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Ok(Self::Unix(text.to_owned()));
        }
        text.parse().map(Self::Tcp).map_err(|_| format!("'{text}' is no address"))
    }
}

/// Reads a server's arguments.
///
/// # Errors
/// In words, with what was expected.
pub fn parse(arguments: &[impl AsRef<str>]) -> Result<(Address, Mode), String> {
    let (address, mode, identity) = match arguments {
        [address, mode] => (address, mode, None),
        [address, mode, identity] => (address, mode, Some(identity)),
        _ => return Err("the arguments are HOST:PORT or PATH, echo or sink, and for TLS an identity".to_owned()),
    };
    let address = match (address.as_ref().parse()?, identity) {
        (Address::Tcp(address), Some(identity)) => Address::Tls(address, identity.as_ref().to_owned()),
        (_, Some(_)) => return Err("TLS is over TCP".to_owned()),
        (address, None) => address,
    };
    Ok((address, mode.as_ref().parse()?))
}

/// The byte at `position` of what is streamed to a sink.
pub fn pattern(position: u64) -> u8 {
    u8::try_from(position % PERIOD).expect("it is below 251")
}

/// A block of at least `size` bytes that can be sent again and again: the [`pattern`] goes on where it ends.
pub fn pattern_block(size: usize) -> Vec<u8> {
    let size = (size as u64).next_multiple_of(PERIOD);
    (0..size).map(pattern).collect()
}

/// The line that a sink is told by how much comes.
pub fn announcement(bytes: u64) -> String {
    format!("{bytes}\n")
}

/// What a sink knows of what it received.
///
/// It looks at both ends of every piece, which tells lost, doubled and mixed up data at no cost worth measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    bytes: u64,
    announced: u64,
    intact: bool,
}

impl Received {
    /// Of a peer that begins with this line. If it is no [`announcement`], nothing is expected.
    pub fn announced(line: &[u8]) -> Self {
        let announced = std::str::from_utf8(line).ok().and_then(|line| line.trim_end().parse().ok());
        Self { bytes: 0, announced: announced.unwrap_or(0), intact: announced.is_some() }
    }

    /// Whether more is to come.
    pub fn wants_more(&self) -> bool {
        self.bytes < self.announced
    }

    /// Takes the next piece, which is not empty.
    pub fn take(&mut self, data: &[u8]) {
        let Some(last) = data.len().checked_sub(1) else { return };
        self.intact &= data[0] == pattern(self.bytes) && data[last] == pattern(self.bytes + last as u64);
        self.bytes += data.len() as u64;
    }

    /// The line that a sink answers with.
    pub fn report(self) -> String {
        format!("{} {}\n", self.bytes, if self.intact { "intact" } else { "damaged" })
    }

    /// The report after `bytes` bytes when all is well.
    pub fn expected(bytes: u64) -> String {
        Self { bytes, announced: bytes, intact: true }.report()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_block_is_intact_in_any_pieces() {
        let stream = pattern_block(1000).repeat(3);
        for size in [1, 7, 250, 251, 252, 4096] {
            let mut received = Received::announced(announcement(stream.len() as u64).as_bytes());
            stream.chunks(size).for_each(|piece| {
                assert!(received.wants_more());
                received.take(piece);
            });
            assert!(!received.wants_more());
            assert_eq!(received.report(), Received::expected(stream.len() as u64), "pieces of {size}");
        }
    }

    #[test]
    fn lost_piece_is_noticed() {
        let stream = pattern_block(1000);
        let mut received = Received::announced(announcement(stream.len() as u64).as_bytes());
        received.take(&stream[..100]);
        received.take(&stream[101..]);
        assert_eq!(received.report(), format!("{} damaged\n", stream.len() - 1));
    }

    #[test]
    fn what_is_no_announcement_is_damage() {
        assert_eq!(Received::announced(b"one\n").report(), "0 damaged\n");
        assert!(!Received::announced(b"").wants_more());
    }

    #[test]
    fn arguments_are_address_and_mode() {
        let tcp = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(parse(&["127.0.0.1:80", "sink"]), Ok((tcp, Mode::Sink)));
        assert_eq!(parse(&["/run/x", "echo"]), Ok((Address::Unix("/run/x".to_owned()), Mode::Echo)));
        let tls = Address::Tls(SocketAddr::from(([127, 0, 0, 1], 80)), "web".to_owned());
        assert_eq!(parse(&["127.0.0.1:80", "echo", "web"]), Ok((tls, Mode::Echo)));
        assert_eq!(parse(&["/run/x", "echo", "web"]), Err("TLS is over TCP".to_owned()));
        assert_eq!(parse(&["127.0.0.1:80", "both"]), Err("'both' is no mode: echo or sink".to_owned()));
        assert_eq!(parse(&["localhost:80", "echo"]), Err("'localhost:80' is no address".to_owned()));
        assert!(parse(&["127.0.0.1:80"]).is_err());
    }
}

//! How much of what a program sent its peer has taken, as far as the system tells.

use std::sync::atomic::{AtomicU64, Ordering};

use super::stream::Stream;

/// What was on its way when it was looked at last. Only one thread at a time looks.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Of a Unix socket: the memory that was waiting for the peer, and what was set free in all between two looks.
    waiting: AtomicU64,
    freed: AtomicU64,
}

impl Unsent {
    /// A number that grows with what the peer takes, given that the system took `sent` bytes of the program.
    ///
    /// Of TCP, those that the peer's system has acknowledged. Of a Unix socket the system tells no bytes, but the memory that
    /// they wait in, which has more for each write and is free when all of that was read. So that is a measure only of what goes
    /// away between two looks, to which comes what was sent meanwhile: as that had room, as much was taken, or there was room at
    /// the last look. It is too high for small writes; nothing is counted for a peer that takes nothing while nothing can be sent.
    pub(super) fn taken(&self, sent: u64, stream: &Stream) -> u64 {
        let waiting = waiting(stream);
        match stream {
            Stream::Tcp(_) => sent.saturating_sub(waiting),
            #[cfg(unix)]
            Stream::Unix(_) => {
                let before = self.waiting.swap(waiting, Ordering::Relaxed);
                let freed = before.saturating_sub(waiting);
                sent.saturating_add(self.freed.fetch_add(freed, Ordering::Relaxed)).saturating_add(freed)
            }
        }
    }
}

/// How many bytes the system has taken and the peer has not; of a Unix socket, how much memory they need. 0 where that is not
/// told.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
#[expect(unsafe_code, reason = "there is no safe call for it")]
fn waiting(stream: &Stream) -> u64 {
    use std::os::fd::AsFd;

    use rustix::ioctl::{Getter, Opcode, ioctl};

    /// `SIOCOUTQ`, which Linux calls `TIOCOUTQ` where it is of terminals. It is this on these architectures.
    const SIOCOUTQ: Opcode = 0x5411;

    let socket = stream.socket();
    // SAFETY: of a TCP or Unix socket this request writes one `int`, which is the getter's output, and does nothing else (tcp(7);
    // `unix_ioctl` of Linux).
    let waiting = unsafe { ioctl(socket.as_fd(), Getter::<SIOCOUTQ, std::ffi::c_int>::new()) };
    // It fails once the socket is not connected any more: then nothing is on its way.
    waiting.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
fn waiting(_: &Stream) -> u64 {
    0
}

#[cfg(test)]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod tests {
    use std::io::{ErrorKind, Read};
    use std::os::unix::net::UnixStream as Peer;
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream, UnixStream};

    use super::*;

    /// Sends pieces of so many bytes until the system takes no more.
    fn fill(stream: &Stream, piece: usize) -> u64 {
        let mut sent = 0;
        loop {
            match stream.try_write(&vec![0; piece]) {
                Ok(count) => sent += count as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn what_a_peer_does_not_take_is_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        client.writable().await.unwrap();
        let client = Stream::Tcp(client);
        assert_eq!(waiting(&client), 0);
        let sent = fill(&client, 65536);
        let before = waiting(&client);
        assert!(before > 0 && before <= sent, "{before} of {sent}");
        let mut taken = 0;
        let mut room = vec![0; 1 << 20];
        while taken < sent {
            peer.readable().await.unwrap();
            match peer.try_read(&mut room) {
                Ok(count) => taken += count as u64,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert!(waiting(&client) < before);
        assert!(Unsent::default().taken(sent, &client) > sent - before);
    }

    /// A Unix socket that takes no more at once, and its peer.
    async fn full(piece: usize) -> (Stream, Peer, u64) {
        let (client, peer) = Peer::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let client = UnixStream::from_std(client).unwrap();
        client.writable().await.unwrap();
        let client = Stream::Unix(client);
        let sent = fill(&client, piece);
        (client, peer, sent)
    }

    #[tokio::test]
    async fn what_a_unix_peer_takes_is_noticed_before_there_is_room() {
        for piece in [1, 1000, 65536] {
            let (client, mut peer, sent) = full(piece).await;
            let unsent = Unsent::default();
            let before = unsent.taken(sent, &client);
            assert_eq!(unsent.taken(sent, &client), before, "nothing was taken");
            let mut room = vec![0; 40_000];
            let read = if piece == 1 { peer.read(&mut room[..100]).unwrap() } else { peer.read(&mut room).unwrap() };
            let after = unsent.taken(sent, &client);
            assert!(after >= before + read as u64 * 9 / 10, "{read} of {sent} in pieces of {piece}: {before}, {after}");
            assert_eq!(unsent.taken(sent, &client), after);
        }
    }

    #[tokio::test]
    async fn what_is_sent_into_room_counts_once() {
        let (client, mut peer, sent) = full(1000).await;
        let unsent = Unsent::default();
        let before = unsent.taken(sent, &client);
        let mut room = vec![0; usize::try_from(sent).unwrap()];
        peer.read_exact(&mut room).unwrap();
        // What tokio knows is that there was no room.
        std::future::poll_fn(|context| client.poll_write_ready(context)).await.unwrap();
        let more = fill(&client, 1000);
        // As much memory waits as before, up to that of a write or two.
        let after = unsent.taken(sent + more, &client);
        assert!(more > 20_000 && after <= before + more + 5000, "{before}, {after} with {more} more");
    }
}

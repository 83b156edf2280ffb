//! How much of what a program sent is still on its way.

use tokio::net::TcpStream;

/// How many bytes the system has taken and the peer's system has not acknowledged. 0 where that is not told.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
#[expect(unsafe_code, reason = "there is no safe call for it")]
pub(super) fn unsent(stream: &TcpStream) -> u64 {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    /// `SIOCOUTQ`, which Linux calls `TIOCOUTQ` where it is of terminals. It is this on these architectures.
    const SIOCOUTQ: Opcode = 0x5411;

    // SAFETY: of a TCP socket this request writes one `int`, which is the getter's output, and does nothing else (tcp(7)).
    let unsent = unsafe { ioctl(stream, Getter::<SIOCOUTQ, std::ffi::c_int>::new()) };
    // It fails once the socket is not connected any more: then nothing is on its way.
    unsent.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
pub(super) fn unsent(_: &TcpStream) -> u64 {
    0
}

#[cfg(test)]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_a_peer_does_not_take_is_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        assert_eq!(unsent(&client), 0);
        let mut sent = 0;
        loop {
            client.writable().await.unwrap();
            match client.try_write(&[0; 65536]) {
                Ok(count) => sent += count as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        let before = unsent(&client);
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
        assert!(unsent(&client) < before);
    }
}

//! Many clients of an echo at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::connect;

/// Two hundred connections which send lines of their own, round by round, everybody before anybody reads. They get them back, with nothing of
/// the others. Lines have up to `repeated` times the few words of a client and a round. The connections are still open then.
///
/// # Panics
/// If one gets anything else.
pub fn each_gets_its_own_data(address: SocketAddr, rounds: usize, repeated: usize) -> Vec<TcpStream> {
    let mut clients: Vec<_> = (0..200).map(|_| connect(address)).collect();
    let line = |client: usize, round: usize| {
        let mut line = format!("{client} {round} ").into_bytes().repeat(1 + (client * 7 + round) % repeated);
        line.push(b'\n');
        line
    };
    for round in 0..rounds {
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&line(number, round)).expect("the server reads");
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let expected = line(number, round);
            let mut back = vec![0; expected.len()];
            client.read_exact(&mut back).expect("the server answers");
            assert_eq!(back, expected, "connection {number}, round {round}");
        }
    }
    clients
}

//! The sandboxed echo server, seen by its peers.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use wasyncio_tests::{Running, connect, each_gets_its_own_data, example, run_python, spawn, stock_wasmtime};

fn echo_server() -> (Running, SocketAddr) {
    let mut server = wasyncio_tests::echo_server(&[]);
    let address = server.address();
    (server, address)
}

/// Sends a line and expects it back.
fn echo(stream: &mut TcpStream, line: &[u8]) {
    stream.write_all(line).expect("the server reads");
    let mut back = vec![0; line.len()];
    stream.read_exact(&mut back).expect("the server answers");
    assert_eq!(back, line);
}

fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the server ends the stream");
    rest
}

#[test]
fn a_plain_socket_client_gets_its_lines_back() {
    let (mut server, address) = echo_server();
    let mut client = connect(address);
    echo(&mut client, b"hello\n");
    echo(&mut client, b"\n");
    echo(&mut client, &[&[0xff; 40_000][..], b"\n"].concat());
    client.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(rest_of(&mut client), b"");
    server.line_with("closed after 40008 bytes");
}

#[test]
fn pythons_asyncio_client_gets_its_lines_back() {
    let (_server, address) = echo_server();
    let script = "
import asyncio, sys

async def main():
    reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    for n in range(100):
        line = b'line %d\\n' % n
        writer.write(line)
        await writer.drain()
        assert await reader.readline() == line
    writer.write(b'no end')
    writer.write_eof()
    assert await reader.read() == b'no end'
    writer.close()
    await writer.wait_closed()
    print('echoed')

asyncio.run(asyncio.wait_for(main(), 20))
";
    if let Some(printed) = run_python(script, &[address.ip().to_string(), address.port().to_string()]) {
        assert_eq!(printed, "echoed\n");
    }
}

#[test]
fn two_hundred_connections_at_once_each_get_their_own_data() {
    let (_server, address) = echo_server();
    each_gets_its_own_data(address, 20, 50);
}

#[test]
fn a_line_in_single_bytes_comes_back_whole() {
    let (_server, address) = echo_server();
    let mut client = connect(address);
    let line = b"one byte at a time\n";
    for byte in line {
        client.write_all(&[*byte]).expect("the server reads");
    }
    let mut back = String::new();
    BufReader::new(&client).read_line(&mut back).expect("the server answers");
    assert_eq!(back.as_bytes(), line);
}

/// Short lines cross between the components in lists, many at once, and long ones in streams; the connection has both mixed.
#[test]
fn lines_of_every_length_come_back_in_order() {
    let (_server, address) = echo_server();
    let mut client = connect(address);
    let lengths = [0, 1, 255, 256, 257, 4095, 8190, 8191, 8192, 8193, 16_384, 32_768, 60_000, 65_535];
    let lines: Vec<Vec<u8>> = (0..lengths.len() * 20)
        .map(|at| {
            let length = lengths[at * (1 + at / lengths.len()) % lengths.len()];
            let mut line = vec![b'a' + (at % 26) as u8; length];
            line.push(b'\n');
            line
        })
        .collect();
    let sent = lines.concat();
    let mut sender = client.try_clone().expect("a socket can be shared");
    let expected = sent.clone();
    let sending = thread::spawn(move || {
        // In pieces that have nothing to do with where the lines end.
        for piece in sent.chunks(70_001) {
            sender.write_all(piece).expect("the server reads");
        }
        sender.shutdown(Shutdown::Write).expect("the connection is open");
    });
    assert!(rest_of(&mut client) == expected, "the bytes are those that were sent");
    sending.join().expect("all was sent");
    let mut client = connect(address);
    for line in &lines {
        echo(&mut client, line);
    }
}

#[test]
fn a_client_that_half_closes_still_gets_its_answer() {
    let (_server, address) = echo_server();
    let mut client = connect(address);
    client.write_all(b"first\nsecond without an end").expect("the server reads");
    client.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(rest_of(&mut client), b"first\nsecond without an end");
}

#[test]
fn a_client_that_resets_leaves_the_others_unharmed() {
    let (mut server, address) = echo_server();
    let mut other = connect(address);
    echo(&mut other, b"before\n");
    let mut resetting = connect(address);
    let port = resetting.local_addr().expect("connected").port();
    echo(&mut resetting, b"hello\n");
    SockRef::from(&resetting).set_linger(Some(Duration::ZERO)).expect("the socket is open");
    drop(resetting);
    server.line_with(&format!("('127.0.0.1', {port}) failed: Connection reset by peer"));
    echo(&mut other, b"after\n");
}

#[test]
fn a_line_over_the_limit_ends_its_connection_and_no_other() {
    let (mut server, address) = echo_server();
    let mut other = connect(address);
    echo(&mut other, b"before\n");
    let mut long = connect(address);
    // The server may close while this is still being written, and then resets.
    let _ = long.write_all(&vec![b'x'; 200_000]);
    server.line_with("failed: Separator is not found, and chunk exceed the limit");
    let mut end = [0; 1];
    match long.read(&mut end) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        unexpected => panic!("neither an end nor a reset: {unexpected:?}"),
    }
    echo(&mut other, b"after\n");
}

#[test]
fn data_written_just_before_close_all_arrives() {
    let (_server, address) = echo_server();
    let client = connect(address);
    // 8 MiB in lines, all answers unread until the end: the server's last ones are written and closed upon while the
    // client's receive window is full.
    let sent: Vec<u8> = (0..131_072u32).flat_map(|n| format!("{n:063}\n").into_bytes()).collect();
    let mut writing = client.try_clone().expect("a descriptor is free");
    let to_send = sent.clone();
    let writer = thread::spawn(move || {
        writing.write_all(&to_send).expect("the server reads");
        writing.shutdown(Shutdown::Write).expect("the connection is open");
    });
    let mut back = Vec::new();
    (&client).read_to_end(&mut back).expect("the server ends the stream");
    writer.join().expect("everything was sent");
    assert!(back == sent, "{} of {} bytes came back", back.len(), sent.len());
}

#[test]
fn many_small_answers_do_not_wait_for_acknowledgements() {
    let (_server, address) = echo_server();
    let mut client = connect(address);
    let lines: Vec<u8> = (0..32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let started = Instant::now();
    let rounds = 50;
    for _ in 0..rounds {
        echo(&mut client, &lines);
    }
    // With every answer in a segment of its own, Nagle's algorithm and delayed acknowledgements cost 40 ms a round.
    let round = started.elapsed() / rounds;
    assert!(round < Duration::from_millis(20), "{round:?} a round");
}

#[test]
fn the_stock_wasmtime_command_runs_the_composed_server() {
    let Some(wasmtime) = stock_wasmtime() else { return };
    let mut server = spawn(
        Command::new(wasmtime)
            .args(["run", "-W", "component-model-async=y", "-S", "p3,inherit-network,tcp"])
            .arg(example("echo-server"))
            .arg("127.0.0.1:0"),
    );
    let mut client = connect(server.address());
    echo(&mut client, b"hello, stock runtime\n");
    echo(&mut client, &[&[b'x'; 40_000][..], b"\n"].concat());
    client.shutdown(Shutdown::Write).expect("the connection is open");
    assert_eq!(rest_of(&mut client), b"");
}

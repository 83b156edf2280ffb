//! The rows that the scenarios do not compare with CPython. Every case runs in the sandbox; here is the network around it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use wasyncio_tests::{DEADLINE, Running, command, connect, dist, finish, finish_within, spawn};

/// A case in one of the programs that have it.
#[derive(Clone, Copy)]
struct Case {
    program: &'static str,
    name: &'static str,
}

/// A program, with every grant that a case needs.
fn program(name: &str) -> Command {
    let mut rows = Command::new(command());
    rows.arg("run").arg(dist(&format!("tests/{name}.wasm")));
    for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "[::1]"] {
        rows.args(["--allow-connect", &format!("{host}:*")]);
    }
    for host in ["127.0.0.1", "[::1]"] {
        rows.args(["--allow-source", host]);
    }
    for host in ["127.0.0.1", "127.0.0.3", "[::1]", "0.0.0.0", "[::]"] {
        rows.args(["--allow-listen", &format!("{host}:*")]);
    }
    for (name, addresses) in [
        ("refusing.test", "127.0.0.2,127.0.0.3"),
        ("silent.test", "127.0.0.4,127.0.0.3"),
        ("both.test", "::1,127.0.0.2,127.0.0.3"),
        ("mixed.test", "127.0.0.2,127.0.0.3,::1"),
        ("failing.test", "127.0.0.2,127.0.0.5"),
    ] {
        rows.args(["--allow-connect", &format!("{name}:*"), "--resolve", &format!("{name}={addresses}")]);
    }
    rows.arg("--");
    rows
}

fn run(case: Case) -> Command {
    let mut run = program(case.program);
    run.arg(case.name);
    run
}

fn passes(case: Case, port: u16) {
    passes_within(DEADLINE, case, port);
}

fn passes_within(limit: Duration, case: Case, port: u16) {
    let finished = finish_within(limit, run(case).arg(port.to_string()));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
}

fn in_network(case: Case) {
    let network = Network::new();
    passes(case, network.port);
}

/// Addresses on one port: 127.0.0.3 and ::1 accept, 127.0.0.4 never answers, 127.0.0.2 and 127.0.0.5 refuse.
struct Network {
    port: u16,
    _accepting: [TcpListener; 2],
    _silent: (Socket, Vec<Socket>),
}

impl Network {
    fn new() -> Self {
        // A port that is free on one address may be taken on another; then another is tried.
        (0..100).find_map(|_| Self::try_new()).expect("some port is free on all addresses")
    }

    fn try_new() -> Option<Self> {
        let first = TcpListener::bind("127.0.0.3:0").ok()?;
        let port = first.local_addr().ok()?.port();
        let second = TcpListener::bind(("::1", port)).ok()?;
        // Nobody may listen there: it is free, and is left so.
        for refusing in ["127.0.0.2", "127.0.0.5"] {
            drop(TcpListener::bind((refusing, port)).ok()?);
        }
        Some(Self { port, _accepting: [first, second], _silent: silent(port)? })
    }
}

/// A listener whose queue is full: the kernel drops what asks to connect.
fn silent(port: u16) -> Option<(Socket, Vec<Socket>)> {
    let address: SockAddr = SocketAddr::new(IpAddr::from([127, 0, 0, 4]), port).into();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    listener.bind(&address).ok()?;
    listener.listen(0).ok()?;
    let fillers: Vec<_> = (0..8)
        .map(|_| {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor is free");
            filler.set_nonblocking(true).expect("a socket");
            // In progress, or done: either way it takes a place.
            let _ = filler.connect(&address);
            filler
        })
        .collect();
    Some((listener, fillers))
}

/// A case with a peer on 127.0.0.1.
fn with_peer(case: Case, peer: impl FnOnce(TcpStream, &mut Running)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let mut running = spawn(run(case).arg(port.to_string()));
    let (stream, _) = listener.accept().expect("the program connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    peer(stream, &mut running);
}

/// How many descriptors a process has.
fn descriptors(running: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", running.id())).expect("the process runs").count()
}

/// A case that opens and drops much between the lines `begin` and `end`: it must have as few descriptors after as before.
fn leaves_no_descriptors(case: Case) {
    let network = Network::new();
    let mut running = spawn(run(case).arg(network.port.to_string()));
    running.line_with("begin");
    let before = descriptors(&running);
    running.line_with("end");
    let end = Instant::now() + DEADLINE;
    // What was closed last may take the host a moment.
    while descriptors(&running) > before + 4 {
        assert!(Instant::now() < end, "{before} descriptors before, {} after", descriptors(&running));
        std::thread::yield_now();
    }
}

/// The timer of the established connections on a local port, as `/proc/net/tcp` has it: 2 is the keep-alive timer of an idle one.
fn timers(port: u16) -> Vec<String> {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has the table");
    let local = format!(":{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 5 && row[1].ends_with(&local) && row[3] == "01")
        .map(|row| row[5][..2].into())
        .collect()
}

/// Waits until the server's end of a connection has the keep-alive timer.
fn keeps_alive(case: Case) {
    let mut running = spawn(&mut run(case));
    let address = running.address();
    let _client = connect(address);
    let end = Instant::now() + DEADLINE;
    while timers(address.port()) != ["02"] {
        assert!(Instant::now() < end, "{:?}", timers(address.port()));
        std::thread::yield_now();
    }
}

/// The cases of a program, each a test of its own, in every program that has them.
macro_rules! cases {
    ($($program:ident $file:literal),+; $cases:tt) => {
        $(cases!(@one $program $file $cases);)+
    };
    (@one $program:ident $file:literal { $($name:ident => $run:expr;)+ }) => {
        mod $program {
            use super::*;

            $(
                #[test]
                fn $name() {
                    let run: fn(Case) = $run;
                    run(Case { program: $file, name: stringify!($name) });
                }
            )+

            #[test]
            fn every_case_is_run() {
                let mut here = vec![$(stringify!($name)),+];
                here.sort_unstable();
                let listed = finish(program($file).arg("list")).stdout;
                let mut listed: Vec<_> = listed.lines().collect();
                listed.sort_unstable();
                assert_eq!(listed, here);
            }
        }
    };
}

cases! { composed "rows", linked "rows-linked"; {
    a_local_address_without_a_host_is_this_machine => |case| passes(case, 0);
    the_next_address_is_tried_when_one_refuses => in_network;
    a_silent_address_is_overtaken => in_network;
    families_are_raced => in_network;
    all_failures_are_told => in_network;
    unsupported_options_are_named => in_network;
    unresolved_and_denied_names_are_told_apart => in_network;
    the_losers_of_a_race_are_closed => leaves_no_descriptors;
    a_cancelled_connect_leaves_nothing => leaves_no_descriptors;
    several_separators_shortest_match_wins => |case| passes(case, 0);
    a_transport_writes_and_tells_of_its_socket => |case| passes(case, 0);
    lines_are_iterated => |case| passes(case, 0);
    a_fed_reader_pauses_its_transport => |case| passes(case, 0);
    a_protocol_feeds_its_reader => |case| passes(case, 0);
    reads_of_many_connections_that_are_given_up_lose_nothing => |case| passes(case, 0);
    fed_readers_wake_who_waits_without_any_connection => |case| passes(case, 0);
    a_pair_is_made_from_streams => |case| passes(case, 0);
    a_dropped_writer_closes => |case| passes(case, 0);
    a_dropped_reader_leaves_the_writer => |case| passes(case, 0);
    more_than_one_stream_operation_takes_is_written_and_read_at_once => |case| passes(case, 0);
    both_directions_at_once => |case| passes(case, 0);
    bytes_leave_while_something_else_is_awaited => |case| with_peer(case, |mut stream, _| {
        let started = Instant::now();
        let mut received = [0; 19];
        stream.read_exact(&mut received).expect("the bytes leave");
        assert_eq!(&received, b"no drain was needed");
        // The program waits for 25 seconds.
        assert!(started.elapsed() < Duration::from_secs(15));
    });
    header_and_body_leave_together => |case| with_peer(case, |mut stream, _| {
        let started = Instant::now();
        let mut lines = BufReader::new(stream.try_clone().expect("a descriptor is free")).lines();
        while let Some(Ok(header)) = lines.next() {
            assert_eq!(header, "header");
            assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("body"));
            stream.write_all(b"ok\n").expect("the program reads");
        }
        let round = started.elapsed() / 50;
        assert!(round < Duration::from_millis(20), "{round:?} a round trip");
    });
    several_hosts_and_families => |case| passes(case, 0);
    keep_alive_reaches_the_connections => keeps_alive;
    every_interface_without_a_host => |case| passes(case, 0);
    a_bound_socket_is_served => |case| passes(case, 0);
    clients_are_closed => |case| passes(case, 0);
    clients_are_aborted => |case| passes(case, 0);
    a_cancelled_accept_loses_no_connection => |case| passes(case, 0);
    close_ends_every_waiting_accept => |case| passes(case, 0);
    two_hundred_cancelled_reads_leave_nothing => leaves_no_descriptors;
} }

cases! { plain "boundary"; {
    every_error_comes_back_as_it_was_stored => |case| passes(case, 0);
    numbers_reach_their_ends => |case| passes(case, 0);
    a_delay_is_any_number_that_is_not_negative => |case| passes(case, 0);
    a_million_calls_that_answer_at_once_leave_nothing => |case| passes_within(6 * DEADLINE, case, 0);
} }

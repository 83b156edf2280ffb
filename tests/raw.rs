//! The interface `raw` by itself, and calls of every kind that are cancelled: `tests/guests/raw` runs the cases in the sandbox,
//! and the peers that they need are played here.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use wasyncio_tests::{DEADLINE, Running, command, connect, dist, finish, spawn};

fn program() -> Command {
    let mut program = Command::new(command());
    program.arg("run").arg(dist("tests/raw.wasm"));
    program.args(["--allow-connect", "127.0.0.1:*", "--allow-listen", "127.0.0.1:*", "--"]);
    program
}

/// A case that plays its own peers.
fn passes(case: &str) {
    let finished = finish(program().arg(case));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
}

/// A case with peers of the test, which are given with the program.
fn with_peers(case: &str, arguments: &[&str], peers: impl FnOnce(&mut Running)) {
    let mut running = spawn(program().arg(case).args(arguments));
    peers(&mut running);
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{case} ended with {status}: {printed}");
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the socket is open");
}

/// Peers that reset, one after the other, once the program has printed `begun`.
fn reset_each(case: &str, first: &[u8]) {
    const PEERS: usize = 5;
    with_peers(case, &[&PEERS.to_string()], |running| {
        let address = running.address();
        for peer in 1..=PEERS {
            let mut stream = connect(address);
            stream.write_all(first).expect("the program receives");
            running.lines_with("begun", peer);
            reset(stream);
        }
    });
}

/// How many descriptors a process has.
fn descriptors(running: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", running.id())).expect("the process runs").count()
}

/// A case that begins and cancels much between the lines `begin` and `end`: it must have as few descriptors after as before.
fn leaves_no_descriptors(case: &str) {
    let mut running = spawn(program().arg(case));
    running.line_with("begin");
    let before = descriptors(&running);
    running.line_with("end");
    let end = Instant::now() + DEADLINE;
    // What was closed last may take the host a moment.
    while descriptors(&running) > before + 4 {
        assert!(Instant::now() < end, "{before} descriptors before, {} after", descriptors(&running));
        thread::yield_now();
    }
}

/// The cases, each a test of its own.
macro_rules! cases {
    ($($name:ident => $run:expr;)+) => {
        $(
            #[test]
            fn $name() {
                let run: fn(&str) = $run;
                run(stringify!($name));
            }
        )+

        #[test]
        fn every_case_is_run() {
            let mut here = vec![$(stringify!($name)),+];
            here.sort_unstable();
            let listed = finish(program().arg("list")).stdout;
            let mut listed: Vec<_> = listed.lines().collect();
            listed.sort_unstable();
            assert_eq!(listed, here);
        }
    };
}

cases! {
    accept_gives_all_that_wait => |case| with_peers(case, &["90"], |running| {
        let address = running.address();
        let mut first = connect(address);
        running.line_with("begun");
        // The system has them all in the queue of the listening socket.
        let others: Vec<_> = (0..90).map(|_| connect(address)).collect();
        first.write_all(b"they wait\n").expect("the program receives");
        for mut stream in others {
            let mut served = [0; 6];
            stream.read_exact(&mut served).expect("the program serves everybody");
            assert_eq!(&served, b"served");
        }
    });
    accept_starts_to_listen => passes;
    close_ends_a_waiting_accept => passes;
    a_cancelled_accept_loses_no_connection => passes;
    an_answer_that_came_and_was_dropped_closes_its_connections => passes;
    a_list_that_is_dropped_closes_its_connections => passes;
    both_accepts_go_together => passes;
    bytes_go_both_ways => passes;
    a_connection_is_opened_once => passes;
    the_peer_ends_its_sending_side_first => passes;
    the_program_ends_its_sending_side_first => passes;
    a_side_that_sent_nothing_is_ended => passes;
    a_reset_is_told => |case| reset_each(case, b"begin\n");
    a_reset_while_sending_is_told => |case| reset_each(case, b"");
    dropping_an_unopened_connection_closes_it => passes;
    dropping_both_directions_closes => passes;
    extra_info_is_known_before_and_after_the_end => passes;
    a_connection_is_taken => passes;
    what_was_read_ahead_comes_first => passes;
    a_read_in_flight_loses_nothing => passes;
    reader_and_writer_of_two_connections_are_refused => passes;
    a_connection_that_was_written_to_is_refused => passes;
    a_pair_of_streams_is_refused => passes;
    a_closed_connection_is_refused => passes;
    the_error_that_broke_it_is_told => |case| with_peers(case, &[], |running| {
        let mut stream = connect(running.address());
        stream.write_all(b"a line\n").expect("the program receives");
        running.line_with("begun");
        reset(stream);
    });
    the_end_of_the_stream_is_not_lost => |case| with_peers(case, &["20"], |running| {
        let address = running.address();
        for peer in 1..=20 {
            let mut stream = connect(address);
            // All of it is there when the program begins to read, or comes while it reads.
            if peer % 2 == 0 {
                running.lines_with("accepted", peer);
            }
            stream.write_all(b"a line\nthe rest").expect("the program receives");
            stream.shutdown(Shutdown::Write).expect("it is connected");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("the program answers");
            assert_eq!(answer, b"answer");
        }
    });
    a_connection_whose_end_was_read_is_taken => passes;
    a_cancelled_take_closes => passes;
    wait_closed_waits_for_taken_connections => passes;
    close_clients_is_told => passes;
    abort_clients_is_told => passes;
    abort_after_close_is_told_last => passes;
    a_connection_that_was_taken_is_told => passes;
    unopened_connections_are_ended => passes;
    others_are_not_told => passes;
    a_dropped_server_leaves_its_connections => passes;
    cancelled_reads_lose_nothing_that_comes_later => passes;
    cancelled_reads_lose_nothing_that_was_collected => passes;
    cancelled_reads_lose_nothing_that_is_on_its_way => passes;
    an_answer_that_was_not_looked_at_goes_alone => passes;
    cancelled_reads_of_a_fed_reader_lose_nothing => passes;
    cancelled_drains_and_waits_leave_the_writer => passes;
    cancelled_calls_leave_the_protocol => passes;
    cancelled_accepts_lose_no_connection => passes;
    accepts_cancelled_while_a_connection_comes_keep_or_close_it => passes;
    cancelled_calls_leave_the_server => passes;
    a_cancelled_serve_forever_closes => passes;
    cancelled_makers_leave_no_descriptors => leaves_no_descriptors;
    cancelled_waits_leave_no_descriptors => leaves_no_descriptors;
    cancelled_reads_of_a_pair_of_streams_lose_nothing => passes;
}

//! How connections end, and how listening begins, in every form that a program can have: the crate linked in, composed through
//! `bindings/rust`, composed on the plain methods, and composed on the stock wasmtime command. What the program sees must be
//! what the same program sees on CPython. The peers are played here.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use wasyncio_tests::{
    DEADLINE, Running, await_rest, command, connect, dist, finish, python, python_is_at_least, resident,
    serve_everybody, spawn, stock_wasmtime,
};

/// What runs a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The crate `wasyncio`, linked in.
    Linked,
    /// `bindings/rust`, composed.
    Composed,
    /// The methods of `wit/` as generated, composed.
    Plain,
    /// As `Composed`, on the stock wasmtime command.
    Stock,
    /// As `Linked`, on the stock wasmtime command.
    StockLinked,
    /// As `Plain`, on the stock wasmtime command.
    StockPlain,
    /// CPython's asyncio.
    Oracle,
}

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/ends.py");
const WITHOUT_IPV6: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/support/without_ipv6.py");

impl Form {
    /// The program, ready for the case's name and arguments. `flags` are for our command, which alone has them. None, with the
    /// reason printed, if the test may be left out.
    fn program(self, flags: &[&str]) -> Option<Command> {
        let component = match self {
            Self::Linked | Self::StockLinked => "tests/ends-linked.wasm",
            Self::Composed | Self::Stock => "tests/ends.wasm",
            Self::Plain | Self::StockPlain => "tests/ends-plain.wasm",
            Self::Oracle => {
                let mut python = python()?;
                python.args(["-I", ORACLE]);
                return Some(python);
            }
        };
        if matches!(self, Self::Stock | Self::StockLinked | Self::StockPlain) {
            let mut stock = Command::new(stock_wasmtime()?);
            stock.args(["run", "-W", "component-model-async=y", "-S", "p3,inherit-network,tcp"]);
            stock.arg(dist(component));
            return Some(stock);
        }
        let mut ours = Command::new(command());
        ours.arg("run").arg(dist(component)).args(["--allow-listen", "*:0", "--allow-connect", "loopback:*"]);
        ours.args(flags).arg("--");
        Some(ours)
    }
}

/// The part of the peers. Gives the ports that they had, in their order.
type Peers = fn(&mut Running, SocketAddr) -> Vec<u16>;

/// Runs a case against its peers and gives what it printed, with the peers' ports by their number.
fn transcript(mut program: Command, case: &str, arguments: &[&str], peers: Peers) -> Vec<String> {
    let mut running = spawn(program.arg(case).args(arguments));
    let address = running.address();
    let ports = peers(&mut running, address);
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{case} ended with {status}: {printed}");
    let lines = printed.lines().filter(|line| !line.starts_with("Serving on"));
    let by_number = |line: &str| {
        let numbered = ports.iter().enumerate();
        numbered.fold(line.to_owned(), |line, (at, port)| line.replace(&format!(", {port})"), &format!(", PORT {at})")))
    };
    lines.map(by_number).collect()
}

/// Compares one form with CPython. The lines of several connections come in any order.
fn same_as_cpython(form: Form, case: &str, arguments: &[&str], flags: &[&str], peers: Peers) {
    let Some((ours, theirs)) = form.program(flags).zip(Form::Oracle.program(&[])) else { return };
    let transcript = |program| transcript(program, case, arguments, peers);
    let (ours, theirs) = (transcript(ours), transcript(theirs));
    assert!(theirs.len() > 1, "{theirs:?}");
    let (ours, theirs) = (without(&ours, &theirs), without(&theirs, &ours));
    assert!(ours.is_empty() && theirs.is_empty(), "{form:?} alone: {ours:#?}, CPython alone: {theirs:#?}");
}

/// The lines that are not among the others, each as often as it is too many.
fn without(lines: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.to_vec();
    let taken =
        |line: &&String| others.iter().position(|other| other == *line).map(|at| others.swap_remove(at)).is_none();
    lines.iter().filter(taken).cloned().collect()
}

/// A peer that takes little and reads nothing.
fn stuck(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a descriptor is free");
    // Before it connects, because what the peer may send is agreed on then.
    socket.set_recv_buffer_size(4096).expect("any size is taken");
    socket.connect_timeout(&address.into(), DEADLINE).expect("the program accepts");
    socket.into()
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the socket is open");
}

/// So many peers that are stuck until the program has printed `says N` for each, and then reset.
fn reset_once(running: &mut Running, address: SocketAddr, peers: usize, says: &str) -> Vec<u16> {
    let peers: Vec<_> = (0..peers).map(|_| stuck(address)).collect();
    for number in 1..=peers.len() {
        running.line_within(DEADLINE, &format!("{says} {number}"));
    }
    // What the system takes it has taken, and the rest is waited for: the program has nothing to tell of that.
    await_rest(running, &peers);
    let ports = peers.iter().map(port).collect();
    peers.into_iter().for_each(reset);
    ports
}

fn port(stream: &TcpStream) -> u16 {
    stream.local_addr().expect("the socket is connected").port()
}

/// More peers than the program may have connections, which reset one after the other: each makes room for the next.
fn give_their_permits_back(form: Form) {
    let Some(mut program) = form.program(&["--max-connections", "2"]) else { return };
    let mut running = spawn(program.args(["reset_while_closing", "6", "8000000"]));
    let address = running.address();
    let peers: Vec<_> = (0..6).map(|_| stuck(address)).collect();
    for (at, peer) in peers.into_iter().enumerate() {
        running.line_within(Duration::from_secs(8), &format!("closing {}", at + 1));
        reset(peer);
    }
    running.line_within(Duration::from_secs(8), "server.wait_closed None");
    assert!(running.wait().success());
}

/// What a server prints where not every address can be bound: in a world that `system` makes.
fn listens(form: Form, case: &str, recorded: &str, system: fn(&Command) -> Option<Command>) {
    let run = |program: Command| {
        let mut within = system(&program)?;
        let finished = finish(within.arg(case));
        assert!(finished.status.success(), "{case}: {}{}", finished.stdout, finished.stderr);
        Some(finished.stdout)
    };
    let Some(ours) = form.program(&[]).and_then(run) else { return };
    if python_is_at_least(3, 13) {
        let theirs = Form::Oracle.program(&[]).and_then(run);
        assert_eq!(theirs.as_deref(), Some(recorded), "left: CPython, right: what was recorded");
    }
    assert_eq!(ours, recorded, "left: {form:?}, right: CPython");
}

/// `command` behind the words of another.
fn behind(words: impl IntoIterator<Item = OsString>, command: &Command) -> Command {
    let mut words = words.into_iter();
    let mut whole = Command::new(words.next().expect("there is a program"));
    whole.args(words).arg(command.get_program()).args(command.get_args());
    whole
}

fn this_machine(command: &Command) -> Option<Command> {
    Some(behind(["env".into()], command))
}

/// A network of its own in which IPv6 is switched off: `::1` is no address there.
fn ipv6_switched_off(command: &Command) -> Option<Command> {
    let set_up = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec \"$@\"";
    Some(behind(["unshare", "--net", "--map-root-user", "sh", "-c", set_up, "sh"].map(OsString::from), command))
}

/// A system that knows no IPv6.
fn without_ipv6(command: &Command) -> Option<Command> {
    let python = python()?;
    Some(behind([python.get_program().to_owned(), WITHOUT_IPV6.into()], command))
}

/// A peer that never reads, and measures how much memory the program has where it says `begin` and `end`.
fn leaves_nothing(form: Form, case: &str) {
    let Some(mut program) = form.program(&[]) else { return };
    let mut running = spawn(program.args([case, "50000"]));
    let mut peer = stuck(running.address());
    running.line_within(DEADLINE, "begin");
    let before = resident(running.id());
    peer.write_all(b"measured\n").expect("the program reads");
    running.line_within(DEADLINE, "end");
    let after = resident(running.id());
    let grown = after.saturating_sub(before) >> 10;
    assert!(grown < 1024, "grown by {grown} KiB in 50,000 rounds");
}

/// Many connections wait in the queues of two sockets before the program accepts some of them.
fn take_turns(form: Form, case: &str) {
    let Some(mut program) = form.program(&[]) else { return };
    let mut running = spawn(program.args([case, "20"]));
    let first = running.address();
    let second = running.line_with("Serving on ('127.0.0.3'");
    let port = second.trim_end_matches(')').rsplit(", ").next().and_then(|port| port.parse().ok());
    let second = SocketAddr::from(([127, 0, 0, 3], port.expect("a port")));
    let mut tells = connect(second);
    running.line_with("begun");
    let _queued: Vec<_> = (0..60).map(|at| connect(if at < 30 { first } else { second })).collect();
    tells.write_all(b"they are there\n").expect("the program reads");
    assert!(running.wait().success());
    let printed = running.printed();
    let accepted: Vec<_> = printed.lines().filter_map(|line| line.strip_prefix("accepted on 127.0.0.")).collect();
    let of = |host: &str| accepted.iter().filter(|accepted| **accepted == host).count();
    // One socket may have some accepted before the other's first turn.
    assert!(of("1").min(of("3")) >= 5, "in their order: {}", accepted.join(" "));
}

/// More clients than the process may have descriptors.
fn serves_more_than_it_has_descriptors_for(form: Form, case: &str) {
    let Some(mut program) = form.program(&[]) else { return };
    serve_everybody(program.arg(case));
}

/// A peer that takes little, and does nothing.
fn stays(_: &mut Running, address: SocketAddr) -> Vec<u16> {
    // It lives until the program has ended.
    std::mem::forget(stuck(address));
    Vec::new()
}

/// How many descriptors a process has.
fn descriptors(running: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", running.id())).expect("the process runs").count()
}

/// Peers that send half a line, or one and a half, and reset: while the program reads, drains or closes. Nothing is left of them, and
/// the next one is served.
fn outlives_half_lines_and_resets(form: Form, case: &str) {
    const PEERS: usize = 200;
    let Some(mut program) = form.program(&[]) else { return };
    let mut running = spawn(program.arg(case));
    let address = running.address();
    let mut stays = connect(address);
    let mut echo = |line: &[u8]| {
        let mut answer = vec![0; line.len()];
        stays.write_all(line).expect("the program reads");
        stays.read_exact(&mut answer).expect("the program answers");
        assert_eq!(answer, line);
    };
    echo(b"before\n");
    let before = descriptors(&running);
    for round in 0..3 {
        let peers: Vec<_> = (0..PEERS).map(|_| connect(address)).collect();
        for (at, mut peer) in peers.into_iter().enumerate() {
            let sent: &[u8] = if at % 2 == 0 { b"half a li" } else { b"a line\nhalf a li" };
            peer.write_all(sent).expect("the program has not closed");
            // By half of them once the program has them all, and by the others at once.
            if at % 4 < 2 {
                running.lines_with("connected", 1 + PEERS * round + at);
            }
            reset(peer);
        }
        running.lines_with("connected", 1 + PEERS * (round + 1));
        echo(b"meanwhile\n");
    }
    let end = Instant::now() + DEADLINE;
    while descriptors(&running) > before + 4 {
        assert!(Instant::now() < end, "{before} descriptors before, {} after", descriptors(&running));
        thread::yield_now();
    }
    echo(b"afterwards\n");
}

/// Peers that reset once they were accepted, and a program that looks only then.
fn reset_when_accepted(running: &mut Running, address: SocketAddr) -> Vec<u16> {
    reset_once(running, address, 20, "accepted")
}

/// Peers that come and go while the program does not accept.
fn gone_before_accept(_: &mut Running, address: SocketAddr) -> Vec<u16> {
    let mut tells = connect(address);
    let peers: Vec<_> = (0..20).map(|_| connect(address)).collect();
    let ports = std::iter::once(&tells).chain(&peers).map(port).collect();
    peers.into_iter().for_each(reset);
    tells.write_all(b"they are gone\n").expect("the program reads");
    // It lives until the program has ended.
    std::mem::forget(tells);
    ports
}

macro_rules! cases {
    ($($test:ident in $($form:ident),+: $case:ident => $run:expr;)+) => {
        $(
            mod $test {
                use super::*;

                const RUN: fn(Form, &str) = $run;

                cases!(@forms $case $($form)+);
            }
        )+

        /// A case that is written but not run, or that one form lacks, would be a test that cannot fail.
        #[test]
        fn every_case_is_run_in_every_form() {
            let here = BTreeSet::from([$(stringify!($case)),+]);
            for form in [Form::Linked, Form::Composed, Form::Plain] {
                let mut program = form.program(&[]).expect("it is built");
                let listed = finish(program.arg("list")).stdout;
                assert_eq!(listed.lines().collect::<BTreeSet<_>>(), here, "{form:?}");
            }
        }
    };
    (@forms $case:ident $($form:ident)+) => {
        $(
            #[test]
            fn $form() {
                RUN(cases!(@form $form), stringify!($case));
            }
        )+
    };
    (@form linked) => { Form::Linked };
    (@form composed) => { Form::Composed };
    (@form plain) => { Form::Plain };
    (@form stock) => { Form::Stock };
    (@form stock_linked) => { Form::StockLinked };
    (@form stock_plain) => { Form::StockPlain };
}

cases! {
    ten_resets_while_closing in linked, composed, plain, stock: reset_while_closing => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 10, "closing");
        same_as_cpython(form, case, &["10", "8000000"], &[], peers);
    };
    // The stock command has no such flag, and the system's own buffers take it all.
    a_reset_while_closing_with_small_buffers in linked, composed, plain: reset_while_closing => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 1, "closing");
        same_as_cpython(form, case, &["1", "131072"], &["--max-buffer", "64KiB"], peers);
    };
    resets_while_closing_give_their_permits_back in linked, composed, plain: reset_while_closing => |form, _| {
        give_their_permits_back(form);
    };
    ten_resets_while_draining in linked, composed, plain, stock: reset_while_draining => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 10, "draining");
        same_as_cpython(form, case, &["10"], &[], peers);
    };
    ten_resets_wake_every_waiter in linked, composed, plain, stock: reset_wakes_every_waiter => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 10, "waiting");
        same_as_cpython(form, case, &["10"], &[], peers);
    };
    ten_resets_wake_every_waiter_and_a_read in linked, composed, plain, stock: reset_wakes_a_read_too => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 10, "waiting");
        same_as_cpython(form, case, &["10"], &[], peers);
    };
    // A runtime that is told of an event, and finds none, ends the program: one task had taken it from another.
    thirty_resets_end_no_program in linked, composed, plain, stock, stock_linked, stock_plain: reset_wakes_a_read_too => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 30, "waiting");
        // It is a matter of turns, so not every time.
        for _ in 0..4 {
            let Some(program) = form.program(&[]) else { return };
            let lines = transcript(program, case, &["30"], peers);
            assert_eq!(lines.last().map(String::as_str), Some("server.wait_closed None"), "{lines:?}");
        }
    };
    a_reset_while_write_eof_is_pending in linked, composed, plain, stock: reset_while_write_eof_is_pending => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 1, "ending");
        same_as_cpython(form, case, &[], &[], peers);
    };
    a_reset_while_write_eof_and_close_are_pending in linked, composed, plain, stock:
        reset_while_write_eof_and_close_are_pending => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 1, "closing");
        same_as_cpython(form, case, &[], &[], peers);
    };
    a_close_while_a_send_is_awaited_tells_the_cause in linked, composed, plain, stock:
        reset_after_close_while_a_send_is_awaited => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 1, "closing");
        same_as_cpython(form, case, &[], &[], peers);
    };
    ten_resets_of_what_was_dropped in linked, composed, plain, stock: reset_after_all_was_dropped => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 10, "dropped");
        same_as_cpython(form, case, &["10"], &[], peers);
    };
    twenty_resets_while_reading in linked, composed, plain, stock: reset_while_reading => |form, case| {
        let peers = |running: &mut Running, address| reset_once(running, address, 20, "reading");
        same_as_cpython(form, case, &["20"], &[], peers);
    };
    an_abort_while_closing in linked, composed, plain, stock: abort_while_closing => |form, case| {
        same_as_cpython(form, case, &[], &[], stays);
    };
    // Only our command has such a flag.
    the_host_closes_what_is_idle_while_closing in linked, composed, plain: reset_while_closing => |form, case| {
        let Some(program) = form.program(&["--idle-timeout", "1s"]) else { return };
        let lines = transcript(program, case, &["1", "8000000"], stays);
        assert_eq!(lines.last().map(String::as_str), Some("server.wait_closed None"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.ends_with("waits for ever")), "{lines:?}");
    };
    peername_is_known_after_a_reset in linked, composed, plain, stock: peername_after_reset => |form, case| {
        same_as_cpython(form, case, &["20"], &[], reset_when_accepted);
    };
    // The stock command has only what the system says of the accepted socket, which is nothing by then.
    peername_of_a_peer_that_was_gone_before_it_was_accepted in linked, composed, plain:
        peername_of_a_peer_gone_before_accept => |form, case| {
        same_as_cpython(form, case, &["20"], &[], gone_before_accept);
    };
    given_up_drains_leave_nothing in linked, composed, plain, stock: given_up_drains_leave_nothing => leaves_nothing;
    an_address_that_the_machine_lacks_is_left_out in linked, composed, plain, stock: the_first_address_is_lacking => |form, case| {
        listens(form, case, "127.0.0.1 hello\n", this_machine);
    };
    no_address_is_left in linked, composed, plain, stock: the_only_address_is_lacking => |form, case| {
        let told = "OSError: could not bind on any address out of [('203.0.113.1', 0)]\n";
        listens(form, case, told, this_machine);
    };
    ipv6_is_switched_off in linked, composed, plain, stock: one_family_cannot_be_bound => |form, case| {
        let told = "127.0.0.1 hello\nOSError: could not bind on any address out of [('::1', 0, 0, 0)]\n";
        listens(form, case, told, ipv6_switched_off);
    };
    the_system_has_no_ipv6 in linked, composed, plain, stock: one_family_does_not_exist => |form, case| {
        let told = "127.0.0.1 hello\n0.0.0.0 hello\nOSError: could not bind on any address out of [('::1', 0, 0, 0)]\n";
        listens(form, case, told, without_ipv6);
    };
    listeners_take_turns in linked, composed, plain, stock: listeners_take_turns => take_turns;
    half_lines_and_resets_leave_nothing in linked, composed, plain, stock: echo => outlives_half_lines_and_resets;
    out_of_descriptors_everybody_is_served_in_time in linked, composed, plain, stock, stock_linked, stock_plain: echo =>
        serves_more_than_it_has_descriptors_for;
}

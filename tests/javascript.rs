//! `bindings/js` in the sandbox: programs in JavaScript, made components by componentize-qjs, against native peers.

#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use wasyncio_python::say;
use wasyncio_tests::{
    DEADLINE, Finished, ask, command, connect, each_gets_its_own_data, finish, javascript, javascript_cases, python,
    signal, spawn,
};
use with::Files;

/// May connect to loopback, and listen there on a port that the system picks.
const GRANTED: &[&str] = &["--allow-connect", "127.0.0.1:*", "--allow-listen", "127.0.0.1:0"];

/// Runs a case to its end, which is to be well. None where there are no programs in JavaScript.
fn case(flags: &[&str], arguments: &[&str]) -> Option<String> {
    let finished = ended(flags, arguments)?;
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    Some(finished.stdout)
}

fn ended(flags: &[&str], arguments: &[&str]) -> Option<Finished> {
    Some(finish(javascript_cases(flags)?.args(arguments)))
}

/// A peer that answers each line with itself.
fn echo_peer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut writer = stream.try_clone().expect("a socket is cloned");
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    if writer.write_all(&[line.as_slice(), b"\n"].concat()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn every_kind_of_read_and_what_it_throws() {
    let Some(printed) = case(&[], &["fed"]) else { return };
    assert_eq!(
        printed,
        "one\n two\r\n th
ree; false four true

IncompleteReadError abc 5 3 bytes read on a total of 5 expected bytes
IncompleteReadError null true
AssertionError | feed_data after feed_eof
LimitOverrunError 16 Separator is not found, and chunk exceed the limit
ValueError | Separator is not found, and chunk exceed the limit
ValueError | Limit cannot be <= 0
ValueError | readexactly size can not be less than zero
ValueError | Separator should be at least one-byte string
true true
ConnectionResetError connection-reset ECONNRESET true null
[\"a\\n\",\"b\\n\",\"c\"]
"
    );
}

#[test]
fn what_has_a_wrong_type_is_no_trap() {
    let Some(printed) = case(GRANTED, &["types"]) else { return };
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 21, "{printed}");
    for line in &lines[..13] {
        assert!(line.starts_with("TypeError | "), "{line}");
    }
    for line in &lines[13..18] {
        assert!(line.starts_with("ValueError | ") || line.starts_with("NotImplementedError | "), "{line}");
    }
    assert_eq!(lines[18], "ValueError | server_hostname is only meaningful with ssl");
    assert!(lines[19].starts_with("ValueError | "), "{}", lines[19]);
    assert_eq!(lines[20], "data");
}

#[test]
fn reads_that_are_given_up_lose_nothing() {
    let address = echo_peer();
    let Some(printed) = case(GRANTED, &["cancelled", &address]) else { return };
    assert_eq!(
        printed,
        "TimeoutError 23 | The operation was aborted due to timeout
not an error | before
Error | enough
a line

RuntimeError | readuntil() called while another coroutine is already waiting for incoming data
another

"
    );
}

#[test]
fn a_reader_keeps_the_connection() {
    let Some(printed) = case(GRANTED, &["readerAlone", &echo_peer()]) else { return };
    assert_eq!(printed, "a line\n\n");
}

#[test]
fn a_connect_that_is_given_up_ends() {
    // A full queue of a listening socket: what comes then is not answered.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()).expect("a port is free");
    listener.listen(0).expect("it is bound");
    let address = listener.local_addr().expect("bound").as_socket().expect("of IPv4");
    let _full: Vec<_> = (0..3)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("it is open");
            let _ = socket.connect(&address.into());
            socket
        })
        .collect();
    // Compiled before.
    let Some(_) = javascript_cases(&[]) else { return };
    let began = Instant::now();
    let Some(printed) = case(GRANTED, &["cancelledConnect", &address.to_string()]) else { return };
    assert_eq!(printed, "TimeoutError 23 | The operation was aborted due to timeout\n");
    assert!(began.elapsed() < DEADLINE / 2);
}

#[test]
fn a_reset_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("bound").to_string();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the program connects");
        // Bytes that were not read would reset it, too.
        stream.read_exact(&mut [0; 3]).expect("the program writes");
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the socket is open");
    });
    let Some(printed) = case(GRANTED, &["reset", &address]) else { return };
    peer.join().expect("it accepted");
    for line in printed.lines() {
        assert!(line.starts_with("ConnectionResetError connection-reset ECONNRESET | "), "{printed}");
    }
    assert_eq!(printed.lines().count(), 3, "{printed}");
}

#[test]
fn connecting_tells_what_was_wrong() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("bound").to_string();
    drop(taken);
    let Some(refused) = case(GRANTED, &["connect", &address]) else { return };
    assert!(
        refused.starts_with("ConnectionRefusedError connection-refused ECONNREFUSED | Connect call failed"),
        "{refused}"
    );
    let Some(all) = case(GRANTED, &["connect", &address, r#"{"allErrors":true}"#]) else { return };
    assert_eq!(all, "ExceptionGroup connection-refused | create_connection failed (1 sub-exception)\n");
    let Some(denied) = ended(&[], &["connect", &address]) else { return };
    assert!(denied.stdout.starts_with("PermissionError access-denied EACCES | "), "{}", denied.stdout);
    assert!(denied.stderr.contains(&format!("--allow-connect {address}")), "{}", denied.stderr);
    let Some(unknown) = case(&["--allow-connect", "nobody.invalid:80"], &["connect", "nobody.invalid:80"]) else {
        return;
    };
    assert!(unknown.starts_with("GaiError "), "{unknown}");
    let Some(denied) = case(&[], &["listen", "127.0.0.1:0"]) else { return };
    assert!(denied.starts_with("PermissionError access-denied EACCES | "), "{denied}");
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = busy.local_addr().expect("bound").to_string();
    let Some(taken) = case(&["--allow-listen", "127.0.0.1:*"], &["listen", &address]) else { return };
    assert!(taken.starts_with("OSError address-in-use EADDRINUSE | "), "{taken}");
}

#[test]
fn two_hundred_connections_each_get_their_own_data() {
    let Some(component) = javascript("examples/js/echo-server") else { return };
    let mut run = Command::new(command());
    run.arg("run").arg(component).args(["--allow-listen", "127.0.0.1:0", "--grace", "10s", "--", "127.0.0.1:0"]);
    let mut server = spawn(&mut run);
    drop(each_gets_its_own_data(server.address(), 5, 200));
    // The host ends the listening socket, `serveForever` returns, and so does the program.
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.printed());
}

/// One client that floods does not keep the others from being served.
#[test]
fn a_client_that_floods_lets_others_be_served() {
    let Some(component) = javascript("examples/js/echo-server") else { return };
    let mut run = Command::new(command());
    run.arg("run").arg(component).args(["--allow-listen", "127.0.0.1:0", "--", "127.0.0.1:0"]);
    let mut server = spawn(&mut run);
    let address = server.address();
    let floods = connect(address);
    let mut sends = floods.try_clone().expect("a socket is cloned");
    // They end when the sockets do.
    thread::spawn(move || while sends.write_all(&[b"flood\n".as_slice(); 100].concat()).is_ok() {});
    let mut reads = floods.try_clone().expect("a socket is cloned");
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while reads.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    let mut client = connect(address);
    for _ in 0..100 {
        assert_eq!(ask(&mut client, "in time\n"), "in time\n");
    }
    floods.shutdown(std::net::Shutdown::Both).expect("it is open");
}

#[test]
fn what_a_handler_throws_is_logged_and_the_server_goes_on() {
    let Some(mut throwing) = javascript_cases(GRANTED) else { return };
    let mut server = spawn(throwing.args(["throwing", "127.0.0.1:0"]));
    let address = server.address();
    for (sent, told) in [
        ("throw\n", "RangeError: of a handler"),
        ("text\n", "'a text'"),
        ("read\nabc", "IncompleteReadError: 3 bytes read"),
    ] {
        let mut client = connect(address);
        client.write_all(sent.as_bytes()).expect("the server reads");
        client.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).expect("the server closes");
        assert!(rest.is_empty());
        server.line_with("Unhandled exception in client_connected_cb");
        server.line_with(told);
    }
    server.lines_with("Unhandled exception in client_connected_cb", 3);
    let mut client = connect(address);
    assert_eq!(ask(&mut client, "still there\n"), "still there\n");
}

#[test]
fn a_server_lives_as_asyncios() {
    let Some(printed) = case(GRANTED, &["life"]) else { return };
    assert_eq!(
        printed,
        "false 1 inet
ConnectionRefusedError
true
127.0.0.1 true 127.0.0.1 otherwise
16384,65536 0 true true
250,1000 ValueError | high (1) must be >= low (2) must be >= 0
true false
RuntimeError | Cannot call write() after write_eof()
server read abc
client read '' true
true ConnectionResetError connection-reset ECONNRESET | Connection lost
false 0
server read 
RuntimeError | server <Server sockets=()> is closed
disposed soon true
TimeoutError 23 | The operation was aborted due to timeout false
"
    );
}

#[test]
fn tls_both_ways() {
    let files = Files::new();
    let flags = |program: &mut Command| {
        program.args([
            "--allow-listen",
            "127.0.0.1:0",
            "--allow-connect",
            "loopback:*",
            "--allow-connect",
            "localhost:*",
        ]);
        program.args(["--resolve", "localhost=127.0.0.1"]).args(files.identity("web"));
        program.args(["--tls-trust", &format!("us={}", files.shown("ca.pem"))]);
    };
    let run = |arguments: &[&str]| {
        // Compiled before.
        javascript_cases(&[])?;
        let mut program = Command::new(command());
        program.arg("run");
        flags(&mut program);
        program.arg(javascript("tests/js/cases")?).arg("--").args(arguments);
        Some(program)
    };
    let Some(mut server) = run(&["echo", "127.0.0.1:0", r#"{"ssl":{"identity":"web"}}"#]) else { return };
    let mut server = spawn(&mut server);
    let there = format!("localhost:{}", server.address().port());
    let Some(seen) = files.python_client(server.address(), &["streams"]) else { return };
    assert_eq!(seen, "b'a line\\n'\nclosed\n");

    let client = |options: &str| {
        let finished = finish(&mut run(&["line", &there, options]).expect("it ran before"));
        (finished.status.code(), finished.stdout, finished.stderr)
    };
    let (code, printed, error) = client(r#"{"ssl":{"trust":"us"}}"#);
    assert_eq!((code, printed.as_str()), (Some(0), "a line\n\nsession TLSv1.3 localhost false\nclosed\n"), "{error}");
    let (code, _, error) = client(r#"{"ssl":true}"#);
    assert_eq!(code, Some(1));
    assert!(error.contains("SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]"), "{error}");
    assert!(error.contains("verifyCode: 20"), "{error}");
    let (_, _, error) = client(r#"{"ssl":{"trust":"us"},"serverHostname":"other.example"}"#);
    assert!(error.contains("SSLCertVerificationError: "), "{error}");

    let Some((_python, address)) = files.python_server("web", &["starttls"]) else { return };
    let finished = finish(&mut run(&["startTls", &address.to_string(), "us"]).expect("it ran before"));
    assert_eq!(finished.stdout, "go on\n\nsecret\n TLSv1.3 false\n", "{}", finished.stderr);
    let mut server = spawn(&mut run(&["upgrading", "127.0.0.1:0", "web"]).expect("it ran before"));
    assert_eq!(files.python_client(server.address(), &["starttls"]).as_deref(), Some("b'go\\n'\nb'hello\\n'\n"));
}

#[test]
fn unix_sockets_both_ways() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let real = folder.path().canonicalize().expect("it is there");
    let path = real.join("echo");
    let shown = path.to_str().expect("a temporary folder's path is text");
    let any = format!("{}/*", real.display());
    let flags = ["--allow-unix", &any, "--allow-unix-listen", &any];
    let Some(mut server) = javascript_cases(&flags) else { return };
    let mut server = spawn(server.args(["echo", shown]));
    server.line_with("Serving on ");
    if let Some(mut python) = python() {
        let script = "
import asyncio, sys
async def main():
    reader, writer = await asyncio.open_unix_connection(sys.argv[1])
    writer.write(b'by path\\n')
    print(await reader.readline())
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
";
        let finished = finish(python.args(["-c", script, shown]));
        assert_eq!(finished.stdout, "b'by path\\n'\n", "{}", finished.stderr);
    }
    assert_eq!(case(&flags, &["line", shown]).as_deref(), Some("a line\n\nclosed\n"));
    let nobody = real.join("nobody");
    let missing = case(&flags, &["connect", nobody.to_str().expect("text")]).expect("it ran before");
    assert!(missing.starts_with("FileNotFoundError file-not-found ENOENT | "), "{missing}");
    let denied = case(&[], &["connect", shown]).expect("it ran before");
    assert!(denied.starts_with("PermissionError access-denied EACCES | "), "{denied}");
}

#[test]
fn the_console_prints_as_nodes() {
    let Some(finished) = ended(&[], &["console"]) else { return };
    assert_eq!(
        finished.stdout,
        format!(
            "text 1 -0 10n null undefined true Symbol(s)
{{
  a: 1,
  'b-c': [ 1, 2, {{ d: \"it's\" }} ],
  nested: {{ deep: {{ deeper: [Object] }} }}
}}
[
  Map(1) {{ 'k' => 1 }},
  Set(1) {{ 1 }},
  Uint8Array(2) [ 1, 2 ],
  [Function (anonymous)],
  [class A]
]
this is 42, {{\"json\":true}} % more
ö€😀
group
  within
default: 1
{{ self: [Circular *1] }}
OSError: no
10000 {}
",
            "y".repeat(5000)
        )
    );
    assert_eq!(finished.stderr, "to the standard error\nAssertion failed: told\n");
}

#[test]
fn timers_run_in_their_order_and_the_program_ends_when_none_is_left() {
    // Compiled before.
    let Some(_) = javascript_cases(&[]) else { return };
    let began = Instant::now();
    let Some(finished) = ended(&[], &["timers"]) else { return };
    assert_eq!(
        finished.stdout,
        "microtask promise immediate ten thirty 3 true true\ntrue undefined function\nmain has ended\nlast\n"
    );
    for text in ["Exception in a microtask\nError: of a microtask\n", "Exception in a timer\nError: of a timer\n"] {
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
    assert!(began.elapsed() < DEADLINE / 2, "a timer that nobody waits for holds up the end");
}

#[test]
fn arguments_and_exit_codes_are_the_programs() {
    let flags = ["--env", "GIVEN=yes"];
    assert_eq!(
        case(&flags, &["arguments", "one", "ö two"])
            .as_deref()
            .unwrap_or(r#"["one","ö two"] ["arguments","one","ö two"] yes"#)
            .trim_end(),
        r#"["one","ö two"] ["arguments","one","ö two"] yes"#
    );
    for (arguments, code, stdout, stderr) in [
        (["exit", "7"].as_slice(), 7, "before", ""),
        (&["exit", "0"], 0, "before", ""),
        (&["exitCode", "3"], 3, "still\n", ""),
        (&["exitCode", "1"], 1, "still\n", ""),
        (&["fails"], 1, "", "Uncaught\nTypeError: of main\n"),
        (&["unknown"], 1, "", "Uncaught\nTypeError: there is no case unknown\n"),
    ] {
        let Some(finished) = ended(&[], arguments) else { return };
        assert_eq!(finished.status.code(), Some(code), "{arguments:?}: {}", finished.stderr);
        assert_eq!(finished.stdout, stdout, "{arguments:?}");
        assert!(finished.stderr.starts_with(stderr), "{arguments:?}: {}", finished.stderr);
    }
}

#[test]
fn random_numbers_differ_from_run_to_run() {
    let (Some(one), Some(other)) = (ended(&[], &["random"]), ended(&[], &["random"])) else { return };
    for (one, other) in one.stdout.split_whitespace().zip(other.stdout.split_whitespace()) {
        assert_ne!(one, other);
    }
    assert_eq!((one.stdout.split_whitespace().count(), one.stderr.as_str()), (3, "true true\n"));
}

#[test]
fn text_is_coded_both_ways() {
    let Some(printed) = case(&[], &["text"]) else { return };
    assert_eq!(printed, "61 c3 a9 e2 82 ac f0 9f 98 80 ef bf bd\naé€😀\u{fffd}\né€ a\n\u{fffd}a\nTypeError\n");
}

#[test]
fn the_standard_input_is_a_reader() {
    let Some(mut program) = javascript_cases(&[]) else { return };
    let mut child = program.arg("stdin").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(b"one\ntwo\nthree").expect("it reads");
    let mut printed = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        printed.push(line.expect("it prints text"));
    }
    assert!(child.wait().expect("it is ours").success());
    assert_eq!(printed, ["line one", "line two", "line three", "end"]);
}

#[test]
fn a_pair_is_made_of_any_two_streams() {
    let Some(printed) = case(&[], &["pair"]) else { return };
    assert_eq!(printed, "from the stream\n\nand more true\nto the stream\n");
}

/// The types fit the programs, if npm gives a TypeScript: `cargo xtask js` fetches it.
#[test]
fn types_are_what_the_programs_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let tsc = root.join(".cache/typescript/node_modules/typescript/bin/tsc");
    if !tsc.is_file() {
        say("NOT RUN: there is no TypeScript in .cache/typescript; `cargo xtask js` fetches it by npm");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let module = folder.path().join("node_modules/wasyncio");
    fs::create_dir_all(module.join("types")).expect("the folder is ours");
    let bindings = root.join("bindings/js");
    for name in ["package.json", "types/index.d.ts", "types/full.d.ts", "types/sockets.d.ts"] {
        fs::copy(bindings.join(name), module.join(name)).expect("the folder is ours");
    }
    for name in ["right.ts", "wrong.ts", "tsconfig.json", "package.json"] {
        fs::copy(root.join("tests/javascript/types").join(name), folder.path().join(name)).expect("the folder is ours");
    }
    let finished = finish(Command::new("node").arg(tsc).args(["--project", "."]).current_dir(folder.path()));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
}

//! TLS, linked and composed, against CPython, OpenSSL and curl, and against peers that speak none. Certificates are made here.

#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use wasyncio_tests::{DEADLINE, connect, finish, signal, spawn};
use with::{FORMS, Files, has, is_served};

/// The value of `key` in a line of the program's about a session.
fn known<'a>(line: &'a str, key: &str) -> &'a str {
    let start = format!("{key}=");
    line.split(' ').find_map(|word| word.strip_prefix(&start)).unwrap_or_else(|| panic!("no {key} in {line}"))
}

#[test]
fn clients_of_cpython_are_served() {
    let files = Files::new();
    for form in FORMS {
        let (mut server, address) = files.serve(form, &[], &["server", "identity=web"]);
        let Some(seen) = files.python_client(address, &["echo"]) else { return };
        let seen: Vec<_> = seen.lines().collect();
        let session = |version| {
            [format!("{version} b'hello\\n' False"), "True".into(), "unwrapped".into(), "b'again\\n' True".into()]
        };
        assert_eq!(seen[..4], session("TLSv1.3"));
        assert_eq!(seen[4..8], session("TLSv1.2"));
        assert_eq!(seen[8..], ["b'a line\\n'", "closed"]);
        server.lines_with("closed after", 5);
        let line = server.line_with("version=TLSv1.2");
        assert_eq!(known(&line, "cipher"), "ECDHE-ECDSA-AES256-GCM-SHA384/TLSv1.2/256");
        assert_eq!((known(&line, "server"), known(&line, "eof")), ("true", "false"));
        server.line_with("reused=true");
    }
}

#[test]
fn servers_of_cpython_are_clients_peers() {
    let files = Files::new();
    for form in FORMS {
        let Some((mut server, address)) = files.python_server("web", &["alpn"]) else { return };
        let there = format!("localhost:{}", address.port());
        let seen = files.client(form, &[], &["client", &there, "trust=us", "count=3", "alpn=a,b"]);
        let sessions: Vec<_> = seen.lines().filter(|line| line.starts_with("connected")).collect();
        assert_eq!(sessions.iter().map(|line| known(line, "reused")).collect::<Vec<_>>(), ["false", "true", "true"]);
        for line in sessions {
            assert_eq!((known(line, "version"), known(line, "alpn")), ("TLSv1.3", "b"));
            assert_eq!((known(line, "peercert"), known(line, "hostname")), ("true", "localhost"));
        }
        let seen = files.client(form, &[], &["client", &there, "trust=us", "size=3000000"]);
        assert!(seen.ends_with("answered 3000000\nclosed\n"), "{seen}");
        server.lines_with("closed cleanly", 4);
        let by_address = format!("127.0.0.1:{}", address.port());
        assert!(files.client(form, &[], &["client", &by_address, "trust=us"]).ends_with("closed\n"));
    }
}

#[test]
fn tls12_and_certificates_of_clients() {
    let files = Files::new();
    for form in FORMS {
        let Some((_server, address)) = files.python_server("web", &["clients", "tls12"]) else { return };
        let there = format!("localhost:{}", address.port());
        let seen = files.client(form, &[], &["client", &there, "trust=us", "identity=client"]);
        assert!(seen.contains("version=TLSv1.2") && seen.ends_with("closed\n"), "{seen}");
    }
}

/// What is wrong with a server is told as CPython tells it: the same here as there, where there is one.
#[test]
fn what_is_wrong_with_a_server_is_told_as_cpython_does() {
    let files = Files::new();
    let failed = |words: &str, code: u32| {
        format!(
            "failed SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words} ({code})\n"
        )
    };
    let cases = [
        (
            "web",
            "elsewhere.example",
            "us",
            failed("Hostname mismatch, certificate is not valid for 'elsewhere.example'.", 62),
        ),
        ("web", "10.0.0.1", "us", failed("IP address mismatch, certificate is not valid for '10.0.0.1'.", 64)),
        ("expired", "localhost", "us", failed("certificate has expired", 10)),
        ("early", "localhost", "us", failed("certificate is not yet valid", 9)),
        ("stranger", "localhost", "us", failed("unable to get local issuer certificate", 20)),
        ("own", "localhost", "us", failed("self-signed certificate", 18)),
        ("web", "localhost", "system", failed("unable to get local issuer certificate", 20)),
    ];
    for (certificate, name, trust, expected) in cases {
        let Some((_server, address)) = files.python_server(certificate, &[]) else { return };
        let oracle = files.python_client(address, &["connect", name, trust]).expect("there is one");
        assert_eq!(oracle, expected, "CPython with {certificate} for {name}");
        for form in FORMS {
            let hostname = format!("hostname={name}");
            let mut arguments = vec!["client".to_owned(), address.to_string(), hostname];
            arguments.extend((trust == "us").then(|| "trust=us".to_owned()));
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            assert_eq!(files.client(form, &[], &arguments), expected, "{form} with {certificate} for {name}");
        }
    }
}

/// A peer that says this to who connects, and then nothing.
fn saying(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut peers = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            _ = stream.write_all(words);
            peers.push(stream);
        }
    });
    address
}

#[test]
fn servers_that_speak_no_tls_are_told() {
    let files = Files::new();
    for form in FORMS {
        let client = |address: SocketAddr, option: &str| {
            files.client(form, &[], &["client", &address.to_string(), "trust=us", "hostname=localhost", option])
        };
        let smtp = saying(b"220 mail.example ESMTP ready\r\n");
        assert_eq!(client(smtp, "count=1"), "failed SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number\n");
        let began = Instant::now();
        assert_eq!(
            client(saying(b""), "handshake=0.5"),
            "failed OSError ConnectionAborted: SSL handshake is taking longer than 0.5 seconds: aborting the connection\n"
        );
        assert!(began.elapsed() < DEADLINE);
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = gone.local_addr().unwrap();
        std::thread::spawn(move || drop(gone.accept()));
        assert_eq!(client(address, "count=1"), "failed OSError ConnectionReset: Connection reset by peer\n");
    }
}

#[test]
fn an_end_that_was_not_announced_is_an_error() {
    let files = Files::new();
    for form in FORMS {
        let Some((_server, address)) = files.python_server("web", &["cut"]) else { return };
        let seen = files.client(form, &[], &["listener", &format!("localhost:{}", address.port()), "trust=us"]);
        assert_eq!(
            seen,
            "failed SSLEOFError: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol\n"
        );
    }
}

#[test]
fn a_peer_that_does_not_answer_the_end_is_left_in_time() {
    let files = Files::new();
    for form in FORMS {
        let Some((_server, address)) = files.python_server("web", &["deaf"]) else { return };
        let there = format!("localhost:{}", address.port());
        let began = Instant::now();
        let seen = files.client(form, &[], &["client", &there, "trust=us", "shutdown=0.5"]);
        assert!(seen.ends_with("answered 6\nfailed OSError TimedOut: SSL shutdown timed out\n"), "{seen}");
        assert!(began.elapsed() < Duration::from_secs(20), "it was not waited for 30 seconds");
    }
}

#[test]
fn a_server_goes_on_whatever_its_peers_do() {
    let files = Files::new();
    for form in FORMS {
        let (_server, address) = files.serve(form, &[], &["server", "identity=web", "alpn=a", "handshake=1"]);
        // Plain text, noise, the beginning of a hello, nothing; those that say nothing stay.
        let mut silent = Vec::new();
        let said: [&[u8]; 5] =
            [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", &[0xaa; 5000], b"\x16\x03\x01\0\xc8\x01", b""];
        for words in said {
            let mut peer = connect(address);
            peer.write_all(words).unwrap();
            silent.push(peer);
            is_served(&files, address);
        }
        for peer in &mut silent {
            // An alert, perhaps, and the end: within the time of the handshake.
            let mut rest = Vec::new();
            _ = peer.read_to_end(&mut rest);
        }
        drop(connect(address));
        let there = format!("127.0.0.1:{}", address.port());
        let distrusting = files.client(form, &[], &["client", &there, "hostname=localhost"]);
        assert!(distrusting.contains("unable to get local issuer certificate"), "{distrusting}");
        let mismatch = files.client(form, &[], &["client", &there, "hostname=localhost", "trust=us", "alpn=z"]);
        assert_eq!(
            mismatch,
            "failed SSLError: [SSL: TLSV1_ALERT_NO_APPLICATION_PROTOCOL] tlsv1 alert no application protocol\n"
        );
        is_served(&files, address);
    }
}

#[test]
fn clients_without_a_certificate_are_refused_where_one_is_required() {
    let files = Files::new();
    for form in FORMS {
        // By the program, and by the operator whatever the program says.
        for (flags, arguments) in [
            (&[][..], &["server", "identity=web", "trust=us", "verify=required"][..]),
            (&["--tls-require-client", "us"], &["server", "identity=web"]),
        ] {
            let (mut server, address) = files.serve(form, flags, arguments);
            let there = format!("127.0.0.1:{}", address.port());
            let options = ["client", &there, "hostname=localhost", "trust=us"];
            let without = files.client(form, &[], &options);
            assert!(
                without.ends_with(
                    "failed SSLError: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required\n"
                ),
                "{without}"
            );
            let with = files.client(form, &[], &[&options[..], &["identity=client"]].concat());
            assert!(with.ends_with("closed\n"), "{with}");
            server.line_with("peercert=true");
        }
    }
}

#[test]
fn what_was_not_granted_is_refused() {
    let files = Files::new();
    let nowhere = "127.0.0.1:9";
    for form in FORMS {
        let refused = |arguments: &[&str]| files.client(form, &[], arguments);
        assert_eq!(
            refused(&["server", "127.0.0.1:0", "identity=other"]),
            "failed OSError AccessDenied: the TLS identity other is not granted\n"
        );
        assert_eq!(
            refused(&["client", nowhere, "hostname=localhost", "trust=other"]),
            "failed OSError AccessDenied: the TLS trust other is not granted\n"
        );
        assert_eq!(
            refused(&["client", nowhere, "hostname=localhost", "verify=none"]),
            "failed OSError AccessDenied: TLS without verification to localhost is not granted\n"
        );
        assert_eq!(
            refused(&["client", nowhere, "hostname=localhost", "check=no"]),
            "failed OSError AccessDenied: TLS without verification to localhost is not granted\n"
        );
        assert_eq!(refused(&["server", "127.0.0.1:0"]), "failed ValueError: a server needs an identity\n");
        assert_eq!(
            refused(&["client", nowhere, "handshake=0"]),
            "failed ValueError: ssl_handshake_timeout should be a positive number\n"
        );
        let Some((_server, address)) = files.python_server("own", &[]) else { return };
        let there = format!("localhost:{}", address.port());
        let seen = files.client(form, &["--tls-unverified", "localhost"], &["client", &there, "verify=none"]);
        assert!(seen.contains("peercert=false shown=true") && seen.ends_with("closed\n"), "{seen}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let files = Files::new();
    fs::set_permissions(files.at("web.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let finished = finish(files.program("tls-linked").args(["--", "server", "127.0.0.1:0", "identity=web"]));
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("web.key is open to others (mode 644)"), "{}", finished.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn unix_sockets_carry_tls() {
    let files = Files::new();
    let path = fs::canonicalize(files.at("")).unwrap().join("tls.sock").display().to_string();
    for form in FORMS {
        let serve = |arguments: &[&str]| {
            let mut program = files.program(form);
            program.args(["--allow-unix-listen", &path, "--"]).args([arguments[0], &path]).args(&arguments[1..]);
            let mut server = spawn(&mut program);
            server.line_with(&format!("Serving on {path}"));
            server
        };
        let mut server = serve(&["server", "identity=web", "alpn=a"]);
        let Some(seen) = files.python_client_of(&path, &["echo"]) else { return };
        assert!(seen.starts_with("TLSv1.3 b'hello\\n' False\nTrue\nunwrapped\nb'again\\n' True\n"), "{seen}");
        assert!(seen.ends_with("b'a line\\n'\nclosed\n"), "{seen}");
        server.lines_with("closed after", 5);
        drop(server);
        let mut server = serve(&["starttls", "identity=web"]);
        assert_eq!(files.python_client_of(&path, &["starttls"]).as_deref(), Some("b'go on\\n'\nb'hello\\n'\n"));
        server.line_with("closed after 6");
        drop(server);

        let client = |arguments: &[&str]| {
            files.client(form, &["--allow-unix", &path], &[&[arguments[0], &path], &arguments[1..]].concat())
        };
        let known = ["client", "trust=us", "hostname=localhost", "count=2"];
        let mut server = files.python_server_anywhere("web", &["unix", &path]).expect("there is one");
        server.line_with("Serving on");
        let seen = client(&known);
        assert!(seen.contains("version=TLSv1.3") && seen.contains("reused=true"), "{seen}");
        assert!(seen.ends_with("answered 6\nclosed\n"), "{seen}");
        // There is no name that it could be checked by.
        assert_eq!(
            client(&["client", "trust=us"]),
            "failed ValueError: you have to pass server_hostname when using ssl\n"
        );
        assert_eq!(
            client(&["client", "trust=us", "hostname=elsewhere.example"]),
            "failed SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, \
             certificate is not valid for 'elsewhere.example'. (62)\n"
        );
        assert!(client(&["client", "hostname=localhost"]).contains("unable to get local issuer certificate"));
        server.lines_with("closed cleanly", 2);
        drop(server);
        let mut server = files.python_server_anywhere("web", &["starttls", "unix", &path]).expect("there is one");
        server.line_with("Serving on");
        let seen = client(&["starttls-client", "trust=us", "hostname=localhost"]);
        assert!(seen.ends_with("answered \"hello\\n\"\nclosed\n"), "{seen}");
    }
}

#[test]
fn plain_text_goes_on_by_tls() {
    let files = Files::new();
    for form in FORMS {
        let (mut server, address) = files.serve(form, &[], &["starttls", "identity=web"]);
        if let Some(seen) = files.python_client(address, &["starttls"]) {
            assert_eq!(seen, "b'go on\\n'\nb'hello\\n'\n");
            server.line_with("closed after 6");
        }
        let Some((mut server, address)) = files.python_server("web", &["starttls"]) else { return };
        let there = format!("localhost:{}", address.port());
        let seen = files.client(form, &[], &["starttls-client", &there, "trust=us", "hostname=localhost"]);
        assert!(seen.starts_with("plain \"go on\\n\"\nconnected version=TLSv1.3"), "{seen}");
        assert!(seen.ends_with("answered \"hello\\n\"\nclosed\n"), "{seen}");
        server.line_with("closed cleanly");
    }
}

#[test]
fn a_proxys_line_and_a_hello_in_one_segment() {
    let files = Files::new();
    for form in FORMS {
        let (mut server, address) = files.serve(form, &[], &["proxy", "identity=web"]);
        let line = "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\\r\\n";
        let Some(seen) = files.python_client(address, &["hello", line]) else { return };
        assert_eq!(seen, "b'hello\\n'\n");
        server.line_with("plain \"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\\r\\n\"");
    }
}

/// What is sent in plain text behind STARTTLS belongs to the handshake, which it breaks.
#[test]
fn what_is_injected_is_never_read() {
    let files = Files::new();
    for form in FORMS {
        for command in ["starttls", "proxy"] {
            let (mut server, address) = files.serve(form, &[], &[command, "identity=web"]);
            let Some(seen) = files.python_client(address, &["hello", "STARTTLS\\r\\nEVIL\\r\\n"]) else { return };
            assert!(seen.starts_with("failed "), "{seen}");
            server.line_with("failed SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number");
            assert!(!server.printed().contains("EVIL"));
            let good: &[&str] = if command == "starttls" { &["starttls"] } else { &["hello", "STARTTLS\\r\\n"] };
            let seen = files.python_client(address, good).expect("there is one");
            assert!(seen.ends_with("b'hello\\n'\n"), "{seen}");
        }
    }
}

#[test]
fn identities_are_loaded_again_without_touching_connections() {
    let files = Files::new();
    let mut program = files.program("tls-linked");
    program.args(["--grace", "20s", "--workers", "1", "--", "server", "127.0.0.1:0", "identity=web"]);
    let mut server = spawn(&mut program);
    let address = server.address();
    let shown = || {
        let openssl = finish(Command::new("openssl").args(["s_client", "-connect", &address.to_string()]));
        let text = openssl.stdout;
        let start = text.find("-----BEGIN").expect("a certificate");
        let end = text.find("-----END").expect("a certificate");
        text[start..end].split_whitespace().collect::<String>()
    };
    if !has("openssl") {
        return;
    }
    let pem = |name: &str| {
        let text = fs::read_to_string(files.at(name)).unwrap();
        text[..text.find("-----END").unwrap()].split_whitespace().collect::<String>()
    };
    assert_eq!(shown(), pem("web.pem"));
    for (from, to) in [("client.pem", "web.pem"), ("client.key", "web.key")] {
        fs::rename(files.at(from), files.at(to)).unwrap();
    }
    let renewed = pem("web.pem");
    // The identity `client` is without its files, and stays as it was.
    signal(server.id(), "-HUP");
    server.line_with("the TLS identity client stays as it was");
    let end = Instant::now() + DEADLINE;
    while shown() != renewed {
        assert!(Instant::now() < end, "the new certificate is never shown");
    }
}

#[test]
fn openssl_and_curl_are_served() {
    let files = Files::new();
    let (mut server, address) = files.serve("tls-linked", &[], &["server", "identity=web"]);
    if has("openssl") {
        for version in ["-tls1_2", "-tls1_3"] {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-connect", &address.to_string(), "-servername", "localhost", version]);
            client.args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"]).arg(files.at("ca.pem"));
            let finished = finish(&mut client);
            assert!(finished.stdout.contains("Verify return code: 0 (ok)"), "{}{}", finished.stdout, finished.stderr);
        }
        server.lines_with("connected", 2);
        let (_modern, address) = files.serve("tls-linked", &[], &["server", "identity=web", "minimum=1.3"]);
        let mut client = Command::new("openssl");
        let finished = finish(client.args(["s_client", "-connect", &address.to_string(), "-tls1_2"]));
        assert!(finished.stderr.contains("alert protocol version"), "{}", finished.stderr);
    }
    if has("curl") {
        // What comes back is its own request.
        let mut client = Command::new("curl");
        client.args(["--silent", "--http0.9", "--max-time", "5", "--cacert"]).arg(files.at("ca.pem"));
        client.args(["--resolve", &format!("localhost:{}:127.0.0.1", address.port())]);
        let finished = finish(client.arg(format!("https://localhost:{}/", address.port())));
        assert!(finished.stdout.starts_with("GET / HTTP/1.1\r\nHost: localhost"), "{}", finished.stdout);
    }
}

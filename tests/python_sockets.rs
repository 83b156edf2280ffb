//! `socket`, `select`, `selectors` and `ssl` in the sandbox: programs that print the same as natively.
#![cfg(unix)]

#[path = "tls/mod.rs"]
mod with;

use std::path::PathBuf;

use wasyncio_tests::{Finished, finish, interpreter, programs, python};
use with::Files;

/// What a program prints in the sandbox, and what it prints in CPython. None, with a line that says so, if either is not there.
fn both(name: &str, flags: &[&str], arguments: &[String]) -> Option<(Finished, Finished)> {
    let (folder, program) = (programs(), programs().join(name));
    let folder = folder.to_str().expect("the path of the repository is text");
    let mut native = python()?;
    let native = finish(native.arg(&program).args(arguments));
    assert!(native.status.success(), "{}{}", native.stdout, native.stderr);
    let grants = ["--dir", folder, "--allow-listen", "127.0.0.1:*", "--allow-connect", "127.0.0.1:*"];
    let mut sandboxed = interpreter(&[&grants, flags].concat())?;
    Some((finish(sandboxed.arg(&program).args(arguments)), native))
}

fn same(name: &str, flags: &[&str], arguments: &[String]) {
    let Some((sandboxed, native)) = both(name, flags, arguments) else { return };
    assert_eq!(sandboxed.stdout, native.stdout, "{}", sandboxed.stderr);
    assert!(sandboxed.status.success(), "{}", sandboxed.stderr);
}

#[test]
fn sockets_block_and_do_not_as_natively() {
    same("sockets.py", &["--allow-connect", "localhost:*", "--resolve", "localhost=127.0.0.1"], &[]);
}

#[test]
fn an_event_loop_takes_sockets_as_natively() {
    same("sockets_in_loop.py", &[], &[]);
}

#[test]
fn contexts_sockets_and_streams_of_tls_are_as_natively() {
    let files = Files::new();
    let shown = |name: &str| files.shown(name);
    // The program names files, and the policy what they stand for: one by its whole path, one by its last part.
    let identity = format!("{0}={0},{1}", shown("web.pem"), shown("web.key"));
    let trusts = [format!("{0}={0}", shown("ca.pem")), format!("other.pem={}", shown("other.pem"))];
    let flags = ["--tls-identity", &identity, "--tls-trust", &trusts[0], "--tls-trust", &trusts[1]];
    same("tls.py", &flags, &["web.pem", "web.key", "ca.pem", "other.pem"].map(shown));
}

/// `wrap_bio`, TLS over sockets of the program's and over Unix sockets, and files by `sendfile`.
#[test]
fn tls_is_carried_as_natively() {
    let files = Files::new();
    let shown = |name: &str| files.shown(name);
    let identity = format!("{0}={0},{1}", shown("web.pem"), shown("web.key"));
    let trust = format!("{0}={0}", shown("ca.pem"));
    let sockets = tempfile::tempdir().expect("a temporary folder");
    let path = sockets.path().join("socket").display().to_string();
    let unix = ["--allow-unix", &path, "--allow-unix-listen", &path];
    let flags = [&["--tls-identity", &identity, "--tls-trust", &trust], &unix[..]].concat();
    same("tls_carried.py", &flags, &[shown("web.pem"), shown("web.key"), shown("ca.pem"), path.clone()]);
}

/// A name that the policy has is looked up, and connected to.
#[test]
fn names_of_the_policy_are_looked_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let program = format!(
        "
import asyncio, socket
def shown(found):
    return sorted((family.name, kind.name, proto, name, address) for family, kind, proto, name, address in found)
async def main():
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo('a.example', 'https', type=socket.SOCK_STREAM)
    print(*shown(found), sep='\\n')
    print(shown(found) == shown(socket.getaddrinfo('a.example', 443, type=socket.SOCK_STREAM)))
    print(shown(await loop.getaddrinfo(b'a.example', 80, family=socket.AF_INET6)))
    print(socket.gethostbyname('a.example'), socket.gethostbyname_ex('a.example'))
    print(socket.getaddrinfo('a.example', 80, flags=socket.AI_CANONNAME)[0][3])
    print(await loop.getnameinfo(('127.0.0.1', 443)))
    for host, *more in [('b.example', 80), ('a.example', 'nonsense'), ('a.example', 80, 99)]:
        try:
            await loop.getaddrinfo(host, *more[:1], family=(more[1:] or [0])[0])
        except (PermissionError, socket.gaierror) as error:
            print(type(error).__name__)
    reader, writer = await asyncio.open_connection('a.example', {port}, family=socket.AF_INET)
    print(writer.get_extra_info('peername')[0])
    writer.close()
    with socket.create_connection(('a.example', {port})) as sock:
        print(sock.getpeername()[0])
asyncio.run(main())
"
    );
    let flags = ["--allow-connect", "a.example:*", "--resolve", "a.example=127.0.0.1,::1"];
    let Some(mut python) = interpreter(&flags) else { return };
    let finished = finish(python.args(["-c", &program]));
    let expected = "('AF_INET', 'SOCK_STREAM', 6, '', ('127.0.0.1', 443))
('AF_INET6', 'SOCK_STREAM', 6, '', ('::1', 443, 0, 0))
True
[('AF_INET6', 'SOCK_STREAM', 6, '', ('::1', 80, 0, 0))]
127.0.0.1 ('a.example', [], ['127.0.0.1'])
a.example
('127.0.0.1', 'https')
PermissionError
gaierror
gaierror
127.0.0.1
127.0.0.1
";
    assert_eq!(finished.stdout, expected, "{}", finished.stderr);
}

#[test]
fn urls_are_opened_over_http_and_https() {
    let files = Files::new();
    let Some(mut server) = python() else { return };
    let page = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(page.path().join("page.html"), "<p>hello").expect("the folder is ours");
    let script = "
import http.server, ssl, sys, threading
def serve(context=None):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
plain, secure = serve(), serve(context)
print(plain.server_port, secure.server_port, flush=True)
threading.Event().wait()
";
    server.current_dir(page.path()).args(["-c", script]).args([files.at("web.pem"), files.at("web.key")]);
    let mut server = wasyncio_tests::spawn(&mut server);
    let ports = server.line_with(" ");
    let (plain, secure) = ports.split_once(' ').expect("two ports");
    let program = format!(
        "
import ssl, urllib.request
print(urllib.request.urlopen('http://127.0.0.1:{plain}/page.html', timeout=20).read())
context = ssl.create_default_context(cafile='us')
with urllib.request.urlopen('https://127.0.0.1:{secure}/page.html', timeout=20, context=context) as answer:
    print(answer.status, answer.read())
try:
    urllib.request.urlopen('https://127.0.0.1:{secure}/page.html', timeout=20)
except OSError as error:
    print(error.reason.verify_message)
"
    );
    let trust = format!("us={}", files.shown("ca.pem"));
    let Some(mut client) = interpreter(&["--allow-connect", "127.0.0.1:*", "--tls-trust", &trust]) else { return };
    let finished = finish(client.args(["-c", &program]));
    let expected = "b'<p>hello'\n200 b'<p>hello'\nunable to get local issuer certificate\n";
    assert_eq!(finished.stdout, expected, "{}", finished.stderr);
}

/// What is not granted is told with the flag that grants it, and what cannot be had with the reason.
#[test]
fn what_cannot_be_had_is_told() {
    let program = "
import socket, ssl
def told(call, *arguments):
    try:
        call(*arguments)
    except (OSError, NotImplementedError) as error:
        print(type(error).__name__, '|', error)
told(socket.create_connection, ('127.0.0.1', 9))
told(socket.create_server, ('127.0.0.1', 9))
told(socket.getaddrinfo, 'a.example', 80)
told(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
told(socket.socket, socket.AF_UNIX)
told(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain, 'folder/cert.pem', 'key.pem')
told(ssl.create_default_context, ssl.Purpose.SERVER_AUTH)
told(lambda: ssl.create_default_context(cafile='/etc/ca.pem'))
told(lambda: ssl.create_default_context(cadata='-----BEGIN'))
told(lambda: ssl.create_default_context(capath='/etc/certs'))
told(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True))
told(lambda: setattr(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), 'sni_callback', print))
one, other = socket.socketpair()
told(one.recv, 1)
";
    let Some(mut python) = interpreter(&[]) else { return };
    let finished = finish(python.args(["-c", program]));
    let lines: Vec<_> = finished.stdout.lines().collect();
    let expected = [
        ("PermissionError", "--allow-connect 127.0.0.1:9 grants it"),
        ("PermissionError", "--allow-listen 127.0.0.1:9 grants it"),
        ("PermissionError", "--allow-connect a.example:PORT grants it"),
        ("OSError", "no UDP"),
        ("OSError", "open_unix_connection"),
        ("PermissionError", "see --tls-identity"),
        ("PermissionError", "see --tls-trust"),
        ("NotImplementedError", "cafile with a name of --tls-trust can"),
        ("PermissionError", "see --tls-trust"),
        ("SSLError", "load_cert_chain was not called"),
        ("NotImplementedError", "another certificate in the handshake"),
        ("OSError", "wait for ever"),
    ];
    assert_eq!(lines.len(), expected.len(), "{}{}", finished.stdout, finished.stderr);
    for (line, (kind, text)) in lines.iter().zip(expected) {
        assert!(line.starts_with(kind) && line.contains(text), "{line}: {kind}, {text}");
    }
}

/// What is left open, or still to be sent, when a program ends.
#[test]
fn a_program_may_end_with_sockets_open() {
    let program = "
import socket, sys
server = socket.create_server(('127.0.0.1', 0))
server.setblocking(False)
try:
    server.accept()
except BlockingIOError:
    pass
client = socket.socket()
client.setblocking(False)
client.connect_ex(server.getsockname())
pending = socket.socket()
pending.setblocking(False)
pending.connect_ex(server.getsockname())
one, other = socket.socketpair()
print('ended')
sys.exit(int(sys.argv[1]))
";
    for code in [0, 5] {
        let flags = ["--allow-listen", "127.0.0.1:*", "--allow-connect", "127.0.0.1:*"];
        let Some(mut python) = interpreter(&flags) else { return };
        let finished = finish(python.args(["-c", program, &code.to_string()]));
        assert_eq!(finished.stdout, "ended\n", "{}", finished.stderr);
        assert_eq!(finished.status.code(), Some(code), "{}", finished.stderr);
    }
}

#[test]
fn hashes_are_there() {
    let program = "
import hashlib, hmac, secrets, uuid
for name in ('md5', 'sha1', 'sha256', 'sha512', 'sha3_256', 'blake2b', 'blake2s'):
    print(name, hashlib.new(name, b'abc').hexdigest())
print(hmac.new(b'key', b'text', 'sha256').hexdigest(), hmac.compare_digest('a', 'a'))
for length in (None, 1, 100):
    print(hashlib.pbkdf2_hmac('sha256', b'password', b'salt', 50, length).hex())
print(len(secrets.token_bytes(20)), uuid.uuid4().version, uuid.uuid5(uuid.NAMESPACE_DNS, 'a.example'))
";
    let (Some(mut native), Some(mut python)) = (python(), interpreter(&[])) else { return };
    let (native, sandboxed) = (finish(native.args(["-c", program])), finish(python.args(["-c", program])));
    assert_eq!(sandboxed.stdout, native.stdout, "{}", sandboxed.stderr);
    assert!(native.status.success(), "{}", native.stderr);
}

/// A certificate as CPython's own module reads it.
#[test]
fn certificates_are_read_as_by_openssl() {
    let Some(mut python) = python() else { return };
    let files = Files::new();
    let module = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/python/src/wasyncio/sockets"));
    let program = "
import _ssl, ssl, sys
sys.path.insert(0, sys.argv[1])
import certificate
for file in sys.argv[2:]:
    expected = _ssl._test_decode_cert(file)
    found = certificate.decoded(ssl.PEM_cert_to_DER_cert(open(file).read()))
    assert found == {name: value for name, value in expected.items() if name in found}, (found, expected)
    assert {'subject', 'issuer', 'notBefore', 'notAfter', 'version', 'serialNumber'} <= found.keys(), found
print('same')
";
    python.args(["-B", "-c", program]).arg(module);
    let finished =
        finish(python.args(
            ["ca.pem", "web.pem", "client.pem", "expired.pem", "early.pem", "own.pem"].map(|name| files.at(name)),
        ));
    assert_eq!(finished.stdout, "same\n", "{}", finished.stderr);
}

//! What the documents' programs are tested by, in whichever language they are.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::thread;

use crate::{finish, python, run_python, spawn};

/// Has the documents' server in `program` talk to their client, run by CPython.
pub fn echo_server_talks_to_pythons_client(mut program: Command) {
    let mut server = spawn(program.arg("127.0.0.1:0"));
    let address = server.address();
    let script = "
import asyncio, sys

async def tcp_echo_client(message):
    reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    writer.write(message.encode())
    await writer.drain()
    data = await reader.read(100)
    print(f'Received: {data.decode()!r}', await reader.read())
    writer.close()
    await writer.wait_closed()

asyncio.run(asyncio.wait_for(tcp_echo_client('Hello World!'), 20))
";
    let Some(printed) = run_python(script, &[address.ip().to_string(), address.port().to_string()]) else { return };
    assert_eq!(printed, "Received: 'Hello World!' b''\n");
    server.line_with("Received 'Hello World!' from ('127.0.0.1', ");
    server.line_with("Close the connection");
}

/// Has the documents' program for headers in `program` print those of CPython's server.
pub fn headers_are_printed_from_pythons_http_server(mut program: Command) {
    let Some(mut python) = python() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("page.html"), "<p>hello").expect("the folder is ours");
    let script = "
import http.server
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
print('Serving on', server.server_address, flush=True)
server.serve_forever()
";
    let mut server = spawn(python.current_dir(folder.path()).arg("-c").arg(script));
    let url = format!("http://{}/page.html", server.address());
    let finished = finish(program.arg(url));
    assert!(finished.status.success(), "{}", finished.stderr);
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert!(lines.first().is_some_and(|line| line.starts_with("HTTP header> HTTP/1.0 200 OK")), "{lines:?}");
    assert!(lines.contains(&"HTTP header> Content-Length: 8"), "{lines:?}");
    assert!(lines.contains(&"HTTP header> Content-type: text/html"), "{lines:?}");
}

/// The same, of headers that come byte by byte.
pub fn headers_are_printed_however_they_are_cut(mut program: Command) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the program connects");
        stream.set_nodelay(true).expect("the socket is connected");
        let mut query = [0; 4096];
        let count = stream.read(&mut query).expect("the program asks");
        for byte in b"HTTP/1.0 200 OK\r\nA: b\xe9\r\n\r\n" {
            stream.write_all(&[*byte]).expect("the program reads");
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        String::from_utf8_lossy(&query[..count]).into_owned()
    });
    let finished = finish(program.arg(&url));
    assert_eq!(finished.stdout, "HTTP header> HTTP/1.0 200 OK\nHTTP header> A: b\u{e9}\n", "{}", finished.stderr);
    assert_eq!(server.join().expect("the server served"), "HEAD / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
}

// What the examples of `embed` begin with: included by each of them, so that they show only what they are about.

use std::io::{Read, Write};
use std::net::TcpListener;

use wasyncio_host::embed::{Asyncio, StreamResult};
use wasyncio_host::{Host, Policy};

/// Calls `f` with asyncio's functions and the port of a peer that sends back what it gets.
pub fn example(f: impl AsyncFnOnce(Asyncio, u16) -> StreamResult<()>) {
    // Built without the streams component, there is nothing to show.
    if wasyncio_host::embedded().is_none() {
        return;
    }
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = peer.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = peer.accept()?;
        let mut buffer = [0; 65536];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok::<_, std::io::Error>(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let host = Host::builder().cache(true).build()?;
        let local = "127.0.0.1:*".parse().unwrap();
        let policy = Policy::new().allow_listen("127.0.0.1:0".parse().unwrap()).allow_connect(local);
        let asyncio = host.streams()?.policy(policy).start().await?;
        f(asyncio, port).await?;
        Ok::<(), Box<dyn std::error::Error>>(())
    });
    result.unwrap();
}

//! What watches a connection for being idle ends with it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use wasyncio_host::{Host, Limits, Policy};

#[tokio::test]
async fn nothing_watches_a_connection_that_is_closed() {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let host = Host::builder().cache(true).build().unwrap();
    let mut limits = Limits::default();
    limits.idle_timeout = Some(Duration::from_secs(3600));
    let local = Policy::new().allow_connect("127.0.0.1:*".parse().unwrap());
    let asyncio = host.streams().unwrap().policy(local).limits(limits).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..50 {
        let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
        drop(listener.accept().unwrap());
        writer.close().await.unwrap();
        writer.wait_closed().await.unwrap();
    }
    drop(asyncio);
    // Those that are ended are gone when their runtime has had its turns.
    let deadline = Instant::now() + Duration::from_secs(30);
    let after = loop {
        let after = Handle::current().metrics().num_alive_tasks();
        if after <= before + 1 || Instant::now() > deadline {
            break after;
        }
        tokio::task::yield_now().await;
    };
    assert!(after <= before + 1, "{before} tasks became {after}");
}

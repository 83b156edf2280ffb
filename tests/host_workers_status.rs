//! What an embedder is told of each worker that serves.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::mpsc::channel;

use wasyncio_host::{Host, Output, OutputLine, Policy, Runner, Workers, WorkersHandle};
use wasyncio_tests::{DEADLINE, example};

/// Waits until this generation serves, and the workers have so many connections open.
async fn until(workers: &WorkersHandle, generation: usize, open: &[u64]) {
    let looks = async {
        loop {
            let status = workers.status();
            let mut found: Vec<_> = status.workers.iter().map(|worker| worker.open_connections).collect();
            found.sort_unstable();
            if status.generation == generation && found == open {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, looks).await.unwrap_or_else(|_| panic!("not {open:?} but {:#?}", workers.status()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_connections_of_each_generation_are_told() {
    let host = Host::builder().cache(true).build().unwrap();
    let program = host.load_file(example("echo-server")).unwrap();
    let (send, printed) = channel();
    let stdout = Output::lines(move |OutputLine { bytes, .. }| {
        // The test has what it needs once it knows the port.
        _ = send.send(String::from_utf8_lossy(bytes).into_owned());
    });
    let configure = move |program: &wasyncio_host::Program| {
        let policy = Policy::new().allow_listen("127.0.0.1:0".parse().unwrap());
        Runner::new(program).policy(policy).arg("127.0.0.1:0").stdout(stdout.clone())
    };
    let workers = Workers::new(&program, NonZeroUsize::MIN, configure).grace(DEADLINE).start();
    let serving = tokio::task::spawn_blocking(move || {
        printed.recv_timeout(DEADLINE).expect("it serves").split_once("Serving on ").expect("an address").1.to_owned()
    });
    let serving = serving.await.unwrap();
    let port: u16 = serving.trim_end_matches(')').rsplit([',', ':', ' ']).next().unwrap().parse().expect("a port");
    let connect = || {
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.write_all(b"hello\n").unwrap();
        BufReader::new(&client).read_line(&mut String::new()).unwrap();
        client
    };
    let mut clients: Vec<_> = (0..3).map(|_| connect()).collect();
    until(&workers, 1, &[3]).await;
    workers.reload(&program).await;
    // Those of before are in their grace period, and keep their connections.
    until(&workers, 2, &[0, 3]).await;
    let status = workers.status();
    assert_eq!((status.generation, status.service.reloads, status.service.retired), (2, 1, 1), "{status:#?}");
    clients.push(connect());
    until(&workers, 2, &[1, 3]).await;
    drop(clients);
    until(&workers, 2, &[0]).await;
    workers.stop().await;
    workers.wait().await.unwrap();
}

//! Workers that break are replaced; the others go on.

mod support;

use std::num::NonZeroUsize;
use std::sync::mpsc::channel;
use std::time::Duration;

use tokio::sync::mpsc;
use wasyncio_host::{Control, Error, Host, Outcome, Program, Runner, Workers};

use support::{ENDLESS, component};

fn program(host: &Host, body: &str) -> Program {
    host.load("program", component(body)).expect("it is a program")
}

fn workers(program: &Program, count: usize) -> Workers {
    Workers::new(program, NonZeroUsize::new(count).expect("not zero"), Runner::new)
}

#[tokio::test]
async fn programs_that_end_by_themselves_are_not_replaced() {
    let host = Host::builder().build().unwrap();
    let (_send, control) = mpsc::channel(1);
    let outcome = workers(&program(&host, "i32.const 0"), 3).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.success()));
    let (_send, control) = mpsc::channel(1);
    let outcome = workers(&program(&host, "i32.const 1"), 3).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.code() == 1));
}

#[tokio::test]
async fn a_trapped_worker_is_replaced_with_growing_delays() {
    let host = Host::builder().build().unwrap();
    let (told, failures) = channel();
    let (send, control) = mpsc::channel(1);
    let stop = std::sync::Mutex::new(Some(send));
    let workers = workers(&program(&host, "unreachable"), 1).on_failure(move |worker, error, delay| {
        assert!(matches!(error, Error::Trap { .. }), "{error}");
        told.send((worker, delay)).expect("the test listens");
        if delay >= Duration::from_millis(400)
            && let Some(send) = stop.lock().unwrap().take()
        {
            send.try_send(Control::Stop).expect("the only one");
        }
    });
    let outcome = workers.run(control).await.unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
    let delays: Vec<_> = failures.iter().map(|(worker, delay)| (worker, delay.as_millis())).collect();
    assert_eq!(delays, [(0, 100), (0, 200), (0, 400)]);
}

#[tokio::test]
async fn endless_loops_on_all_threads_are_stopped() {
    let host = Host::builder().build().unwrap();
    let (send, control) = mpsc::channel(1);
    send.send(Control::Stop).await.unwrap();
    let outcome = workers(&program(&host, ENDLESS), 2).run(control).await.unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
}

#[tokio::test]
async fn a_program_that_is_loaded_again_replaces_the_old_one() {
    let host = Host::builder().build().unwrap();
    let (send, control) = mpsc::channel(1);
    send.send(Control::Reload(program(&host, "i32.const 1"))).await.unwrap();
    let outcome = workers(&program(&host, ENDLESS), 2).run(control).await.unwrap();
    assert!(matches!(outcome, Outcome::Ended(status) if status.code() == 1));
}

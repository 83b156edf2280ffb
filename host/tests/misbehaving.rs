//! Programs that misbehave on purpose, and the limits that hold them.

mod support;

use std::time::{Duration, Instant};

use wasyncio_host::{Error, Host, Limit, Limits, Metrics, Program, Runner};

use support::{ENDLESS, component};

/// A program whose `run` does this.
fn program(host: &Host, body: &str) -> Program {
    host.load("program", component(body)).expect("it is a program")
}

const BOMB: &str = "(loop $again (drop (memory.grow (i32.const 16))) br $again) unreachable";

#[tokio::test]
async fn an_endless_loop_leaves_room_for_others_on_its_thread() {
    let host = Host::builder().build().unwrap();
    let endless = program(&host, ENDLESS);
    let quick = program(&host, "i32.const 0");
    let run = Runner::new(&endless).run();
    tokio::select! {
        biased;
        ended = run => panic!("it ended: {ended:?}"),
        status = Runner::new(&quick).run() => assert!(status.unwrap().success()),
    }
}

#[tokio::test]
async fn an_endless_loop_ends_when_its_time_to_compute_is_over() {
    let host = Host::builder().build().unwrap();
    let mut limits = Limits::default();
    limits.max_compute = Some(Duration::from_millis(50));
    let begun = Instant::now();
    let error = Runner::new(&program(&host, ENDLESS)).limits(limits).run().await.expect_err("it is ended");
    assert!(matches!(error, Error::Limit { limit: Limit::Compute(_), .. }), "{error}");
    assert_eq!(error.to_string(), "program was ended: it computed for 50ms without a pause (max-compute)");
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_program_ends_when_its_time_is_over() {
    let host = Host::builder().build().unwrap();
    let mut limits = Limits::default();
    limits.timeout = Some(Duration::from_millis(50));
    let error = Runner::new(&program(&host, ENDLESS)).limits(limits).run().await.expect_err("it is ended");
    assert!(matches!(error, Error::Limit { limit: Limit::Timeout(_), .. }), "{error}");
}

#[tokio::test]
async fn a_memory_bomb_ends_at_its_limit_and_gives_everything_back() {
    let host = Host::builder().build().unwrap();
    let metrics = Metrics::new();
    let mut limits = Limits::default();
    limits.max_memory = Some(16 << 20);
    let run = Runner::new(&program(&host, BOMB)).limits(limits).metrics(&metrics).run();
    let error = run.await.expect_err("it is ended");
    assert_eq!(error.to_string(), "program was ended: it needs more memory than 16.0 MiB (max-memory)");
    let text = metrics.render();
    assert!(text.contains("\nwasyncio_memory_bytes 0\n") && text.contains("\nwasyncio_traps_total 1\n"), "{text}");
}

#[tokio::test]
async fn a_program_too_large_to_start_is_a_limit_too() {
    let host = Host::builder().build().unwrap();
    let mut limits = Limits::default();
    limits.max_memory = Some(1);
    let error = Runner::new(&program(&host, "i32.const 0")).limits(limits).run().await.expect_err("it is refused");
    assert!(matches!(error, Error::Limit { limit: Limit::Memory(1), .. }), "{error}");
}

#[tokio::test]
async fn a_trap_is_no_limit() {
    let host = Host::builder().build().unwrap();
    let error = Runner::new(&program(&host, "unreachable")).run().await.expect_err("it traps");
    assert!(matches!(error, Error::Trap { .. }), "{error}");
}

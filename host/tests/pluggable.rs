//! What an embedder can put in the place of the host's own.

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError};
use wasyncio_host::wasmtime::{Config, Engine};
use wasyncio_host::{Decision, Error, Host, HostBuilder, Limit, Limits, Outcome, Request, Runner, Workers};

use support::{ENDLESS, component};

const DEADLINE: Duration = Duration::from_secs(30);

/// A program that calls `work` of the host as often as this says, and then computes a little.
fn working(times: u32) -> Vec<u8> {
    let text = format!(
        r#"(component
            (import "example:host/slow" (instance $slow (export "work" (func))))
            (core func $work (canon lower (func $slow "work")))
            (core module $m
                (import "host" "work" (func $work))
                (func (export "run") (result i32) (local $times i32) (local $turns i32)
                    (loop $again
                        (call $work)
                        (local.set $turns (i32.const 0))
                        (loop $turn
                            (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
                            (br_if $turn (i32.lt_u (local.get $turns) (i32.const 10000))))
                        (local.set $times (i32.add (local.get $times) (i32.const 1)))
                        (br_if $again (i32.lt_u (local.get $times) (i32.const {times}))))
                    i32.const 0))
            (core instance $i (instantiate $m (with "host" (instance (export "work" (func $work))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $face (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $face)))"#
    );
    wat::parse_str(text).expect("it is valid")
}

/// A host whose programs can have it work for this long.
fn host_that_works(time: Duration) -> (Host, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let builder = Host::builder().linker(move |linker| {
        linker.instance("example:host/slow")?.func_wrap("work", move |_store, ()| {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(time);
            Ok(())
        })
    });
    (builder.build().unwrap(), calls)
}

fn computing(limit: Duration) -> Limits {
    let mut limits = Limits::default();
    limits.max_compute = Some(limit);
    limits
}

#[tokio::test]
async fn a_function_of_the_embedder_is_called_and_its_time_is_not_the_programs() {
    let (host, calls) = host_that_works(Duration::from_millis(250));
    let program = host.load("program", working(3)).unwrap();
    let status = Runner::new(&program).limits(computing(Duration::from_millis(200))).run().await.unwrap();
    assert!(status.success());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_program_that_computes_between_calls_is_still_ended() {
    let (host, _) = host_that_works(Duration::ZERO);
    let program = host.load("program", working(u32::MAX)).unwrap();
    let run = Runner::new(&program).limits(computing(Duration::from_millis(200))).run();
    let error = tokio::time::timeout(DEADLINE, run).await.expect("it is ended").expect_err("it computes");
    assert!(matches!(error, Error::Limit { limit: Limit::Compute(_), .. }), "{error}");
}

#[tokio::test]
async fn others_on_its_thread_are_not_billed_to_a_program_that_was_interrupted() {
    let host = Host::builder().build().unwrap();
    let program = host.load("program", component(ENDLESS)).unwrap();
    let run = Runner::new(&program).limits(computing(Duration::from_millis(500))).run();
    let turns = AtomicUsize::new(0);
    let others = async {
        // Each time the program gives way, after ten milliseconds.
        loop {
            std::thread::sleep(Duration::from_millis(100));
            turns.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        ended = run => assert!(matches!(ended, Err(Error::Limit { limit: Limit::Compute(_), .. })), "{ended:?}"),
        () = others => {}
    }
    let turns = turns.load(Ordering::SeqCst);
    assert!(turns >= 12, "it was ended after {turns} turns of others");
}

async fn ends_an_endless_loop(builder: HostBuilder) {
    let host = builder.build().unwrap();
    let program = host.load("program", component(ENDLESS)).unwrap();
    let run = Runner::new(&program).limits(computing(Duration::from_millis(50))).run();
    let error = tokio::time::timeout(DEADLINE, run).await.expect("it is ended").expect_err("it computes");
    assert!(matches!(error, Error::Limit { limit: Limit::Compute(_), .. }), "{error}");
}

#[tokio::test]
async fn settings_of_wasmtime_are_taken_and_programs_are_interrupted_nevertheless() {
    let mut config = Config::new();
    config.epoch_interruption(false).wasm_simd(false).wasm_relaxed_simd(false);
    ends_an_endless_loop(Host::builder().config(config.clone())).await;
    let host = Host::builder().config(config).build().unwrap();
    let error = host.load("program", component("(drop (v128.const i64x2 0 0)) i32.const 0")).expect_err("no SIMD");
    assert!(matches!(error, Error::Compile { .. } | Error::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn an_engine_is_shared_if_it_can_interrupt() {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true);
    ends_an_endless_loop(Host::builder().engine(Engine::new(&config).unwrap())).await;
    let error = Host::builder().engine(Engine::default()).build().expect_err("it has no epochs");
    assert!(error.to_string().contains("epoch_interruption"), "{error}");
}

#[test]
fn a_function_that_cannot_be_added_is_an_error() {
    let twice = Host::builder().linker(|linker| {
        linker.instance("example:host/slow")?.func_wrap("work", |_store, ()| Ok(()))?;
        linker.instance("example:host/slow")?.func_wrap("work", |_store, ()| Ok(()))
    });
    let error = twice.build().expect_err("it is there already");
    assert!(matches!(error, Error::Engine { .. }), "{error}");
}

#[tokio::test]
async fn loading_leaves_the_event_loop_to_others() {
    let host = Host::builder().build().unwrap();
    let mut turns = 0;
    let others = async {
        loop {
            tokio::task::yield_now().await;
            turns += 1;
        }
    };
    tokio::select! {
        biased;
        loaded = host.load_async("program", component("i32.const 0")) => drop(loaded.unwrap()),
        () = others => {}
    }
    assert!(turns > 0, "they had no turn");
    let error = host.load_async("program", b"no program").await.expect_err("it is none");
    assert!(matches!(error, Error::NotComponent { .. }), "{error}");
    let error = host.load_file_async("no/such.wasm").await.expect_err("it is missing");
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[tokio::test]
async fn a_function_decides_what_the_streams_may_do() {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let allowed = peer.local_addr().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let host = Host::builder().cache(true).build().unwrap();
    let builder = host.streams_async().await.unwrap().decide(move |request| match request {
        Request::Connect(address) if *address == allowed => Decision::Allow,
        Request::Listen(address) if address.ip().is_loopback() => Decision::Allow,
        _ => Decision::ByGrants,
    });
    let asyncio = builder.start().await.unwrap();
    asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    asyncio.open_connection("127.0.0.1", allowed.port(), Default::default()).await.unwrap();
    let error = asyncio.open_connection("127.0.0.1", other.port(), Default::default()).await.expect_err("no grant");
    assert!(
        matches!(&error, StreamError::Asyncio(AsyncioError::OsError(error)) if error.kind == OsErrorKind::AccessDenied),
        "{error}"
    );
}

#[tokio::test]
async fn workers_are_stopped_and_reloaded_by_a_handle() {
    let host = Host::builder().build().unwrap();
    let endless = host.load("endless", component(ENDLESS)).unwrap();
    let two = NonZeroUsize::new(2).unwrap();
    let workers = Workers::new(&endless, two, Runner::new).start();
    assert!(workers.status().outcome.is_none());
    let elsewhere = workers.clone();
    tokio::spawn(async move { elsewhere.stop().await });
    let outcome = tokio::time::timeout(DEADLINE, workers.wait()).await.expect("they stop").unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
    assert!(matches!(workers.status().outcome, Some(Ok(Outcome::Stopped { .. }))));

    let workers = Workers::new(&endless, two, Runner::new).start();
    workers.reload(&host.load("another", component(ENDLESS)).unwrap()).await;
    // A program that does not come up changes nothing.
    workers.reload(&host.load("quick", component("i32.const 1")).unwrap()).await;
    workers.stop().await;
    let outcome = tokio::time::timeout(DEADLINE, workers.wait()).await.expect("they stop").unwrap();
    assert_eq!(outcome, Outcome::Stopped { cut_connections: 0 });
}

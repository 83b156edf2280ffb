//! Our `wasi:sockets` does what wasmtime-wasi's does: one program on both, and what it prints is equal.

use std::process::Command;

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasyncio_tests::{command, dist, finish};

/// What wasmtime-wasi alone needs.
struct Plain {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Plain {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What the program prints with nothing of ours.
async fn reference() -> String {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).expect("a machine that runs wasmtime");
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI 0.2");
    wasmtime_wasi::p3::add_to_linker(&mut linker).expect("WASI 0.3");
    let printed = MemoryOutputPipe::new(1 << 20);
    let mut wasi = WasiCtx::builder();
    wasi.stdout(printed.clone()).inherit_network().allow_tcp(true);
    let mut store = Store::new(&engine, Plain { wasi: wasi.build(), table: ResourceTable::new() });
    let component = Component::from_file(&engine, dist("tests/socket-states.wasm")).expect("it is a component");
    let program = wasmtime_wasi::p3::bindings::Command::instantiate_async(&mut store, &component, &linker);
    let program = program.await.expect("all that it imports is there");
    let ended = store.run_concurrent(async |store| program.wasi_cli_run().call_run(store).await).await;
    ended.expect("the event loop ends").expect("the program ends").expect("it succeeds");
    // The lines that are under way.
    let rest = store.run_concurrent(async |store| {
        std::future::poll_fn(|context| store.poll_no_interesting_tasks(context)).await;
    });
    tokio::time::timeout(wasyncio_tests::DEADLINE, rest).await.expect("in time").expect("the event loop ends");
    String::from_utf8(printed.contents().to_vec()).expect("it prints UTF-8")
}

fn ours() -> String {
    let mut run = Command::new(command());
    run.args(["run", "--allow-listen", "*:*", "--allow-connect", "*:*", "--allow-source", "*"]);
    let finished = finish(run.arg(dist("tests/socket-states.wasm")));
    assert!(finished.status.success(), "{}", finished.stderr);
    finished.stdout
}

/// Where ours does otherwise, on purpose: the step, what wasmtime-wasi prints and what ours does.
const ON_PURPOSE: &[(&str, &str, &str)] = &[
    // The peer is known from the beginning: a program wants to tell of whom it was that reset the connection.
    ("client, both ended remote", "Err(ErrorCode::InvalidState)", "Ok("),
    ("remote after a reset", "false", "true"),
    // The system tells of a reset once, to the direction that asks first; the other one is told too.
    ("send after a reset", "Err(ErrorCode::ConnectionBroken)", "Err(ErrorCode::ConnectionReset)"),
];

fn is_on_purpose(printed: &str, expected: &str) -> bool {
    let is = |line: &str, step: &str, outcome: &str| {
        line.strip_prefix(step).and_then(|rest| rest.strip_prefix(": ")).is_some_and(|rest| rest.starts_with(outcome))
    };
    ON_PURPOSE.iter().any(|(step, theirs, ours)| is(expected, step, theirs) && is(printed, step, ours))
}

#[tokio::test]
async fn every_call_in_every_state_does_the_same_as_with_wasmtime_wasi() {
    let expected = reference().await;
    let printed = tokio::task::spawn_blocking(ours).await.expect("it was run");
    let lines = expected.lines().count();
    assert!(lines > 900, "only {lines} lines: {expected}");
    let mut on_purpose = 0;
    for (number, (printed, expected)) in printed.lines().zip(expected.lines()).enumerate() {
        if is_on_purpose(printed, expected) {
            on_purpose += 1;
        } else {
            assert_eq!(printed, expected, "line {number}: ours, and wasmtime-wasi's");
        }
    }
    assert_eq!(printed.lines().count(), lines);
    assert_eq!(on_purpose, 2 * ON_PURPOSE.len(), "once for each family");
}

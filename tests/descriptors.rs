//! The echo server of the examples with fewer descriptors than clients, on our command and on the stock wasmtime command.
#![cfg(unix)]

use std::process::Command;

use wasyncio_tests::{command, example, serve_everybody, stock_wasmtime};

#[test]
fn everybody_is_served_by_our_command() {
    let mut ours = Command::new(command());
    ours.arg("run").arg(example("echo-server")).args(["--allow-listen", "127.0.0.1:0", "--", "127.0.0.1:0"]);
    serve_everybody(&ours);
}

#[test]
fn everybody_is_served_by_the_stock_command() {
    let Some(wasmtime) = stock_wasmtime() else { return };
    let mut stock = Command::new(wasmtime);
    stock.args(["run", "-W", "component-model-async=y", "-S", "p3,inherit-network,tcp"]);
    stock.arg(example("echo-server")).arg("127.0.0.1:0");
    serve_everybody(&stock);
}

//! What a program does in the connection scenarios: the same as `tests/oracle/scenarios.py`, function by function. Compiled twice: as
//! `scenarios` on `wasyncio-client`, and as `scenarios-linked` on the crate `wasyncio`, either under the name `asyncio`.
//! `tests/scenarios.rs` plays the peer and compares the transcripts.

mod clients;
mod servers;
mod transcript;

use std::future::Future;
use std::pin::Pin;

type Scenario = fn() -> Pin<Box<dyn Future<Output = Result<(), asyncio::Error>>>>;

macro_rules! scenarios {
    ($($module:ident: $($name:ident),+;)+) => {
        /// Every scenario by its name, which is that of the function in the oracle.
        const SCENARIOS: &[(&str, Scenario)] = &[$($((stringify!($name), || Box::pin($module::$name())),)+)+];
    };
}

scenarios! {
    clients: half_close, reset_while_reading, reset_while_writing, write_after_close, second_waiter, cancelled_read,
        slow_reader, cancelled_drain, close_with_unsent_data, close_ends_a_waiting_read, abort_drops_unsent_data,
        flood_without_newline, larger_than_the_limit, pause_reading, water_marks, refused;
    servers: server_shutdown_with_clients, start_serving_later, serve_forever, bind_failures;
}

struct Scenarios;

impl wasip3::exports::cli::run::Guest for Scenarios {
    async fn run() -> Result<(), ()> {
        let name = console::arguments().into_iter().next().unwrap_or_default();
        if name == "list" {
            SCENARIOS.iter().for_each(|(name, _)| console::println(*name));
            return Ok(());
        }
        let Some((_, scenario)) = SCENARIOS.iter().find(|(known, _)| *known == name) else {
            console::eprintln(format!("no scenario '{name}'"));
            return Err(());
        };
        scenario().await.map_err(|error| console::eprintln(format!("{name}: {error:?}")))
    }
}

wasip3::cli::command::export!(Scenarios);

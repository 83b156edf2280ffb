//! What a program does in the connection scenarios: the same as `tests/oracle/scenarios.py`, function by function. Compiled twice: as
//! `scenarios` on `wasyncio-client`, and as `scenarios-linked` on the crate `wasyncio`, either under the name `asyncio`.
//! `tests/scenarios.rs` plays the peer and compares the transcripts.

mod clients;
mod servers;
#[path = "../../shared/told.rs"]
mod told;
mod transcript;

case_runner::cases! {
    clients: half_close, reset_while_reading, reset_while_writing, write_after_close, second_waiter, cancelled_read,
        slow_reader, cancelled_drain, close_with_unsent_data, close_ends_a_waiting_read, abort_drops_unsent_data,
        flood_without_newline, larger_than_the_limit, pause_reading, water_marks, refused;
    servers: server_shutdown_with_clients, start_serving_later, serve_forever, bind_failures;
}

//! How connections end, and how listening begins: one source for the crate `wasyncio` linked in, for `bindings/rust` and for the
//! methods of `wit/` as generated, each under the name `asyncio`. `tests/oracle/ends.py` is the same program for CPython,
//! function by function; `tests/ends.rs` plays the peers and compares the transcripts.

mod accepting;
mod endings;
mod listening;
#[path = "../told.rs"]
mod told;
mod transcript;

case_runner::cases! {
    endings: reset_while_closing, reset_while_draining, reset_wakes_every_waiter, reset_wakes_a_read_too,
        reset_while_write_eof_is_pending, reset_while_write_eof_and_close_are_pending,
        reset_after_close_while_a_send_is_awaited, reset_after_all_was_dropped, reset_while_reading, abort_while_closing, peername_after_reset, peername_of_a_peer_gone_before_accept,
        given_up_drains_leave_nothing;
    listening: the_first_address_is_lacking, the_only_address_is_lacking, one_family_cannot_be_bound,
        one_family_does_not_exist;
    accepting: listeners_take_turns, echo;
}

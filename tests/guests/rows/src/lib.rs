//! One case for every row that the scenarios do not compare with CPython: what has no counterpart there, what needs a special
//! network. A case fails by returning what was wrong. Compiled twice: as `rows` on `wasyncio-client`, and as `rows-linked` on the
//! crate `wasyncio`, either under the name `asyncio`.

mod connecting;
mod helpers;
mod readers;
mod serving;

case_runner::cases! {
    connecting: the_next_address_is_tried_when_one_refuses, a_silent_address_is_overtaken, families_are_raced,
        all_failures_are_told, a_cancelled_connect_leaves_nothing, the_losers_of_a_race_are_closed, unsupported_options_are_named,
        unresolved_and_denied_names_are_told_apart, a_local_address_without_a_host_is_this_machine;
    readers: several_separators_shortest_match_wins, lines_are_iterated,
        a_transport_writes_and_tells_of_its_socket, a_fed_reader_pauses_its_transport, a_protocol_feeds_its_reader,
        fed_readers_wake_who_waits_without_any_connection, reads_of_many_connections_that_are_given_up_lose_nothing,
        a_pair_is_made_from_streams, a_dropped_writer_closes, a_dropped_reader_leaves_the_writer,
        more_than_one_stream_operation_takes_is_written_and_read_at_once, both_directions_at_once, bytes_leave_while_something_else_is_awaited, header_and_body_leave_together;
    serving: several_hosts_and_families, every_interface_without_a_host, keep_alive_reaches_the_connections, a_bound_socket_is_served, clients_are_closed,
        clients_are_aborted, a_cancelled_accept_loses_no_connection, close_ends_every_waiting_accept,
        two_hundred_cancelled_reads_leave_nothing;
}

//! The interface `raw` by itself, by bindings of this program's own; and calls of every kind that are cancelled.

mod accepting;
mod bindings;
mod cancelling;
mod ending;
mod helpers;
mod opening;
mod taking;

case_runner::cases! {
    accepting: accept_gives_all_that_wait, accept_starts_to_listen, close_ends_a_waiting_accept,
        a_cancelled_accept_loses_no_connection, an_answer_that_came_and_was_dropped_closes_its_connections,
        a_list_that_is_dropped_closes_its_connections, both_accepts_go_together;
    opening: bytes_go_both_ways, a_connection_is_opened_once, the_peer_ends_its_sending_side_first,
        the_program_ends_its_sending_side_first, a_side_that_sent_nothing_is_ended, a_reset_is_told,
        a_reset_while_sending_is_told, dropping_an_unopened_connection_closes_it, dropping_both_directions_closes,
        extra_info_is_known_before_and_after_the_end;
    taking: a_connection_is_taken, what_was_read_ahead_comes_first, a_read_in_flight_loses_nothing,
        reader_and_writer_of_two_connections_are_refused, a_connection_that_was_written_to_is_refused,
        a_pair_of_streams_is_refused, a_closed_connection_is_refused, the_error_that_broke_it_is_told,
        the_end_of_the_stream_is_not_lost, a_connection_whose_end_was_read_is_taken, a_cancelled_take_closes;
    ending: wait_closed_waits_for_taken_connections, close_clients_is_told, abort_clients_is_told,
        abort_after_close_is_told_last, a_connection_that_was_taken_is_told, unopened_connections_are_ended,
        others_are_not_told, a_dropped_server_leaves_its_connections;
    cancelling: cancelled_reads_lose_nothing_that_comes_later, cancelled_reads_lose_nothing_that_was_collected,
        cancelled_reads_lose_nothing_that_is_on_its_way, an_answer_that_was_not_looked_at_goes_alone,
        cancelled_reads_of_a_fed_reader_lose_nothing, cancelled_drains_and_waits_leave_the_writer,
        cancelled_calls_leave_the_protocol, cancelled_accepts_lose_no_connection,
        accepts_cancelled_while_a_connection_comes_keep_or_close_it, cancelled_calls_leave_the_server,
        a_cancelled_serve_forever_closes, cancelled_makers_leave_no_descriptors, cancelled_waits_leave_no_descriptors,
        cancelled_reads_of_a_pair_of_streams_lose_nothing;
}

//! What crosses the boundary as it is: the plain methods, by bindings of this program's own.

mod bindings;
mod cases;

case_runner::cases! {
    cases: every_error_comes_back_as_it_was_stored,
        numbers_reach_their_ends,
        a_delay_is_any_number_that_is_not_negative,
        a_million_calls_that_answer_at_once_leave_nothing;
}

//! What can happen to a server, and random orders of it.

use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Accept,
    AcceptHalves,
    StartServing,
    WaitClosed,
    /// The waiter of this number, of those that are there.
    Cancel(usize),
    Close,
    CloseClients,
    AbortClients,
    /// The program is done with the connection of this number, of those that are there.
    DropClient(usize),
    /// A peer connects to the socket of this number.
    Connects(usize),
    Ends(usize),
    ListenIsHeld(usize, bool),
    CloseIsHeld(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let socket = || 0..3usize;
    prop_oneof![
        8 => Just(Step::Accept),
        3 => Just(Step::AcceptHalves),
        2 => Just(Step::StartServing),
        2 => Just(Step::WaitClosed),
        5 => (0..5usize).prop_map(Step::Cancel),
        1 => Just(Step::Close),
        1 => prop_oneof![Just(Step::CloseClients), Just(Step::AbortClients)],
        4 => (0..5usize).prop_map(Step::DropClient),
        12 => socket().prop_map(Step::Connects),
        1 => socket().prop_map(Step::Ends),
        2 => (socket(), any::<bool>()).prop_map(|(socket, held)| Step::ListenIsHeld(socket, held)),
        1 => (socket(), any::<bool>()).prop_map(|(socket, held)| Step::CloseIsHeld(socket, held)),
    ]
}

/// How many listening sockets, the steps, and whether the program rests behind each.
pub(crate) fn script() -> impl Strategy<Value = (usize, Vec<(Step, bool)>)> {
    (1..4usize, prop::collection::vec((step(), prop::bool::weighted(0.7)), 1..30))
}

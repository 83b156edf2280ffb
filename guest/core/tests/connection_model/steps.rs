//! What can happen to a connection, and random orders of it.

use std::fmt;
use std::io;

use proptest::prelude::*;
use wasyncio_core::scripted::Manner;
use wasyncio_core::transport::Capabilities;

/// A read, as the program calls it.
#[derive(Clone, Debug)]
pub(crate) enum ReadCall {
    Read(i64),
    ReadLine,
    ReadExactly(i64),
    ReadUntil(&'static [&'static str]),
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    // The program.
    Write(usize),
    WriteOwned(usize),
    WriteLines(Vec<usize>),
    Drain,
    WriteEof,
    Close,
    TransportClose,
    Abort,
    DropWriter,
    DropReader,
    DropTransport,
    Start(ReadCall),
    PauseReading,
    ResumeReading,
    SetWriteBufferLimits(Option<u64>, Option<u64>),
    GetWriteBufferSize,
    WaitClosed,
    GetExtraInfo,
    /// The waiter of this number, of those that are there.
    Cancel(usize),
    Take,
    CloseClients,
    AbortClients,
    // The peer.
    PeerSends(usize),
    PeerSendsLine(usize),
    PeerEnds,
    PeerResets(io::ErrorKind),
    // The system.
    SystemTakes(usize),
    SystemTakesAll,
    SystemBlocks,
    SendingBreaks(Option<io::ErrorKind>),
    OutcomeIsHeld(bool),
}

/// A connection, and what happens to it.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) limit: usize,
    pub(crate) manner: Manner,
    pub(crate) capabilities: Capabilities,
    /// Each step, and whether the program rests behind it.
    pub(crate) steps: Vec<(Step, bool)>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "limit {}, {:?}, {:?}", self.limit, self.manner, self.capabilities)?;
        for (step, rests) in &self.steps {
            writeln!(f, "    {step:?}{}", if *rests { "" } else { ", and at once" })?;
        }
        Ok(())
    }
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 1..30usize, 3 => 200..5000usize, 1 => prop::sample::select(vec![17_000, 66_000, 140_000])]
}

fn kind() -> impl Strategy<Value = io::ErrorKind> {
    prop::sample::select(vec![io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut])
}

fn read_call() -> impl Strategy<Value = ReadCall> {
    prop_oneof![
        3 => prop_oneof![Just(0), Just(-1), 1..100i64, Just(100_000)].prop_map(ReadCall::Read),
        3 => Just(ReadCall::ReadLine),
        2 => prop_oneof![4 => 0..60i64, 1 => Just(3000)].prop_map(ReadCall::ReadExactly),
        2 => prop::sample::select(vec![&["\n"][..], &["ab"], &["abc", "b", "xyz"]]).prop_map(ReadCall::ReadUntil),
    ]
}

fn mark() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(prop_oneof![Just(0u64), 1..100u64, Just(30_000)])
}

fn step() -> impl Strategy<Value = Step> {
    use Step as S;
    let program = prop_oneof![
        10 => count().prop_map(S::Write),
        4 => count().prop_map(S::WriteOwned),
        2 => prop::collection::vec(0..40usize, 0..4).prop_map(S::WriteLines),
        8 => Just(S::Drain),
        2 => Just(S::WriteEof),
        2 => Just(S::Close),
        1 => Just(S::TransportClose),
        1 => Just(S::Abort),
        1 => Just(S::DropWriter),
        1 => Just(S::DropReader),
        1 => Just(S::DropTransport),
        16 => read_call().prop_map(S::Start),
        2 => Just(S::PauseReading),
        2 => Just(S::ResumeReading),
        3 => (mark(), mark()).prop_map(|(high, low)| S::SetWriteBufferLimits(high, low)),
        1 => Just(S::GetWriteBufferSize),
        2 => Just(S::WaitClosed),
        1 => Just(S::GetExtraInfo),
        4 => (0..4usize).prop_map(S::Cancel),
        1 => Just(S::Take),
        1 => prop_oneof![Just(S::CloseClients), Just(S::AbortClients)],
    ];
    let peer = prop_oneof![
        5 => count().prop_map(S::PeerSends),
        5 => count().prop_map(S::PeerSendsLine),
        1 => Just(S::PeerEnds),
        1 => kind().prop_map(S::PeerResets),
    ];
    let system = prop_oneof![
        6 => count().prop_map(S::SystemTakes),
        2 => Just(S::SystemTakesAll),
        4 => Just(S::SystemBlocks),
        1 => prop::option::of(kind()).prop_map(S::SendingBreaks),
        1 => any::<bool>().prop_map(S::OutcomeIsHeld),
    ];
    prop_oneof![6 => program, 2 => peer, 2 => system]
}

/// Random orders.
pub(crate) fn script() -> impl Strategy<Value = Script> {
    let manner = (any::<bool>(), any::<bool>())
        .prop_map(|(slow, in_flight_until_collected)| Manner { slow, in_flight_until_collected });
    let capabilities = prop_oneof![
        3 => Just(Capabilities::default()),
        1 => Just(Capabilities { can_write_eof: false, open_after_eof: false, waits_for_end: false }),
    ];
    let limit = prop::sample::select(vec![1, 10, 300, 65_536]);
    let steps = prop::collection::vec((step(), prop::bool::weighted(0.7)), 1..24);
    (limit, manner, capabilities, steps).prop_map(|(limit, manner, capabilities, steps)| Script {
        limit,
        manner,
        capabilities,
        steps,
    })
}

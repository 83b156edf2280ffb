//! Which programs are tried: small ones in which much happens.
//!
//! Few different bytes make separators, parts of separators and overlapping ones likely; small limits make overruns likely. What
//! ends the interesting part of a program, an end or an exception, is rarer than what keeps it going.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::program::{Exception, OS_ERRORS, Operation, Program, Step, TextError};

/// The most steps in a program.
const MAX_STEPS: usize = 24;

/// Where the bytes of a program's reader come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// They are fed by hand.
    Hand,
    /// A peer sends them over a connection.
    Connection,
}

/// Any program for a reader with such a source.
pub fn programs(source: Source) -> impl Strategy<Value = Program> {
    (limits(), vec(steps(), 1..=MAX_STEPS)).prop_map(move |(limit, steps)| {
        let program = Program::new(limit, steps);
        match source {
            Source::Hand => program,
            Source::Connection => program.for_a_connection(),
        }
    })
}

fn limits() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![
        80 => (1..=20u32).prop_map(Some),
        15 => Just(None),
        2 => prop_oneof![Just(u32::MAX), Just(i32::MAX as u32)].prop_map(Some),
        1 => Just(Some(0)),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let operations = prop_oneof![60 => changes(), 40 => reads_and_questions()];
    (operations, prop::bool::weighted(0.15)).prop_map(|(operation, rushes)| Step { operation, settles: !rushes })
}

fn changes() -> impl Strategy<Value = Operation> {
    prop_oneof![
        300 => vec(bytes(), 0..=12).prop_map(|bytes| Operation::Feed(bytes, 1)),
        100 => vec(bytes(), 1..=3).prop_map(|bytes| Operation::Feed(bytes, 1)),
        4 => (vec(bytes(), 1..=6), 1..30_000u32).prop_map(|(bytes, times)| Operation::Feed(bytes, times)),
        35 => Just(Operation::FeedEof),
        25 => exceptions().prop_map(Operation::SetException),
        90 => (0..3u8).prop_map(Operation::Cancel),
    ]
}

fn reads_and_questions() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (0..=16i32).prop_map(Operation::Read),
        4 => Just(Operation::Read(-1)),
        1 => extreme_counts().prop_map(Operation::Read),
        8 => Just(Operation::ReadLine),
        8 => (0..=30i32).prop_map(Operation::ReadExactly),
        1 => extreme_counts().prop_map(Operation::ReadExactly),
        10 => separator().prop_map(|separator| Operation::ReadUntil(vec![separator])),
        6 => vec(separator(), 2..=4).prop_map(Operation::ReadUntil),
        1 => vec(vec(bytes(), 0..=2), 0..=3).prop_map(Operation::ReadUntil),
        3 => Just(Operation::AtEof),
        2 => Just(Operation::Exception),
    ]
}

fn bytes() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(b'a'), 3 => Just(b'b'), 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0xff)]
}

fn separator() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(bytes(), 1..=3), 1 => vec(bytes(), 4..=7)]
}

fn extreme_counts() -> impl Strategy<Value = i32> {
    prop_oneof![-3..0i32, Just(i32::MIN), Just(i32::MAX), Just(1 << 30), 1000..100_000i32]
}

fn exceptions() -> impl Strategy<Value = Exception> {
    let kinds = prop::sample::select(vec![
        TextError::Value,
        TextError::Runtime,
        TextError::Assertion,
        TextError::NotImplemented,
        TextError::Exception,
    ]);
    let os_kinds = prop::sample::select(OS_ERRORS.map(|(kind, _)| kind).to_vec());
    prop_oneof![
        5 => (kinds, texts()).prop_map(|(kind, text)| Exception::Text(kind, text)),
        4 => (os_kinds, texts()).prop_map(|(kind, text)| Exception::Os(kind, text)),
        // asyncio's own two, which `readline` handles also where they were stored.
        2 => (vec(bytes(), 0..=4), prop::option::of(0..=20u32)).prop_map(|(partial, expected)| Exception::Incomplete(partial, expected)),
        2 => (texts(), 0..=12u32).prop_map(|(message, consumed)| Exception::Overrun(message, consumed)),
        1 => vec(texts(), 1..=3).prop_map(Exception::Group),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "broken", "gone away", "größer"]).prop_map(str::to_owned)
}

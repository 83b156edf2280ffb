//! The harness itself: it must notice a difference, make it small and print what Python can run.

use wasyncio_conformance::{
    Abilities, Comparison, Difference, Exception, Operation, Program, Side, Source, Step, TextError,
};
use wasyncio_python::Python;

const ORACLE: &str = include_str!("../src/oracle.py");

/// The machine's Python running the oracle's source; none if there is none and the test may be left out.
fn python(source: String) -> Option<Side> {
    let newest = Python::required()?;
    let start = move || {
        let mut python = newest.command();
        python.args(["-X", "utf8", "-c", &source]);
        python
    };
    Some(Side::start(start, |version| (version.to_owned(), Abilities::OneSeparator)).expect("it runs"))
}

/// The oracle against itself with a fault.
fn faulty(right: &str, wrong: &str) -> Option<Comparison> {
    assert!(ORACLE.contains(right), "the oracle has no more '{right}'");
    Some(Comparison::new(Source::Hand, python(ORACLE.replace(right, wrong))?, vec![python(ORACLE.to_owned())?]))
}

fn step(operation: Operation) -> Step {
    Step { operation, settles: true }
}

#[test]
fn equal_sides_show_no_difference() {
    let Some(mut comparison) = faulty("limit=int(limit)", "limit=int(limit)") else { return };
    assert_eq!(comparison.run(500, 1, 1, |_| {}).differences, 0);
}

#[test]
fn a_wrong_limit_is_noticed_and_made_small() {
    let Some(mut comparison) = faulty("limit=int(limit)", "limit=int(limit) + 1") else { return };
    let totals = comparison.run(1000, 1, 1, |_| {});
    assert!(totals.differences > 0);
    let small = &totals.shown[0];
    assert!(small.program.steps.len() <= 2, "{}", small.program);
}

#[test]
fn a_wrong_message_a_lost_byte_and_a_missing_wakeup_are_noticed() {
    let faults = [
        ("return f'overrun({error}, ", "return f'overrun({error}., "),
        ("self._buffer[:0] = b''.join(self.taken.get(task, ()))", "pass"),
        ("reader.feed_eof()", "reader._eof = True"),
    ];
    for (right, wrong) in faults {
        let Some(mut comparison) = faulty(right, wrong) else { return };
        assert!(comparison.run(1500, 1, 0, |_| {}).differences > 0, "{wrong}");
    }
}

#[test]
fn a_program_that_a_side_cannot_run_is_left_out_and_counted() {
    let Some((ours, oracle)) = python(ORACLE.to_owned()).zip(python(ORACLE.to_owned())) else { return };
    let program = |separators: &[&[u8]]| {
        let separators = separators.iter().map(|separator| separator.to_vec()).collect();
        Program::new(None, vec![step(Operation::ReadUntil(separators))])
    };
    assert!(ours.can_run(&program(&[b"a"])) && !ours.can_run(&program(&[b"a", b"b"])));
    let totals = Comparison::new(Source::Hand, ours, vec![oracle]).run(500, 1, 1, |_| {});
    assert!(totals.left_out > 0 && totals.left_out < 500 && totals.differences == 0, "{totals:?}");
}

#[test]
fn a_side_that_ends_is_a_difference_of_that_program_alone() {
    let Some(mut comparison) = faulty("return self.start(reader.readline())", "sys.exit('gone')") else { return };
    let program = |operation| Program::new(None, vec![step(operation)]);
    let programs = [program(Operation::AtEof), program(Operation::ReadLine), program(Operation::FeedEof)];
    let differences = comparison.differences(&programs);
    assert!(differences[0].is_none() && differences[2].is_none(), "{differences:?}");
    let difference = differences[1].as_ref().expect("the process ended");
    assert_eq!(difference.ours, "no report: the process ended: gone");
}

#[test]
fn a_snippet_is_python() {
    let Some(newest) = Python::required() else { return };
    let bytes = b"a\r\n\xff'\\".to_vec();
    let operations = [
        Operation::Feed(bytes.clone(), 1),
        Operation::Feed(bytes.clone(), 3),
        Operation::Read(3),
        Operation::Read(-1),
        Operation::ReadUntil(vec![bytes.clone()]),
        Operation::Cancel(0),
        Operation::SetException(Exception::Text(TextError::Value, "größer".into())),
        Operation::SetException(Exception::Os("connection-reset", "gone".into())),
        Operation::SetException(Exception::Incomplete(bytes, None)),
        Operation::SetException(Exception::Overrun(String::new(), 3)),
        Operation::SetException(Exception::Group(vec!["one".into(), "two".into()])),
        Operation::ReadLine,
        Operation::ReadExactly(7),
        Operation::FeedEof,
        Operation::AtEof,
        Operation::Exception,
    ];
    let difference = Difference {
        program: Program::new(Some(5), operations.map(step).to_vec()),
        ours: String::new(),
        expected: String::new(),
        oracle: "CPython".into(),
    };
    let snippet = difference.snippet().to_string();
    let output = newest.command().args(["-X", "utf8", "-c", &snippet]).output().expect("it runs");
    assert!(output.status.success(), "{snippet}\n{}", String::from_utf8_lossy(&output.stderr));
}

//! A difference as a Python program that shows the expected behaviour with asyncio alone.

use std::fmt;

use crate::compare::Difference;
use crate::program::{Exception, OS_ERRORS, Operation, Step};

/// Prints a [`Difference`]. What CPython reports is beside each step; where wasyncio's report differs, that is too.
pub struct Snippet<'a>(pub(crate) &'a Difference);

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { program, ours, expected, oracle } = self.0;
        writeln!(f, "# Program: {program}")?;
        if program.needs_several_separators() {
            writeln!(f, "# Needs CPython 3.13 or later.")?;
        }
        if program.steps.iter().any(|step| matches!(step.operation, Operation::Read(..0))) {
            writeln!(
                f,
                "# Not a difference, though asyncio shows it: what a cancelled or failed read(-1) had taken is lost"
            )?;
            writeln!(f, "# in CPython and goes back into the buffer in wasyncio.")?;
        }
        writeln!(f, "import asyncio, contextlib, socket\n")?;
        writeln!(f, "async def settle():\n    for _ in range(10):\n        await asyncio.sleep(0)\n")?;
        writeln!(f, "async def main():")?;
        let mut expected = expected.split('\t');
        let mut ours = ours.split('\t');
        let limit = program.limit.map_or(String::new(), |limit| format!("limit={limit}"));
        writeln!(f, "    reader = asyncio.StreamReader({limit})")?;
        let mut reads = 0;
        for Step { operation, settles } in &program.steps {
            let report = expected.next().unwrap_or("nothing");
            let call = Call { operation, read: reads, report };
            reads += usize::from(operation.starts_read());
            writeln!(f, "    {call}")?;
            if *settles {
                writeln!(f, "    await settle()")?;
            }
            remark(f, oracle, report, ours.next().unwrap_or("nothing"))?;
        }
        let names: Vec<_> = (0..reads).map(|read| format!("read{read}, ")).collect();
        writeln!(f, "    reads = [{}]", names.concat().trim_end_matches(", "))?;
        writeln!(f, "    print(*reads, sep='\\n')  # before what still waits is cancelled")?;
        writeln!(f, "    for read in reads:\n        read.cancel()")?;
        writeln!(f, "    await settle()")?;
        writeln!(f, "    print(reader.at_eof(), reader.exception(), bytes(reader._buffer))")?;
        remark(f, oracle, expected.next().unwrap_or("nothing"), ours.next().unwrap_or("nothing"))?;
        writeln!(f, "\nasyncio.run(main())")
    }
}

fn remark(f: &mut fmt::Formatter<'_>, oracle: &str, expected: &str, ours: &str) -> fmt::Result {
    let expected = expected.trim_end_matches("; ");
    let ours = ours.trim_end_matches("; ");
    writeln!(f, "    # {oracle}: {expected}")?;
    if ours != expected {
        writeln!(f, "    # wasyncio, which is wrong: {ours}")?;
    }
    Ok(())
}

/// One step as a statement.
struct Call<'a> {
    operation: &'a Operation,
    /// The number of the read, if this starts one.
    read: usize,
    /// What CPython reported.
    report: &'a str,
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation.starts_read() {
            write!(f, "read{} = asyncio.create_task(reader.", self.read)?;
        }
        match self.operation {
            Operation::Feed(bytes, times) => {
                if self.report.starts_with("assertion(") {
                    f.write_str("with contextlib.suppress(AssertionError): ")?;
                }
                write!(f, "reader.feed_data({}", literal(bytes))?;
                if *times == 1 { f.write_str(")") } else { write!(f, " * {times})") }
            }
            Operation::FeedEof => f.write_str("reader.feed_eof()"),
            Operation::SetException(exception) => write!(f, "reader.set_exception({})", construct(exception)),
            Operation::Read(n) => write!(f, "read({n}))"),
            Operation::ReadLine => f.write_str("readline())"),
            Operation::ReadExactly(n) => write!(f, "readexactly({n}))"),
            Operation::ReadUntil(separators) => match separators.as_slice() {
                [separator] => write!(f, "readuntil({}))", literal(separator)),
                several => {
                    let several: Vec<_> = several.iter().map(|separator| literal(separator)).collect();
                    write!(f, "readuntil(({})))", several.join(", "))
                }
            },
            Operation::Cancel(_) => match self.report.split([' ', ';']).nth(1) {
                Some(number) if self.report.starts_with("cancelled ") => write!(f, "read{number}.cancel()"),
                _ => f.write_str("pass  # cancels nothing: no read waits"),
            },
            Operation::AtEof => f.write_str("print(reader.at_eof())"),
            Operation::Exception => f.write_str("print(reader.exception())"),
        }
    }
}

fn construct(exception: &Exception) -> String {
    match exception {
        Exception::Text(kind, text) => format!("{}({text:?})", kind.class()),
        Exception::Incomplete(partial, expected) => {
            let expected = expected.map_or("None".to_owned(), |expected| expected.to_string());
            format!("asyncio.IncompleteReadError({}, {expected})", literal(partial))
        }
        Exception::Overrun(message, consumed) => format!("asyncio.LimitOverrunError({message:?}, {consumed})"),
        Exception::Os(kind, text) => {
            let class = OS_ERRORS.iter().find_map(|(name, class)| (name == kind).then_some(*class));
            format!("{}({text:?})", class.unwrap_or("OSError"))
        }
        Exception::Group(texts) => {
            let errors: Vec<_> = texts.iter().map(|text| format!("OSError({text:?})")).collect();
            format!("ExceptionGroup('create_connection failed', [{}])", errors.join(", "))
        }
    }
}

/// Bytes as Python writes them.
fn literal(bytes: &[u8]) -> String {
    format!("b'{}'", bytes.escape_ascii())
}

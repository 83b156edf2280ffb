//! A process that runs programs: one line in, one line out, in the same order.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::program::Program;

/// How long one report may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Which programs a side can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abilities {
    /// Any.
    All,
    /// Those without none or several separators in a `readuntil`, which CPython has since 3.13.
    OneSeparator,
}

/// One implementation of a stream reader, in a process that lives as long as this and is started again when it ends.
pub struct Side {
    name: String,
    abilities: Abilities,
    command: Box<dyn FnMut() -> Command + Send>,
    process: Process,
}

impl Side {
    /// Starts the process. The first line that it prints says what it is; `describe` makes a name and abilities of it.
    ///
    /// # Errors
    /// Why the process cannot be started.
    pub fn start(
        mut command: impl FnMut() -> Command + Send + 'static,
        describe: impl FnOnce(&str) -> (String, Abilities),
    ) -> Result<Self, String> {
        let (process, greeting) = Process::start(&mut command())?;
        let (name, abilities) = describe(&greeting);
        Ok(Self { name, abilities, command: Box::new(command), process })
    }

    /// What this is, for the user.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which programs it can run.
    pub fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// Whether this can run `program`.
    pub fn can_run(&self, program: &Program) -> bool {
        match self.abilities {
            Abilities::All => true,
            Abilities::OneSeparator => !program.needs_several_separators(),
        }
    }

    /// Runs programs and gives their reports, none for those that it cannot run. A program that ends or hangs the
    /// process has that as its report.
    pub fn run(&mut self, programs: &[Program]) -> Vec<Option<String>> {
        let runs = |program: &&Program| self.can_run(program);
        let lines: Vec<_> = programs.iter().filter(runs).map(|program| format!("{program}\n")).collect();
        let mut reports = Vec::with_capacity(lines.len());
        while reports.len() < lines.len() {
            // Every line has its report, so this is where to go on.
            let left = &lines[reports.len()..];
            if let Some(failure) = self.process.exchange(left, &mut reports) {
                reports.push(format!("no report: {failure}"));
                match Process::start(&mut (self.command)()) {
                    Ok((process, _)) => self.process = process,
                    Err(error) => reports.resize(lines.len(), format!("no report: {error}")),
                }
            }
        }
        let mut reports = reports.into_iter();
        programs.iter().map(|program| if self.can_run(program) { reports.next() } else { None }).collect()
    }
}

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Process {
    fn start(command: &mut Command) -> Result<(Self, String), String> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", command.get_program().to_string_lossy()))?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("piped");
        let errors = child.stderr.take().expect("piped");
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let errors = Some(thread::spawn(move || text_of(errors)));
        let mut process = Self { child, input, lines, errors };
        let greeting = process.line()?;
        Ok((process, greeting))
    }

    /// Sends all lines and adds the answers to `reports`; if not all came, tells why.
    fn exchange(&mut self, lines: &[String], reports: &mut Vec<String>) -> Option<String> {
        let mut input = self.input.take().expect("it is put back below");
        thread::scope(|scope| {
            // Beside the answers, because both pipes have a bounded size.
            let sending = scope.spawn(move || {
                for line in lines {
                    // A process that has ended is noticed by its missing answers.
                    if input.write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
                input
            });
            let mut failure = None;
            for _ in lines {
                match self.line() {
                    Ok(report) => reports.push(report),
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            self.input = sending.join().ok();
            failure
        })
    }

    /// The next line, or how the process ended.
    fn line(&mut self) -> Result<String, String> {
        let ended = match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => format!("nothing came for {} s", DEADLINE.as_secs()),
            Err(RecvTimeoutError::Disconnected) => "the process ended".to_owned(),
        };
        self.kill();
        let errors = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Err(format!("{ended}: {}", errors.trim().replace('\n', " / ")))
    }

    fn kill(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn text_of(mut output: impl Read) -> String {
    let mut bytes = Vec::new();
    match output.read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => io::Error::to_string(&error),
    }
}

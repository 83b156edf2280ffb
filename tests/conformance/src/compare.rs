//! Runs programs on all sides and looks for differences.

use std::thread;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::program::Program;
use crate::shrink::shrink;
use crate::side::Side;
use crate::snippet::Snippet;
use crate::strategy::{Source, programs};

/// How many programs the sides are sent at once.
const BATCH: usize = 2000;

/// The sides.
pub struct Comparison {
    source: Source,
    ours: Side,
    oracles: Vec<Side>,
}

/// A program whose report is not that of an oracle.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What was run.
    pub program: Program,
    /// What came of it here.
    pub ours: String,
    /// What should have come.
    pub expected: String,
    /// Who says so.
    pub oracle: String,
}

/// How a run went.
#[derive(Debug)]
pub struct Totals {
    /// How many programs were generated.
    pub cases: usize,
    /// How many of them were not run, because our side cannot.
    pub left_out: usize,
    /// How many of them showed a difference.
    pub differences: usize,
    /// How many showed one that did not come again, over connections: what had arrived was not seen in time.
    pub unrepeated: usize,
    /// The first of those that did, made small; those that then look alike, once.
    pub shown: Vec<Difference>,
}

impl Comparison {
    /// Compares `ours` with each of the oracles, by programs for such a source.
    pub fn new(source: Source, ours: Side, oracles: Vec<Side>) -> Self {
        Self { source, ours, oracles }
    }

    /// The names of the oracles.
    pub fn oracles(&self) -> Vec<&str> {
        self.oracles.iter().map(Side::name).collect()
    }

    /// Runs `cases` random programs that follow from `seed`. The first `shown` that show a difference are made small.
    /// `progress` is told how many are done.
    pub fn run(&mut self, cases: usize, seed: u64, shown: usize, mut progress: impl FnMut(usize)) -> Totals {
        let mut totals = Totals { cases, left_out: 0, differences: 0, unrepeated: 0, shown: Vec::new() };
        let mut generator = generator(seed);
        let strategy = programs(self.source);
        let mut done = 0;
        while done < cases {
            let count = BATCH.min(cases - done);
            let trees: Vec<_> =
                (0..count).map(|_| strategy.new_tree(&mut generator).expect("no program is rejected")).collect();
            let batch: Vec<_> = trees.iter().map(ValueTree::current).collect();
            totals.left_out += batch.iter().filter(|program| !self.ours.can_run(program)).count();
            for (tree, difference) in trees.into_iter().zip(self.differences(&batch)) {
                let Some(difference) = difference else { continue };
                if self.source == Source::Connection && self.difference(&difference.program).is_none() {
                    totals.unrepeated += 1;
                    continue;
                }
                totals.differences += 1;
                if totals.differences <= shown {
                    let small = shrink(tree, difference, |program| self.difference(program));
                    if totals.shown.iter().all(|shown| !shown.program.is_like(&small.program)) {
                        totals.shown.push(small);
                    }
                }
            }
            done += count;
            progress(done);
        }
        totals
    }

    /// What a single program shows.
    pub fn difference(&mut self, program: &Program) -> Option<Difference> {
        self.differences(std::slice::from_ref(program)).pop().flatten()
    }

    /// What each program shows.
    pub fn differences(&mut self, programs: &[Program]) -> Vec<Option<Difference>> {
        let (ours, expected) = thread::scope(|scope| {
            let ours = scope.spawn(|| self.ours.run(programs));
            let oracles: Vec<_> = self.oracles.iter_mut().map(|oracle| scope.spawn(|| oracle.run(programs))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("a side does not panic");
            (join(ours), oracles.into_iter().map(join).collect::<Vec<_>>())
        });
        let difference = |place: usize| {
            let (program, ours) = (&programs[place], ours[place].as_ref()?);
            self.oracles.iter().zip(&expected).find_map(|(oracle, reports)| {
                let expected = reports[place].as_ref().filter(|expected| *expected != ours)?;
                Some(Difference {
                    program: program.clone(),
                    ours: ours.clone(),
                    expected: expected.clone(),
                    oracle: oracle.name().to_owned(),
                })
            })
        };
        (0..programs.len()).map(difference).collect()
    }
}

impl Difference {
    /// The program as Python, with what both said.
    pub fn snippet(&self) -> Snippet<'_> {
        Snippet(self)
    }
}

/// The same programs for the same seed, on every machine.
fn generator(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

//! The command behind `cargo xtask conformance`.

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use wasyncio_conformance::{Comparison, Mode, Source, Totals, oracles, ours};

/// How many times as long a program takes over a connection, about.
const TIMES_AS_LONG: usize = 50;

/// Every mode, one after the other.
const ALL: &str = "all";

fn modes() -> PossibleValuesParser {
    Mode::ALL.map(Mode::name).into_iter().chain([ALL]).into()
}

#[derive(Parser)]
#[command(about = "Run random programs over a stream reader on CPython and on wasyncio, and compare")]
struct Arguments {
    /// How the programs reach the reader
    #[arg(long, default_value = ALL, value_parser = modes())]
    mode: String,
    /// How many programs in each mode; over connections a fiftieth of that
    #[arg(long, default_value_t = 200_000)]
    cases: usize,
    /// Which programs; a random choice, which is printed, without it
    #[arg(long)]
    seed: Option<u64>,
    /// How many programs that show a difference are made small and printed
    #[arg(long, default_value_t = 5)]
    shown: usize,
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let seed = arguments.seed.unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    let mut code = ExitCode::SUCCESS;
    for mode in Mode::ALL {
        if (arguments.mode == ALL || arguments.mode == mode.name()) && compare(arguments, mode, seed)? > 0 {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Runs the programs in one mode, prints how it went and gives the number of differences.
fn compare(arguments: &Arguments, mode: Mode, seed: u64) -> Result<usize, String> {
    let oracles = oracles(mode);
    if oracles.is_empty() {
        return Err("there is no CPython to compare with".to_owned());
    }
    let cases = match mode.source {
        Source::Hand => arguments.cases,
        Source::Connection => arguments.cases.div_ceil(TIMES_AS_LONG),
    };
    let mut comparison = Comparison::new(mode.source, ours(mode)?, oracles);
    let mode = mode.name();
    let names = comparison.oracles().join(", ");
    eprintln!("{mode}: {cases} cases, seed {seed}; oracles: {names}");

    let started = Instant::now();
    let step = (cases / 10).max(1);
    let mut told = 0;
    let totals = comparison.run(cases, seed, arguments.shown, |done| {
        if done / step > told {
            told = done / step;
            eprintln!("{mode}: {done} cases after {:.1} s", started.elapsed().as_secs_f64());
        }
    });
    for difference in &totals.shown {
        println!("\n{}", difference.snippet());
    }
    let Totals { cases, left_out, differences, unrepeated, .. } = totals;
    let left_out = if left_out > 0 { format!(" ({left_out} are not for this mode)") } else { String::new() };
    let unrepeated = if unrepeated > 0 { format!(" ({unrepeated} did not come again)") } else { String::new() };
    println!(
        "{cases} cases{left_out}, {differences} differences{unrepeated} (mode {mode}, seed {seed}; oracles: {names})"
    );
    Ok(differences)
}

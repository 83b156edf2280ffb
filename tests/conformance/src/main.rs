//! The command behind `cargo xtask conformance`.

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use wasyncio_conformance::{Comparison, Mode, Totals, oracles, ours};

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
    /// How many programs in each mode
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
    let mut comparison = Comparison::new(ours(mode)?, oracles);
    let mode = mode.name();
    let names = comparison.oracles().join(", ");
    eprintln!("{mode}: {} cases, seed {seed}; oracles: {names}", arguments.cases);

    let started = Instant::now();
    let step = (arguments.cases / 10).max(1);
    let mut told = 0;
    let totals = comparison.run(arguments.cases, seed, arguments.shown, |done| {
        if done / step > told {
            told = done / step;
            eprintln!("{mode}: {done} cases after {:.1} s", started.elapsed().as_secs_f64());
        }
    });
    for difference in &totals.shown {
        println!("\n{}", difference.snippet());
    }
    let Totals { cases, left_out, differences, .. } = totals;
    let left_out = if left_out > 0 { format!(" ({left_out} are not for this mode)") } else { String::new() };
    println!("{cases} cases{left_out}, {differences} differences (mode {mode}, seed {seed}; oracles: {names})");
    Ok(differences)
}

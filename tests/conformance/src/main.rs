//! The command behind `cargo xtask conformance`.

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use wasyncio_conformance::{Comparison, oracles, ours};

#[derive(Parser)]
#[command(about = "Run random programs over a stream reader on CPython and on wasyncio, and compare")]
struct Arguments {
    /// How many programs
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
    let oracles = oracles();
    if oracles.is_empty() {
        return Err("there is no CPython to compare with".to_owned());
    }
    let mut comparison = Comparison::new(ours()?, oracles);
    let names = comparison.oracles().join(", ");
    eprintln!("{} cases, seed {seed}; oracles: {names}", arguments.cases);

    let started = Instant::now();
    let step = (arguments.cases / 10).max(1);
    let mut told = 0;
    let totals = comparison.run(arguments.cases, seed, arguments.shown, |done| {
        if done / step > told {
            told = done / step;
            eprintln!("{done} cases after {:.1} s", started.elapsed().as_secs_f64());
        }
    });
    for difference in &totals.shown {
        println!("\n{}", difference.snippet());
    }
    println!("{} cases, {} differences (seed {seed}; oracles: {names})", totals.cases, totals.differences);
    Ok(if totals.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

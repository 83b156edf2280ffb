//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::Result;
use crate::cells::{self, Cell, Plan};
use crate::places::Places;
use crate::subjects::Subject;
use crate::{cores, descriptors, plot, report, rounds, tokio_server};

#[derive(Parser)]
#[command(about = "Measure wasyncio beside asyncio, uvloop, tokio and wstd")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, print tables
    Run(Options),
    /// Serve as the native peer
    Serve {
        /// Collect what is sent until the next read would wait, and not send line by line
        #[arg(long)]
        buffered: bool,
        /// HOST:PORT and echo or sink
        arguments: Vec<String>,
    },
}

#[derive(Args)]
struct Options {
    /// The folder of the workspace, built by `cargo xtask bench`
    #[arg(long)]
    root: PathBuf,
    /// The folder that uvloop for the newest CPython is installed in; without it uvloop is left out
    #[arg(long)]
    uvloop: Option<PathBuf>,
    /// Fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Write the results as an array of rows
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draw the results as a chart, in SVG
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Only these workloads; NAME:CONNECTIONS for one number of connections
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these subjects
    #[arg(long, value_delimiter = ',')]
    subjects: Vec<String>,
}

/// The command.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => run(&options),
        Command::Serve { buffered, arguments } => tokio_server::serve(buffered, &arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    let places = Places::new(options.root.clone(), options.uvloop.clone());
    let python = places.python().map_or("none".to_owned(), |python| python.version().to_string());
    println!("CPython, also below uvloop: {python}");
    let subjects = places.available(Subject::chosen(&options.subjects)?);
    let cells = cells::chosen(&plan, &options.only)?;
    let most = cells.iter().map(Cell::most_connections).max().unwrap_or(0);
    if let Err(reason) = descriptors::allow(most) {
        println!("{reason}");
    }
    cores::pin_client();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for cell in &cells {
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = rounds::measure(cell, &plan, &subjects, &places) => Ok(outcome),
                // Dropping the measurement ends the servers.
                () = told_to_end() => Err("ended by a signal"),
            }
        })?;
        report::print(&outcome);
        broken.extend(report::broken(&outcome));
        rows.extend(report::rows(&outcome));
        // After every cell: what has been measured is not lost when a later one fails.
        if let Some(file) = &options.json {
            std::fs::write(file, serde_json::to_string_pretty(&rows)? + "\n")?;
        }
    }
    if let Some(file) = &options.plot {
        plot::draw(&rows, file)?;
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("wasyncio failed: {}", broken.join("; ")).into()) }
}

/// Waits for Ctrl-C or, where there is such a thing, SIGTERM.
async fn told_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    // An error is that it cannot be waited for, which ends the benchmark too.
    let _ = tokio::signal::ctrl_c().await;
}

//! `cargo xtask bench`: builds what is compared, fetches the peers that are not part of the project, runs `benches/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use wasyncio_python::{Python, Version};

use crate::Result;
use crate::artifacts;
use crate::component;
use crate::deadline::run_within;
use crate::toolchain::Toolchain;
use crate::workspace::{Workspace, announce, run};

/// How the benchmark is run; the rest of its options are its own.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: less than 90 seconds once everything is built
    #[arg(long)]
    quick: bool,
    /// Write the results as an array of rows
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the results as a chart
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Only these workloads, such as `pingpong,stream`; with `:N` at N connections, such as `pingpong:100`
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// Only these subjects, such as `linked,cpython,tokio`
    #[arg(long, value_name = "NAMES")]
    subjects: Option<String>,
}

/// The version that the numbers in `BENCHMARKS.md` were made with.
const UVLOOP: &str = "uvloop==0.23.0";
/// How long fetching it may take.
const PIP_LIMIT: Duration = Duration::from_secs(120);

/// Builds what is needed and measures.
pub(crate) fn measure(workspace: &Workspace, options: &Options) -> Result<()> {
    artifacts::build(workspace)?;
    build_wstd(workspace)?;
    let uvloop = fetch_uvloop(workspace);

    announce("building the benchmark");
    run(
        "building the benchmark",
        workspace.cargo("build").args(["--release", "--locked", "--package", "wasyncio-bench"]),
    )?;
    // With the packages that its parts were built with, so that they are not built again.
    let packages = ["wasyncio-host", "wasyncio-cli", "wasyncio-tests"].into_iter().flat_map(|name| ["--package", name]);
    run(
        "building the embedder",
        workspace.cargo("build").args(["--release", "--locked"]).args(packages).args(["--example", "bench_server"]),
    )?;
    let mut bench = Command::new(workspace.host_binary().with_file_name("wasyncio-bench"));
    bench.arg("run").arg("--root").arg(workspace.root());
    if let Some(folder) = uvloop {
        bench.arg("--uvloop").arg(folder);
    }
    if options.quick {
        bench.arg("--quick");
    }
    for (flag, value) in [("--json", &options.json), ("--plot", &options.plot)] {
        bench.args(value.iter().flat_map(|path| [Path::new(flag), path]));
    }
    for (flag, value) in [("--only", &options.only), ("--subjects", &options.subjects)] {
        bench.args(value.iter().flat_map(|names| [flag, names]));
    }
    run("the benchmark", &mut bench)
}

/// Builds the peer that is a component too.
fn build_wstd(workspace: &Workspace) -> Result<()> {
    announce("building the peer on wstd (dist/bench/)");
    let packages = ["wstd-echo".to_owned()];
    let folder = workspace.dist().join("bench");
    component::build_apps(workspace, &Toolchain::find()?, component::MEASURED, &packages, &folder)
}

/// The folder with uvloop for the newest CPython, from PyPI. None where it cannot be had, which is said on the way.
fn fetch_uvloop(workspace: &Workspace) -> Option<PathBuf> {
    let Some(python) = Python::newest() else {
        eprintln!("    there is no CPython, so cpython and uvloop are left out");
        return None;
    };
    // A build of it fits one minor version.
    let Version(major, minor, _) = python.version();
    let name = format!("{}-cp{major}{minor}", UVLOOP.replace("==", "-"));
    let folder = workspace.root().join(".cache/bench").join(&name);
    if !folder.exists() {
        announce(&format!("fetching {UVLOOP} for CPython {major}.{minor} into .cache/"));
        // Renamed last of all: what is there is complete.
        let partial = workspace.root().join(".cache/bench").join(name + ".partial");
        let mut pip = python.command();
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--retries=1", "--upgrade"]);
        pip.args(["--disable-pip-version-check", "--root-user-action=ignore", "--target"]).arg(&partial).arg(UVLOOP);
        let fetched = run_within(PIP_LIMIT, &mut pip).and_then(|()| {
            fs::rename(&partial, &folder).map_err(|error| format!("it cannot be put in place: {error}"))
        });
        if let Err(reason) = fetched {
            eprintln!("    not fetched, so uvloop is left out: {reason}");
            return None;
        }
    }
    Some(folder)
}

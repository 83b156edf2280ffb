//! What the system knows of a process: Linux's `/proc`.

use std::fs;
use std::time::Duration;

/// How many of the system's clock ticks, in which it counts time, make a second: `USER_HZ`, which is the same everywhere.
const TICKS: u64 = 100;

/// How much memory a process has, in bytes.
///
/// # Panics
/// Without such a process.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes << 10
}

/// How long a process, with all its threads, has computed so far.
///
/// # Panics
/// Without such a process.
pub fn cpu_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name of the program comes before and may have anything in it. Then come the state and ten more, and the two times.
    let (_, fields) = stat.rsplit_once(')').expect("Linux tells it");
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

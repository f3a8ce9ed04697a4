//! What a process uses, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// Returns the processor time of a process: by the scheduler's nanoseconds where the kernel has
/// them, else by the clock's ticks, which are hundredths of a second.
pub(crate) fn processor(pid: u32) -> Option<Duration> {
    let nanos = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let sum: Option<u64> = tasks.map(|task| nanos(task.ok()?)).sum();
    match sum {
        Some(nanos) if nanos > 0 => Some(Duration::from_nanos(nanos)),
        _ => ticks(pid),
    }
}

fn ticks(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may have spaces.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

/// Returns the memory of a process in MiB: its own, and its share of what it shares.
pub(crate) fn memory(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// Returns the most memory that a process ever held, in MiB.
pub(crate) fn peak(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

//! `stats`: one shot from the control groups (§3.5).

use std::fs;

use serde_json::{Value, json};

use super::orphans::Space;
use crate::runtime::builder;
use crate::runtime::context::Context;
use crate::runtime::engine::{Container, containers, find_container};
use crate::runtime::failure::{Done, Failure};

/// `stats`: unknown ids are errors, stopped ones are skipped.
pub(crate) fn stats(context: &Context<'_>) -> Done {
    let format = context.parsed.value("format").unwrap_or("table");
    if format == "table" && !context.parsed.flag("no-stream") {
        return Err(Failure::lacking("`stats` without `--no-stream`"));
    }
    let ids = context.ids("containers");
    let mut found = Vec::new();
    for id in &ids {
        let container = find_container(context.engine, &builder::real_id(context, id))?
            .filter(|container| container.configuration.is_some())
            .ok_or_else(|| Failure::missing(format!("no such container: {id}")))?;
        found.push(container);
    }
    if ids.is_empty() {
        found = containers(context.engine)?;
    }
    let running = found.iter().filter(|container| container.running);
    let items: Vec<Value> = running.map(|container| entry(context, container)).collect();
    let header = [
        "Container ID",
        "Cpu %",
        "Memory Usage",
        "Net Rx/Tx",
        "Block I/O",
        "Pids",
    ];
    context.print_list(&items, &header, row)
}

fn row(item: &Value) -> Vec<String> {
    let number = |key: &str| item.get(key).and_then(Value::as_u64).unwrap_or(0);
    vec![
        item.get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        "0.00%".to_owned(),
        format!(
            "{} / {}",
            number("memoryUsageBytes"),
            number("memoryLimitBytes")
        ),
        format!(
            "{} / {}",
            number("networkRxBytes"),
            number("networkTxBytes")
        ),
        format!(
            "{} / {}",
            number("blockReadBytes"),
            number("blockWriteBytes")
        ),
        number("numProcesses").to_string(),
    ]
}

fn entry(context: &Context<'_>, container: &Container) -> Value {
    let pid = container.pid;
    let summed = |text: &str, key: &str| -> u64 {
        let words = text.split_whitespace();
        words
            .filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
            .sum()
    };
    let io = read(pid, "", "io.stat").unwrap_or_default();
    let (received, sent) = traffic(pid);
    let memory = read(pid, "", "memory.current")
        .or_else(|| read(pid, "memory", "memory.usage_in_bytes"))
        .and_then(|text| text.trim().parse::<u64>().ok());
    json!({
        "id": builder::shown_id(context, &container.id),
        "cpuUsageUsec": processor_time(pid),
        "memoryUsageBytes": memory,
        "memoryLimitBytes": container.part("/resources/memoryInBytes"),
        "numProcesses": Space::of(pid).members().len(),
        "blockReadBytes": summed(&io, "rbytes="),
        "blockWriteBytes": summed(&io, "wbytes="),
        "networkRxBytes": received,
        "networkTxBytes": sent,
    })
}

/// Returns the processor time in microseconds, by either age of control groups.
fn processor_time(pid: u32) -> Option<u64> {
    if let Some(text) = read(pid, "", "cpu.stat") {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "));
        if let Some(time) = line.and_then(|time| time.trim().parse().ok()) {
            return Some(time);
        }
    }
    let nanoseconds: u64 = read(pid, "cpuacct", "cpuacct.usage")?.trim().parse().ok()?;
    Some(nanoseconds / 1000)
}

/// Reads a file of a process's control group: of the unified tree, or of an old controller's.
fn read(pid: u32, controller: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let marker = format!(":{controller}:");
    let (_, path) = text.lines().find_map(|line| line.split_once(&marker))?;
    fs::read_to_string(format!("/sys/fs/cgroup/{controller}{path}/{file}")).ok()
}

/// Sums what the interfaces received and sent, all but the loopback.
fn traffic(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default();
    let mut sums = (0, 0);
    for line in text
        .lines()
        .filter(|line| line.trim_start().starts_with("eth"))
    {
        let (_, counters) = line.split_once(':').unwrap_or_default();
        let numbers: Vec<u64> = counters
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        sums.0 += numbers.first().copied().unwrap_or(0);
        sums.1 += numbers.get(8).copied().unwrap_or(0);
    }
    sums
}

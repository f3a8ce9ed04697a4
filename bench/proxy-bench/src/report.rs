//! The table: medians, how far the runs lie apart, and ratios.

use std::collections::BTreeMap;
use std::fmt;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Processor,
    Small1,
    Small16,
    Small64,
    Large1,
    Large16,
    Large64,
    Median,
    Slow,
    Together,
    Tunnels,
    TunnelProcessor,
    Down,
    Up,
    DownProcessor,
    UpProcessor,
    EventMedian,
    EventSlow,
    Rest,
    Held,
    Ready,
    First,
}

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    names: Vec<&'static str>,
    values: BTreeMap<(Figure, &'static str), Vec<f64>>,
}

impl Figure {
    const ALL: [Self; 22] = [
        Self::Processor,
        Self::Small1,
        Self::Small16,
        Self::Small64,
        Self::Large1,
        Self::Large16,
        Self::Large64,
        Self::Median,
        Self::Slow,
        Self::Together,
        Self::Tunnels,
        Self::TunnelProcessor,
        Self::Down,
        Self::Up,
        Self::DownProcessor,
        Self::UpProcessor,
        Self::EventMedian,
        Self::EventSlow,
        Self::Rest,
        Self::Held,
        Self::Ready,
        Self::First,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Processor => "processor, us a request (1 KiB, 16 connections)",
            Self::Small1 => "requests/s, 1 KiB, 1 connection",
            Self::Small16 => "requests/s, 1 KiB, 16 connections",
            Self::Small64 => "requests/s, 1 KiB, 64 connections",
            Self::Large1 => "requests/s, 64 KiB, 1 connection",
            Self::Large16 => "requests/s, 64 KiB, 16 connections",
            Self::Large64 => "requests/s, 64 KiB, 64 connections",
            Self::Median => "latency p50, us (1 KiB, 1 connection)",
            Self::Slow => "latency p99, us (1 KiB, 1 connection)",
            Self::Together => "latency p50, us (the same, all on one processor)",
            Self::Tunnels => "new tunnels/s, 16 at a time",
            Self::TunnelProcessor => "processor, us a tunnel",
            Self::Down => "100 MiB down, MB/s",
            Self::Up => "100 MiB up, MB/s",
            Self::DownProcessor => "100 MiB down, MB a second of processor",
            Self::UpProcessor => "100 MiB up, MB a second of processor",
            Self::EventMedian => "event delay p50, us",
            Self::EventSlow => "event delay p99, us",
            Self::Rest => "memory after one request, MiB",
            Self::Held => "memory at 200 connections, MiB",
            Self::Ready => "start to ready, ms",
            Self::First => "start to first answer, ms",
        }
    }

    /// Whether the difference to no proxy at all says more than the figure.
    fn is_added(self) -> bool {
        matches!(
            self,
            Self::Median | Self::Slow | Self::Together | Self::EventMedian | Self::EventSlow
        )
    }
}

impl Report {
    /// Adds a run.
    pub(crate) fn add(&mut self, name: &'static str, figures: Vec<(Figure, f64)>) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        for (figure, value) in figures {
            self.values.entry((figure, name)).or_default().push(value);
        }
    }

    fn median(&self, figure: Figure, name: &'static str) -> Option<f64> {
        let mut values = self.values.get(&(figure, name))?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// How far the runs lie apart, as a part of their median.
    fn spread(&self, figure: Figure, name: &'static str) -> Option<f64> {
        let values = self.values.get(&(figure, name))?;
        let (low, high) = values
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        Some((high - low) / self.median(figure, name)?)
    }

    fn ratio(&self, figure: Figure, to: &'static str) -> Option<f64> {
        Some(self.median(figure, "ours")? / self.median(figure, to)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "| medians |")?;
        for name in &self.names {
            write!(out, " {name} | ± |")?;
        }
        for name in &self.names {
            if *name != "ours" {
                write!(out, " ours : {name} |")?;
            }
        }
        writeln!(out, " added by ours |")?;
        writeln!(out, "|---|{}", "---:|".repeat(3 * self.names.len()))?;
        for figure in Figure::ALL {
            write!(out, "| {} |", figure.text())?;
            for name in &self.names {
                match (self.median(figure, name), self.spread(figure, name)) {
                    (Some(value), Some(spread)) => {
                        write!(out, " {} | {:.0} % |", Number(value), spread * 50.0)?;
                    }
                    _ => write!(out, " | |")?,
                }
            }
            for name in self.names.iter().filter(|name| **name != "ours") {
                match self.ratio(figure, name) {
                    Some(ratio) => write!(out, " {ratio:.2} |")?,
                    None => write!(out, " |")?,
                }
            }
            match (self.median(figure, "ours"), self.median(figure, "direct")) {
                (Some(ours), Some(direct)) if figure.is_added() => {
                    writeln!(out, " {} |", Number(ours - direct))?;
                }
                _ => writeln!(out, " |")?,
            }
        }
        Ok(())
    }
}

/// A figure with as many digits as mean something.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() < 100.0 {
            write!(out, "{:.1}", self.0)
        } else {
            write!(out, "{:.0}", self.0)
        }
    }
}

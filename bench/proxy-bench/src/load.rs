//! The load, and what is measured under it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;

use crate::line::{Line, Way};
use crate::origin::{EVENTS, Origin, now};
use crate::place::Places;
use crate::report::Figure;
use crate::subject::{Kind, Running};
use crate::usage;

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// The size of what is large, in pieces of 64 KiB: 100 MiB.
const PIECES: usize = 1600;
const PIECE: usize = 64 * 1024;
/// Connections that are held open for the memory.
const HELD: usize = 200;
/// New tunnels at one time.
const OPENERS: usize = 16;

/// The figures of one run.
pub(crate) type Figures = Vec<(Figure, f64)>;

/// Starts a proxy for each part, and measures it.
pub(crate) async fn measure(
    kind: &Kind,
    origin: &Origin,
    places: &Places,
    folder: &Path,
    span: Duration,
) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    // Each part has a proxy of its own: what one leaves behind must not meet the next, and the
    // audit log of the fast ones would get to its bound.
    for part in 0..7 {
        let running = kind.start(origin, places, folder).await?;
        match part {
            0 => small(&running, &mut figures)
                .await
                .context("start and memory")?,
            1 => requests(&running, 1, span, &mut figures).await?,
            2 => requests(&running, 16, span, &mut figures).await?,
            3 => requests(&running, 64, span, &mut figures).await?,
            4 => {
                for (count, figure) in [
                    (1, Figure::Large1),
                    (16, Figure::Large16),
                    (64, Figure::Large64),
                ] {
                    let done = hammer(&running.way, "/bytes/65536", count, span).await?;
                    figures.push((figure, done.per_second()));
                }
            }
            5 => tunnels(&running, span, &mut figures)
                .await
                .context("new tunnels")?,
            _ => {
                bulk(&running, &mut figures).await.context("100 MiB")?;
                events(&running, &mut figures).await.context("events")?;
            }
        }
        running.end().await?;
    }
    if let Some(places) = places.together() {
        let running = kind.start(origin, &places, folder).await?;
        hammer(&running.way, "/bytes/1024", 1, WARM_UP).await?;
        let mut done = hammer(&running.way, "/bytes/1024", 1, span).await?;
        figures.push((Figure::Together, done.percentile(50)));
        running.end().await?;
    }
    Ok(figures)
}

/// The start, and the memory at rest and with many connections.
async fn small(running: &Running, figures: &mut Figures) -> anyhow::Result<()> {
    let mut first = running.way.open().await?;
    first.fetch("/bytes/1024").await?;
    let answered = running.begin.elapsed();
    let Some(pid) = running.pid() else {
        return Ok(());
    };
    figures.push((Figure::Ready, running.ready.as_secs_f64() * 1e3));
    figures.push((Figure::First, answered.as_secs_f64() * 1e3));
    drop(first);
    tokio::time::sleep(WARM_UP).await;
    figures.extend(usage::memory(pid).map(|mib| (Figure::Rest, mib)));
    let mut held = Vec::new();
    for _ in 0..HELD {
        let mut line = running.way.open().await?;
        line.fetch("/bytes/1024").await?;
        held.push(line);
    }
    figures.extend(usage::memory(pid).map(|mib| (Figure::Held, mib)));
    Ok(())
}

/// Requests of 1 KiB on connections that stay open.
async fn requests(
    running: &Running,
    count: usize,
    span: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    hammer(&running.way, "/bytes/1024", count, WARM_UP).await?;
    let before = running.pid().and_then(usage::processor);
    let mut done = hammer(&running.way, "/bytes/1024", count, span).await?;
    let after = running.pid().and_then(usage::processor);
    figures.push(match count {
        1 => (Figure::Small1, done.per_second()),
        16 => (Figure::Small16, done.per_second()),
        _ => (Figure::Small64, done.per_second()),
    });
    if count == 1 {
        figures.push((Figure::Median, done.percentile(50)));
        figures.push((Figure::Slow, done.percentile(99)));
    }
    if let (16, Some(before), Some(after)) = (count, before, after) {
        let micros = (after - before).as_secs_f64() * 1e6;
        figures.push((Figure::Processor, micros / as_f64(done.times.len())));
    }
    Ok(())
}

/// New connections with their tunnel, handshake and one request each.
async fn tunnels(running: &Running, span: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    running.way.open().await?.fetch("/bytes/16").await?;
    let before = running.pid().and_then(usage::processor);
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..OPENERS {
        let way = running.way.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while begin.elapsed() < span {
                ensure!(
                    way.open().await?.fetch("/bytes/16").await? == 16,
                    "too little came"
                );
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task??;
    }
    let took = begin.elapsed();
    figures.push((Figure::Tunnels, as_f64(done) / took.as_secs_f64()));
    if let (Some(before), Some(after)) = (before, running.pid().and_then(usage::processor)) {
        let micros = (after - before).as_secs_f64() * 1e6;
        figures.push((Figure::TunnelProcessor, micros / as_f64(done)));
    }
    Ok(())
}

/// 100 MiB down, and 100 MiB up; also by what the proxy's processor has done for it.
async fn bulk(running: &Running, figures: &mut Figures) -> anyhow::Result<()> {
    let size = PIECE * PIECES;
    let mut line = running.way.open().await?;
    line.fetch("/bytes/65536").await?;
    let piece = Bytes::from(vec![b'x'; PIECE]);
    for (wall, processor) in [
        (Figure::Down, Figure::DownProcessor),
        (Figure::Up, Figure::UpProcessor),
    ] {
        let before = running.pid().and_then(usage::processor);
        let begin = Instant::now();
        let came = match wall {
            Figure::Up => line.upload(&piece, PIECES).await?,
            _ => line.fetch(&format!("/bytes/{size}")).await?,
        };
        let took = begin.elapsed();
        ensure!(came == size, "{came} of {size} bytes came");
        let megabytes = as_f64(size) / 1e6;
        figures.push((wall, megabytes / took.as_secs_f64()));
        if let (Some(before), Some(after)) = (before, running.pid().and_then(usage::processor)) {
            figures.push((processor, megabytes / (after - before).as_secs_f64()));
        }
    }
    Ok(())
}

/// How long each event of a stream was on its way.
async fn events(running: &Running, figures: &mut Figures) -> anyhow::Result<()> {
    let mut line = running.way.open().await?;
    let mut body = line.get("/events").await?.into_body();
    let (mut delays, mut text) = (Vec::new(), String::new());
    while let Some(frame) = body.frame().await.transpose()? {
        let came = now();
        text += std::str::from_utf8(frame.data_ref().map_or(b"", |data| data))?;
        while let Some((event, rest)) = text.split_once("\n\n") {
            let sent: u128 = event.trim_start_matches("data: ").parse()?;
            delays.push(Duration::from_nanos(u64::try_from(
                came.saturating_sub(sent),
            )?));
            text = rest.to_owned();
        }
    }
    ensure!(
        delays.len() == EVENTS,
        "{} of {EVENTS} events came",
        delays.len()
    );
    let mut done = Done {
        times: delays,
        took: Duration::ZERO,
    };
    figures.push((Figure::EventMedian, done.percentile(50)));
    figures.push((Figure::EventSlow, done.percentile(99)));
    Ok(())
}

/// What a load has done.
struct Done {
    times: Vec<Duration>,
    took: Duration,
}

impl Done {
    fn per_second(&self) -> f64 {
        as_f64(self.times.len()) / self.took.as_secs_f64()
    }

    /// In microseconds.
    fn percentile(&mut self, part: usize) -> f64 {
        self.times.sort_unstable();
        let at = (self.times.len() * part / 100).min(self.times.len().saturating_sub(1));
        self.times
            .get(at)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}

/// Asks on this many connections, again and again.
async fn hammer(
    way: &Way,
    path: &'static str,
    count: usize,
    span: Duration,
) -> anyhow::Result<Done> {
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..count {
        lines.push(way.open().await?);
    }
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for mut line in lines {
        tasks.spawn(async move {
            let mut times = Vec::new();
            let mut last = Instant::now();
            while last - begin < span {
                line.fetch(path).await?;
                let now = Instant::now();
                times.push(now - last);
                last = now;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(task) = tasks.join_next().await {
        times.extend(task??);
    }
    Ok(Done {
        times,
        took: begin.elapsed(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

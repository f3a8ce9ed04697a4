//! Whether the sidecar's memory depends on what passes: 2 GiB each way, and the most that it held.

use std::path::Path;

use anyhow::{Context as _, ensure};
use bytes::Bytes;

use crate::origin::Origin;
use crate::place::Places;
use crate::subject::Kind;
use crate::usage;

/// What passes each way, in pieces of 64 KiB: 2 GiB.
const PIECES: usize = 32 * 1024;
const PIECE: usize = 64 * 1024;
/// The most that the process may ever hold. It has 4 MiB at rest, and a connection's buffers and
/// records are below one; a body that is held anywhere is a hundred times as much.
const MOST_MIB: f64 = 24.0;

/// Moves it, and fails where the process held more than it may.
pub(crate) async fn check(
    kind: &Kind,
    origin: &Origin,
    places: &Places,
    folder: &Path,
) -> anyhow::Result<()> {
    let running = kind.start(origin, places, folder).await?;
    let pid = running
        .pid()
        .context("nothing runs that could be measured")?;
    let mut line = running.way.open().await?;
    line.fetch("/bytes/65536").await?;
    let size = PIECE * PIECES;
    let before = usage::peak(pid).context("the most that it held")?;
    let came = line.fetch(&format!("/bytes/{size}")).await?;
    ensure!(came == size, "{came} of {size} bytes came down");
    let down = usage::peak(pid).context("the most that it held")?;
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let came = line.upload(&piece, PIECES).await?;
    ensure!(came == size, "{came} of {size} bytes came up");
    let up = usage::peak(pid).context("the most that it held")?;
    println!(
        "2 GiB each way: {before:.1} MiB at first, {down:.1} after those down, {up:.1} after those up; at most {MOST_MIB:.1}"
    );
    running.end().await?;
    ensure!(
        up <= MOST_MIB,
        "the sidecar held {up:.1} MiB, and may hold {MOST_MIB:.1}"
    );
    Ok(())
}

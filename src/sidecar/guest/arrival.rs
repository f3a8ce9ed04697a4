//! `guest tar-in DIR tell`: unpacks a workspace, and tells what makes a later comparison possible.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use bottle_contract::tree::{ArrivalLine, BaseEntry, Node, Origin, Prior};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::limits::{ASKED, BEFORE, BEFORE_BYTES, COPY_BUFFER};
use super::survey::{self, Found};
use super::{changes, tar_in};

/// Unpacks the stream, between a look at what the image had there and the moment at which all is there.
///
/// Then it waits a while to be asked for a comparison, by a base and an empty line: to start another program
/// for that takes some engines a quarter of a second, which a short run would notice.
pub(super) fn tar_in(
    dir: &Path,
    input: impl Read + AsFd,
    mut out: impl Write,
) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(COPY_BUFFER, input);
    // Told at the end: nobody reads while the stream is written.
    let (before, prior) = before(dir)?;
    tar_in::tar_in_first(dir, &mut input)?;
    let done = ArrivalLine::Done {
        stamp: survey::settled(),
        prior,
    };
    let lines = before.into_iter().map(ArrivalLine::Before).chain([done]);
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line).context("cannot encode the answer")?;
        text.push(b'\n');
    }
    out.write_all(&text)
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    if is_asked(&mut input)? {
        changes::changes(dir, input, out)?;
    }
    Ok(())
}

/// Waits for a question; nobody has one when the input ends, or when it takes too long.
fn is_asked(input: &mut BufReader<impl Read + AsFd>) -> anyhow::Result<bool> {
    if input.buffer().is_empty() {
        let mut polled = [PollFd::new(input.get_ref(), PollFlags::IN)];
        let time = Timespec {
            tv_sec: i64::try_from(ASKED.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: 0,
        };
        match poll(&mut polled, Some(&time)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error).context("cannot wait for a question"),
        }
    }
    let more = input.fill_buf().context("cannot read standard input")?;
    Ok(!more.is_empty())
}

/// Lists the folders that the image has in the folder. One beyond the bound will look new when something
/// was removed in it.
///
/// Files are not listed: those that nobody touched since are told by their times.
fn before(dir: &Path) -> anyhow::Result<(Vec<BaseEntry>, Prior)> {
    let mut entries = Vec::new();
    let mut prior = Prior::Nothing;
    if !dir.is_dir() {
        return Ok((entries, prior));
    }
    let mut room = BEFORE_BYTES;
    let broken = survey::walk(dir, &mut |found| {
        prior = Prior::Image;
        let Found::Entry(path, metadata) = found else {
            return Ok(ControlFlow::Continue(()));
        };
        if !metadata.is_dir() {
            return Ok(ControlFlow::Continue(()));
        }
        room = match room.checked_sub(path.as_bytes().len()) {
            Some(room) if entries.len() < BEFORE => room,
            Some(_) | None => return Ok(ControlFlow::Break(())),
        };
        entries.push(BaseEntry {
            path,
            node: Node::Folder {
                mode: metadata.mode() & 0o777,
            },
            modified: None,
            origin: Origin::Image,
        });
        Ok(ControlFlow::Continue(()))
    });
    broken.map(|_| (entries, prior))
}

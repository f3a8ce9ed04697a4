//! `native logs`: shows a log, and goes on as more comes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, bail};

use super::limits::FOLLOW;

/// Copies a file to standard output; with `follow`, until nobody reads any more.
pub(super) fn logs(words: &[OsString]) -> anyhow::Result<()> {
    let (path, follow) = match words {
        [path] => (path, false),
        [path, word] if word == "follow" => (path, true),
        [..] => bail!("`logs` needs a file, and may have `follow` after it"),
    };
    let path = Path::new(path);
    let mut file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    loop {
        match show(&mut file) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            shown => shown.context("cannot show the log")?,
        }
        if !follow {
            return Ok(());
        }
        // The kernel tells of changes in a file only by watches that may be used up.
        thread::park_timeout(FOLLOW);
    }
}

fn show(file: &mut File) -> io::Result<()> {
    let mut out = io::stdout().lock();
    io::copy(file, &mut out)?;
    out.flush()
}

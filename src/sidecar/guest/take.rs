//! `guest take`: writes the contents of the files that it is asked for, in the order of the asking.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use bottle_contract::tree::{TakeLine, Wanted};

use super::limits::COPY_BUFFER;
use super::survey;
use super::tar_out::Exactly;

/// Reads what is wanted, line by line, and answers each with a line and so many bytes.
pub(super) fn take(dir: &Path, wanted: impl Read, output: impl Write) -> anyhow::Result<()> {
    let mut wanted = BufReader::with_capacity(COPY_BUFFER, wanted);
    let mut output = BufWriter::with_capacity(COPY_BUFFER, output);
    while let Some(want) = survey::line::<Wanted>(&mut wanted)? {
        answer(dir, &want, &mut output).context("cannot write to standard output")?;
    }
    output.flush().context("cannot write to standard output")
}

fn answer(dir: &Path, want: &Wanted, output: &mut impl Write) -> io::Result<()> {
    let place = survey::place(dir, &want.path);
    let opened = survey::open(&place).and_then(|file| Ok((file.metadata()?, file)));
    let gone = |why: String| TakeLine::Gone { why };
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(error) => return write(output, &gone(error.to_string())),
    };
    if !metadata.is_file() {
        return write(output, &gone("it is no file any more".to_owned()));
    }
    if metadata.len() > want.most {
        return write(output, &gone(format!("it grew beyond {} bytes", want.most)));
    }
    let line = TakeLine::Content {
        mode: metadata.mode() & 0o7777,
        size: metadata.len(),
    };
    write(output, &line)?;
    // The length is promised; a file that grows is cut, one that shrinks is filled up.
    io::copy(&mut Exactly::new(file, metadata.len()), output).map(drop)
}

fn write(output: &mut impl Write, line: &TakeLine) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line)?;
    output.write_all(b"\n")
}

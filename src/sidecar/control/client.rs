//! `ctl`: relays JSON lines between a pair of streams and the control socket.

use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader,
};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use crate::limits;

/// Relays each line to the socket and its reply back, until the input ends.
pub async fn relay(
    socket: &Path,
    mut input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let mut stream = connect(socket)
        .await
        .with_context(|| format!("connect to the control socket `{}`", socket.display()))?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    while let Some(line) = next_line(&mut input).await.context("read a request")? {
        timeout(limits::CONTROL_REPLY, writer.write_all(&line))
            .await
            .context("the sidecar takes no request")?
            .context("send a request")?;
        let reply = timeout(limits::CONTROL_REPLY, next_line(&mut reader))
            .await
            .context("the sidecar does not reply")?
            .context("read a reply")?;
        let Some(reply) = reply else {
            bail!("the sidecar closed the control channel");
        };
        output.write_all(&reply).await.context("write a reply")?;
        output.flush().await.context("write a reply")?;
    }
    Ok(())
}

/// Returns the next line that is not empty, with its end; `None` at the end of the input.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        let bound = u64::try_from(limits::CONTROL_LINE_BYTES + 1).unwrap_or(u64::MAX);
        (&mut *input)
            .take(bound)
            .read_until(b'\n', &mut line)
            .await?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > limits::CONTROL_LINE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line has at most {} bytes", limits::CONTROL_LINE_BYTES),
            ));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        return Ok(Some(line));
    }
}

/// Connects; where the socket is not there yet the sidecar has only just started, so it tries again.
async fn connect(socket: &Path) -> io::Result<UnixStream> {
    let deadline = Instant::now() + limits::CONTROL_CONNECT;
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if is_too_early(&error) && Instant::now() < deadline => {
                sleep(limits::CONTROL_RETRY).await;
            }
            result => return result,
        }
    }
}

fn is_too_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

//! The sidecar's end of the control channel.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use bottle_contract::control::{Reply, Request};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::limits;

/// Answers control requests.
pub trait Respond: Send + Sync + 'static {
    /// Answers one request. Called once for each line, in the order of the lines.
    fn respond(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// Binds the control socket, for its owner only; a socket that an earlier process left is replaced.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the control channel until the task is ended.
pub async fn serve(listener: UnixListener, respond: Arc<impl Respond>) {
    let places = Arc::new(Semaphore::new(limits::CONTROL_CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(limits::ACCEPT_PAUSE).await;
            continue;
        };
        let respond = Arc::clone(&respond);
        tokio::spawn(async move {
            // A control connection that breaks is the CLI's to notice.
            drop(connection(stream, &*respond).await);
            drop(place);
        });
    }
}

async fn connection(mut stream: UnixStream, respond: &impl Respond) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = u64::try_from(limits::CONTROL_LINE_BYTES + 1).unwrap_or(u64::MAX);
        let mut bounded = (&mut reader).take(bound);
        let read = timeout(
            limits::CONTROL_SILENCE,
            bounded.read_until(b'\n', &mut line),
        );
        if read.await?? == 0 {
            return Ok(());
        }
        let too_long = line.len() > limits::CONTROL_LINE_BYTES;
        let reply = if too_long {
            error(format!(
                "a line has at most {} bytes",
                limits::CONTROL_LINE_BYTES
            ))
        } else {
            match parse(&line) {
                Ok(request) => respond.respond(request).await,
                Err(reply) => reply,
            }
        };
        let mut out = serde_json::to_vec(&reply)?;
        out.push(b'\n');
        timeout(limits::CONTROL_REPLY, writer.write_all(&out)).await??;
        if too_long {
            return Ok(());
        }
    }
}

fn parse(line: &[u8]) -> Result<Request, Reply> {
    serde_json::from_slice(line).map_err(|err| {
        // The parser's own message can quote the value that it stumbled over: a secret.
        error(format!(
            "not a control request: {:?} error at column {}",
            err.classify(),
            err.column()
        ))
    })
}

fn error(message: String) -> Reply {
    Reply::Error { message }
}

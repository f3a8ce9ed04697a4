//! The `bottle-sidecar` program: one binary, one role for each first argument.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bottle_sidecar::{app, control, guest, limits, native};
use rustix::fs::Mode;
use tokio::io::BufReader;
use tokio::runtime::{Builder, Runtime};

/// Where the control socket lies unless `--control` says otherwise.
const CONTROL: &str = "/run/bottle-control.sock";

const USAGE: &str =
    "usage: bottle-sidecar serve|ctl [--control PATH], guest COMMAND, or native ROLE";

/// Measured to take half of the time that musl's own takes, in as much memory.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> anyhow::Result<ExitCode> {
    if let Some(words) = guest::words(std::env::args_os()) {
        return Ok(guest::run(&words));
    }
    let mut args = std::env::args_os().skip(1);
    let role = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    match role.to_str() {
        Some("serve") => serve(&args)?,
        Some("ctl") => ctl(&args)?,
        Some("native") => match native::run(&args) {
            native::Outcome::Ended(code) => return Ok(code),
            native::Outcome::Serve(handed) => serve_handed(*handed)?,
        },
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Guards a bottle.
fn serve(args: &[OsString]) -> anyhow::Result<()> {
    let control = control_path(args)?;
    finish(serving()?, app::serve(&control))
}

/// Guards a bottle whose network and settings were handed over.
fn serve_handed(handed: native::Handed) -> anyhow::Result<()> {
    finish(serving()?, app::serve_handed(Path::new(CONTROL), handed))
}

fn serving() -> anyhow::Result<Runtime> {
    // Whatever it makes is for its owner only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // One thread: a second one was measured to cost each request two wake-ups, and to bring nothing
    // where the work between two waits is as short as here.
    Builder::new_current_thread()
        .max_blocking_threads(limits::RESOLVERS)
        .enable_all()
        .build()
        .context("start the runtime")
}

/// Relays standard input and output to the control socket.
fn ctl(args: &[OsString]) -> anyhow::Result<()> {
    let control = control_path(args)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let input = BufReader::new(tokio::io::stdin());
    finish(
        runtime,
        control::relay(&control, input, tokio::io::stdout()),
    )
}

/// Runs to the end and waits for nothing that is still under way, such as a read of a terminal.
fn finish(runtime: Runtime, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

fn control_path(args: &[OsString]) -> anyhow::Result<PathBuf> {
    match args {
        [] => Ok(PathBuf::from(CONTROL)),
        [flag, path] if flag == "--control" => Ok(PathBuf::from(path)),
        [..] => bail!("{USAGE}"),
    }
}

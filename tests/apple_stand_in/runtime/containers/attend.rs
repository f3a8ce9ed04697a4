//! Attending a process in the foreground: its streams, its signals, its status.

use std::io::IsTerminal as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::relay::Relay;
use super::start::Streams;
use crate::runtime::failure::Failure;
use crate::runtime::output::log;

/// Passes a signal on to the process.
///
/// The engine's client is not trusted with it: docker's `start --attach` ends by the signal itself,
/// and its `exec` passes none on.
pub(super) type Forward<'a> = &'a (dyn Fn(Signal) + Sync);

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The status of the process.
    pub(super) status: u8,
    /// What the engine says when there was no process at all.
    pub(super) complaint: Option<String>,
}

/// Runs the engine's client until the process ends.
pub(super) fn attend(
    mut command: Command,
    streams: Streams,
    forward: Forward<'_>,
) -> Result<Ended, Failure> {
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let terminal = streams == Streams::Terminal;
    let input = matches!(streams, Streams::Both | Streams::Terminal);
    command.stdin(if input {
        Stdio::inherit()
    } else {
        Stdio::null()
    });
    if !terminal {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    if !(terminal || input && std::io::stdin().is_terminal()) {
        // A terminal's signals would reach the client twice; with its input it must stay in front.
        command.process_group(0);
    }
    // With a terminal, the keys go to the process: there are no signals to pass on.
    let mut signals = Signals::new(if terminal {
        &[][..]
    } else {
        &[SIGINT, SIGTERM]
    })
    .map_err(io)?;
    let handle = signals.handle();
    let mut child = command.spawn().map_err(io)?;
    let client = child.id();
    let output = child
        .stdout
        .take()
        .map(|from| Relay::start(from, std::io::stdout));
    let errors = child
        .stderr
        .take()
        .map(|from| Relay::start(from, std::io::stderr));
    let status = std::thread::scope(|scope| {
        scope.spawn(move || pass_on(&mut signals, client, forward));
        let status = child.wait();
        handle.close();
        status
    });
    let status = status.map_err(io)?;
    let status = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    let status = u8::try_from(status).unwrap_or(u8::MAX);
    // docker says on either stream that there is no such program.
    let output = output.and_then(|relay| relay.finish(status));
    let errors = errors.and_then(|relay| relay.finish(status));
    let complaint = output.or(errors);
    Ok(Ended { status, complaint })
}

fn process_id(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Passes signals on; the third ends this program (§2.0).
fn pass_on(signals: &mut Signals, client: u32, forward: Forward<'_>) {
    for (count, signal) in signals.forever().enumerate() {
        if count >= 2 {
            log("Received 3 SIGINT/SIGTERM's, forcefully exiting.");
            send(client, Signal::KILL);
            give_up();
        }
        forward(if signal == SIGINT {
            Signal::INT
        } else {
            Signal::TERM
        });
    }
}

/// Sends a signal to a process of the host. It may have ended by now.
pub(super) fn send(pid: u32, signal: Signal) {
    let _gone = process_id(pid).map(|process| kill_process(process, signal));
}

#[expect(
    clippy::exit,
    reason = "the process is still attended by another thread"
)]
fn give_up() -> ! {
    std::process::exit(1)
}

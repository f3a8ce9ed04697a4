//! The sidecar itself: its other ports, and its control channel.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bottle_contract::attack::Tried;

use super::reach::tcp_control;
use super::rows::{Checked, Seen, row, stopped, through, unclear};
use super::scene::Scene;
use super::unix;

/// How many ports are tried at the same time.
const SCANNERS: u16 = 32;
/// How long all ports may take: closed ones of a neighbour answer at once.
const SCAN: Duration = Duration::from_secs(20);
/// Where the control channel is in the sidecar's own container.
const CONTROL: &str = "/run/bottle-control.sock";

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    vec![
        row("sidecar-ports", ports(scene), tcp_control(scene)),
        row("sidecar-control", control_channel(), unix_control()),
    ]
}

fn ports(scene: &Scene) -> Seen {
    let Some(sidecar) = scene.sidecar else {
        return unclear("no variable names the sidecar");
    };
    if sidecar.ip().is_loopback() {
        return stopped("the sidecar has no address in the bottle, only the port that it serves");
    }
    let deadline = Instant::now() + SCAN;
    let parts = thread::scope(|scope| {
        let running: Vec<_> = (0..SCANNERS)
            .map(|part| scope.spawn(move || scan(sidecar, part, scene.patience(), deadline)))
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .collect::<Vec<_>>()
    });
    if parts.iter().any(Option::is_none) {
        return unclear("its ports do not answer fast enough to try them all");
    }
    let open: BTreeSet<u16> = parts.into_iter().flatten().flatten().collect();
    if open.is_empty() {
        stopped(format!(
            "of 65535 ports only {} takes a connection",
            sidecar.port()
        ))
    } else {
        through(format!("other ports take connections: {open:?}"))
    }
}

/// Tries every port of one part; `None` when the time was too short.
fn scan(sidecar: SocketAddr, part: u16, patience: Duration, deadline: Instant) -> Option<Vec<u16>> {
    let mut open = Vec::new();
    for port in 1..=u16::MAX {
        if port % SCANNERS != part || port == sidecar.port() {
            continue;
        }
        if Instant::now() > deadline {
            return None;
        }
        let to = SocketAddr::new(sidecar.ip(), port);
        if TcpStream::connect_timeout(&to, patience).is_ok() {
            open.push(port);
        }
    }
    Some(open)
}

fn control_channel() -> Seen {
    if Path::new(CONTROL).exists() {
        return through(format!("`{CONTROL}` is there"));
    }
    let abstract_ones = unix::abstract_names();
    match abstract_ones
        .iter()
        .find(|name| name.contains("bottle-control"))
    {
        Some(name) => through(format!("the socket `{name}` is there")),
        None => stopped(format!(
            "no `{CONTROL}`, and no socket without a file that is ours"
        )),
    }
}

fn unix_control() -> Checked {
    unix::control()
}

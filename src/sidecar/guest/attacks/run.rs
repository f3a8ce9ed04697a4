//! Makes all attempts and reports them.

use std::thread;

use anyhow::anyhow;
use bottle_contract::attack::{AttackReport, AttackRequest, Tried};

use super::scene::Scene;
use super::{
    confinement, credentials, devices, dns, kernel, network, ping, processes, proxy, routes,
    secrets, sidecar, sockets, tunnel, unix, written,
};
use crate::guest::input;

/// A family of attempts.
type Family = fn(&Scene) -> Vec<Tried>;

/// The families that can be tried at the same time.
const FAMILIES: [Family; 16] = [
    network::rows,
    ping::rows,
    routes::rows,
    dns::rows,
    sockets::rows,
    proxy::rows,
    tunnel::rows,
    sidecar::rows,
    unix::rows,
    kernel::rows,
    processes::rows,
    written::rows,
    devices::rows,
    secrets::rows,
    credentials::rows,
    confinement::rows,
];

/// Reads the request from standard input and answers on standard output.
pub(in crate::guest) fn from_stdin() -> anyhow::Result<()> {
    let request: AttackRequest = input::read(std::io::stdin().lock())?;
    let scene = Scene::new(request)?;
    let mut tried = all(&scene)?;
    // Last and alone: while it is made nobody else can start anything.
    tried.extend(processes::fork_bomb(&scene));
    let report = AttackReport {
        sidecar: scene.sidecar,
        tried,
    };
    input::write(std::io::stdout().lock(), &report)
}

/// Waits for ever, as a process that the attack looks at and may end.
pub(in crate::guest) fn idle() -> ! {
    loop {
        rustix::event::pause();
    }
}

fn all(scene: &Scene) -> anyhow::Result<Vec<Tried>> {
    thread::scope(|scope| {
        let running = FAMILIES.map(|family| scope.spawn(move || family(scene)));
        let mut tried = Vec::new();
        for family in running {
            let rows = family.join().map_err(|_| anyhow!("an attempt crashed"))?;
            tried.extend(rows);
        }
        Ok(tried)
    })
}

//! Devices: nodes that are made, and those that are there.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use bottle_contract::attack::Tried;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::rows::{Checked, Seen, checked, must_be_denied, row, worst};
use super::scene::Scene;

/// Memory, disks, virtual machines, tunnels, foreign file systems, inputs, the network's own.
const DEVICES: [&str; 19] = [
    "/dev/mem",
    "/dev/kmem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/sda",
    "/dev/vda",
    "/dev/xvda",
    "/dev/nvme0n1",
    "/dev/dm-0",
    "/dev/loop-control",
    "/dev/mapper/control",
    "/dev/kvm",
    "/dev/net/tun",
    "/dev/fuse",
    "/dev/vsock",
    "/dev/vhost-vsock",
    "/dev/vhost-net",
    "/dev/input/event0",
    "/dev/snapshot",
];

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let node = |name: &str, major, minor| {
        let made = make(&scene.workdir, FileType::BlockDevice, (major, minor));
        must_be_denied(&format!("a node for {name}"), made)
    };
    let character = make(&scene.workdir, FileType::CharacterDevice, (1, 1));
    let nodes = worst([
        node("a disk", 8, 0),
        node("a virtual disk", 253, 0),
        must_be_denied("a node for the memory", character),
    ]);
    vec![
        row("device-nodes", nodes, nodes_control(scene)),
        row("devices", open(), devices_control()),
    ]
}

/// Makes a node in a folder and removes it again.
fn make(folder: &Path, kind: FileType, (major, minor): (u32, u32)) -> io::Result<()> {
    let name = format!(".bottle-attack-node-{}-{major}-{minor}", std::process::id());
    let path = folder.join(name);
    mknodat(
        CWD,
        &path,
        kind,
        Mode::RUSR | Mode::WUSR,
        makedev(major, minor),
    )?;
    fs::remove_file(path)
}

/// The same call makes a pipe with a name.
fn nodes_control(scene: &Scene) -> Checked {
    checked(
        "the same call makes a pipe",
        make(&scene.workdir, FileType::Fifo, (0, 0)),
    )
}

fn open() -> Seen {
    worst(DEVICES.map(|path| must_be_denied(path, File::open(path))))
}

fn devices_control() -> Checked {
    checked("`/dev/null` can be opened", File::open("/dev/null"))
}

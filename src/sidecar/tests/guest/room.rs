//! A room: a small root file system in namespaces of its own, where the guest is `/.bottle/guest` and process 1.
//!
//! The network is its own too: `provision` changes settings of the network that it runs in.

use std::process::Command;
use std::sync::OnceLock;

use crate::program::{Ended, command, run};

/// Makes the room at `/mnt` of a new mount namespace, so nothing has to be cleaned up. The system's
/// programs are there to read only: what a test writes stays in the room.
const ENTER: &str = r#"
set -eu
root=/mnt binary=$1 prepare=$2
shift 2
mount -t tmpfs room $root
mkdir $root/usr
for top in bin sbin lib lib32 lib64 usr/bin usr/sbin usr/lib usr/lib32 usr/lib64; do
    if [ -L /$top ]; then cp -P /$top $root/$top
    elif [ -d /$top ]; then
        mkdir $root/$top
        mount --bind /$top $root/$top
        mount -o remount,bind,ro $root/$top
    fi
done
mkdir -p $root/proc $root/dev $root/.bottle
mount -t proc proc $root/proc
touch $root/dev/null
mount --bind /dev/null $root/dev/null
cp "$binary" $root/.bottle/guest
cd $root
eval "$prepare"
exec chroot $root /.bottle/guest "$@"
"#;

/// Runs the guest in a new room, after a shell script that runs in the room's root and prepares it.
///
/// Returns nothing where the system gives no namespaces, which it says.
pub(crate) fn guest_in_room(prepare: &str, args: &[&str], input: &[u8]) -> Option<Ended> {
    Some(run(&mut room(prepare, args)?, input))
}

/// Like [`guest_in_room`], for a test that runs it by itself.
pub(crate) fn room(prepare: &str, args: &[&str]) -> Option<Command> {
    static PROBLEM: OnceLock<Option<String>> = OnceLock::new();
    let problem = PROBLEM.get_or_init(|| {
        let ended = run(unshare().args(["sh", "-c", "mount -t tmpfs x /mnt"]), b"");
        (ended.code != Some(0)).then_some(ended.stderr)
    });
    if let Some(problem) = problem {
        assert!(!required(), "no namespaces: {problem}");
        eprintln!("skipped: no namespaces: {problem}");
        return None;
    }
    let mut command = unshare();
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args([
            "sh",
            "-c",
            ENTER,
            "sh",
            env!("CARGO_BIN_EXE_bottle-sidecar"),
            prepare,
        ])
        .args(args);
    Some(command)
}

fn unshare() -> Command {
    let mut command = command("unshare");
    command.args(["--mount", "--pid", "--net", "--fork", "--kill-child"]);
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness, not the program, asks whether a skip is a failure"
)]
fn required() -> bool {
    let required = std::env::var("BOTTLE_TEST_REQUIRE").unwrap_or_default();
    required.split(',').any(|word| word == "namespaces")
}

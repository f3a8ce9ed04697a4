//! Calls of this same binary in another role.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use bottle_contract::guest::GUEST;

/// The name by which a call is not taken for one of the guest.
const NAME: &str = "bottle-sidecar";
/// Where programs are found in a bottle.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Calls this binary on the host, with nothing of the user's environment.
pub(super) fn here(role: &str) -> Command {
    named("/proc/self/exe", role)
}

/// Calls this binary at a path, with nothing of the user's environment.
pub(super) fn named(path: impl AsRef<Path>, role: &str) -> Command {
    let mut command = fresh(path.as_ref());
    command.arg0(NAME).args(["native", role]);
    command
}

/// Calls the guest in the agent's place.
pub(super) fn guest() -> Command {
    let mut command = fresh(Path::new(GUEST));
    command.env("PATH", PATH).env("LANG", "C.UTF-8");
    command
}

/// Calls a role in the agent's place, with the environment that the guest is to have.
pub(super) fn inside(role: &str) -> Command {
    let mut command = guest();
    command.arg0(NAME).args(["native", role]);
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "these processes live as long as the bottle, and have no deadline"
)]
fn fresh(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear();
    command
}

//! Calls that lead into the larger parts of the kernel, or out of the namespaces.

use bottle_contract::attack::Tried;
use bottle_kernel::Call;

use super::rows::{Checked, Seen, checked, must_be_refused, row, worst};
use super::scene::Scene;

/// The calls of each attempt.
const CALLS: [(&str, &[Call]); 15] = [
    ("mount", &[Call::Mount, Call::Unmount]),
    (
        "mount-new",
        &[Call::OpenFileSystem, Call::OpenTree, Call::MoveMount],
    ),
    ("pivot-root", &[Call::PivotRoot]),
    (
        "user-namespace",
        &[Call::UnshareUser, Call::CloneUser, Call::Clone3],
    ),
    ("setns", &[Call::SetNamespace]),
    (
        "keyring",
        &[Call::KeyringId, Call::AddKey, Call::RequestKey],
    ),
    ("bpf", &[Call::Bpf]),
    ("perf", &[Call::PerfEvent]),
    ("io-uring", &[Call::IoUring]),
    ("userfaultfd", &[Call::Userfaultfd]),
    (
        "modules",
        &[
            Call::InitModule,
            Call::FinitModule,
            Call::DeleteModule,
            Call::Kexec,
        ],
    ),
    (
        "reboot",
        &[
            Call::Reboot,
            Call::SetClock,
            Call::SetHostName,
            Call::Accounting,
            Call::SwapOn,
        ],
    ),
    ("kernel-log", &[Call::KernelLog]),
    ("file-handles", &[Call::OpenByHandle]),
    ("tiocsti", &[Call::TerminalInput]),
];

/// Makes the attempts.
pub(super) fn rows(_scene: &Scene) -> Vec<Tried> {
    CALLS
        .iter()
        .map(|(id, calls)| row(id, all(calls), control()))
        .collect()
}

fn all(calls: &[Call]) -> Seen {
    worst(
        calls
            .iter()
            .map(|call| must_be_refused(&format!("{call:?}"), call.make())),
    )
}

/// A call that is allowed goes through by the same way.
fn control() -> Checked {
    checked(
        "a call that is allowed is made the same way",
        Call::Parent.make(),
    )
}

//! The closed list of calls, and the one place that makes them.

use std::io;

/// A descriptor that is none.
const NONE: libc::c_long = -1;
/// What puts a character into a terminal's input.
const TIOCSTI: libc::c_long = 0x5412;
/// Traces a process without stopping it.
const PTRACE_SEIZE: libc::c_long = 0x4206;
/// Lets it go again.
const PTRACE_DETACH: libc::c_long = 17;
/// Adds nothing to a mask that is not there.
const NO_MASK: libc::c_long = 0;

/// A system call with arguments that do no harm where it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Asks for the parent's id: allowed everywhere, so the control for all others.
    Parent,
    /// `keyctl`: asks for the id of the session's keyring.
    KeyringId,
    /// `add_key`, without a type.
    AddKey,
    /// `request_key`, without a type.
    RequestKey,
    /// `bpf`: a map without a description.
    Bpf,
    /// `perf_event_open`, without a description.
    PerfEvent,
    /// `io_uring_setup`, with no entries.
    IoUring,
    /// `userfaultfd`, for user mode only.
    Userfaultfd,
    /// `init_module`, without an image.
    InitModule,
    /// `finit_module`, of no file.
    FinitModule,
    /// `delete_module`, without a name.
    DeleteModule,
    /// `kexec_load`, with flags that do not exist.
    Kexec,
    /// `reboot`, without the numbers that make it one.
    Reboot,
    /// `syslog`: asks how long the kernel's log is.
    KernelLog,
    /// `clock_settime`, without a time.
    SetClock,
    /// `sethostname`, longer than a name can be.
    SetHostName,
    /// `acct`, with a path that is none.
    Accounting,
    /// `swapon`, without a path.
    SwapOn,
    /// `mount`, of nothing.
    Mount,
    /// `umount2`, of nothing.
    Unmount,
    /// `pivot_root`, without paths.
    PivotRoot,
    /// `fsopen`, without a name.
    OpenFileSystem,
    /// `open_tree`, without a path.
    OpenTree,
    /// `move_mount`, of no descriptor.
    MoveMount,
    /// `unshare` of the user namespace.
    UnshareUser,
    /// `clone` with a user namespace and with flags that exclude it.
    CloneUser,
    /// `clone3`, without a description.
    Clone3,
    /// `setns`, of no descriptor.
    SetNamespace,
    /// `open_by_handle_at`, without a handle.
    OpenByHandle,
    /// `ioctl` that puts a character into the terminal of standard input.
    TerminalInput,
    /// Traces a process.
    Trace(i32),
    /// Lets a traced process go.
    Untrace(i32),
}

impl Call {
    /// Makes the call and returns what the kernel answered.
    pub fn make(self) -> io::Result<i64> {
        let (number, [first, second, third, fourth, fifth]) = self.numbers();
        #[expect(
            unsafe_code,
            reason = "no library makes these calls, which no program but an attack needs"
        )]
        // SAFETY: the list is closed. No pointer among the arguments is anything but null or 1, where
        // nothing lies, so the kernel reads and writes no memory of ours; and none of the calls ends,
        // forks or unmaps this process.
        let answer = unsafe { libc::syscall(number, first, second, third, fourth, fifth) };
        if answer == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(answer)
    }

    fn numbers(self) -> (libc::c_long, [libc::c_long; 5]) {
        let user = libc::c_long::from(libc::CLONE_NEWUSER);
        let all = |number| (number, [0; 5]);
        match self {
            Self::Parent => all(libc::SYS_getppid),
            Self::KeyringId => (libc::SYS_keyctl, [0, -3, 0, 0, 0]),
            Self::AddKey => (libc::SYS_add_key, [0, 0, 0, 0, -3]),
            Self::RequestKey => all(libc::SYS_request_key),
            Self::Bpf => all(libc::SYS_bpf),
            Self::PerfEvent => (libc::SYS_perf_event_open, [0, 0, NONE, NONE, 0]),
            Self::IoUring => all(libc::SYS_io_uring_setup),
            Self::Userfaultfd => (libc::SYS_userfaultfd, [1, 0, 0, 0, 0]),
            Self::InitModule => all(libc::SYS_init_module),
            Self::FinitModule => (libc::SYS_finit_module, [NONE, 0, 0, 0, 0]),
            Self::DeleteModule => all(libc::SYS_delete_module),
            Self::Kexec => (libc::SYS_kexec_load, [0, 0, 0, 0xffff, 0]),
            Self::Reboot => all(libc::SYS_reboot),
            Self::KernelLog => (libc::SYS_syslog, [10, 0, 0, 0, 0]),
            Self::SetClock => all(libc::SYS_clock_settime),
            Self::SetHostName => (libc::SYS_sethostname, [0, 0xffff, 0, 0, 0]),
            Self::Accounting => (libc::SYS_acct, [1, 0, 0, 0, 0]),
            Self::SwapOn => all(libc::SYS_swapon),
            Self::Mount => all(libc::SYS_mount),
            Self::Unmount => all(libc::SYS_umount2),
            Self::PivotRoot => all(libc::SYS_pivot_root),
            Self::OpenFileSystem => all(libc::SYS_fsopen),
            Self::OpenTree => (libc::SYS_open_tree, [NONE, 0, 0, 0, 0]),
            Self::MoveMount => (libc::SYS_move_mount, [NONE, 0, NONE, 0, 0]),
            Self::UnshareUser => (libc::SYS_unshare, [user, 0, 0, 0, 0]),
            // The kernel refuses the pair, so that nothing is ever started.
            Self::CloneUser => (
                libc::SYS_clone,
                [user | libc::c_long::from(libc::CLONE_FS), 0, 0, 0, 0],
            ),
            Self::Clone3 => all(libc::SYS_clone3),
            Self::SetNamespace => (libc::SYS_setns, [NONE, 0, 0, 0, 0]),
            Self::OpenByHandle => (libc::SYS_open_by_handle_at, [NONE, 0, 0, 0, 0]),
            Self::TerminalInput => (libc::SYS_ioctl, [0, TIOCSTI, 0, 0, 0]),
            Self::Trace(pid) => (libc::SYS_ptrace, [PTRACE_SEIZE, pid.into(), 0, NO_MASK, 0]),
            Self::Untrace(pid) => (libc::SYS_ptrace, [PTRACE_DETACH, pid.into(), 0, 0, 0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_answers_and_what_has_nothing_to_do_fails() {
        let parent = i64::from(std::os::unix::process::parent_id());
        assert_eq!(Call::Parent.make().unwrap(), parent);
        for call in [
            Call::CloneUser,
            Call::Clone3,
            Call::SetNamespace,
            Call::IoUring,
        ] {
            assert!(call.make().is_err(), "{call:?}");
        }
    }
}

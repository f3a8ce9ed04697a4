//! The filter of system calls that the agent's command runs under, and all that it starts.
//!
//! It denies what an agent needs for nothing and what leads into the larger parts of the kernel. It is
//! the guest's own, so it is the same on every backend: engines have filters that differ, or none.
//! A filter cannot be taken off again, and a child inherits it.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use anyhow::Context as _;
use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, TargetArch, sock_filter,
};

/// Calls that are denied whatever their arguments are.
const DENIED: &[i64] = &[
    // Kernel code, and everything that runs in the kernel on a program's behalf.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    // File systems and namespaces: both mount interfaces, and ways into the namespaces of others.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The keyrings, which namespaces do not separate.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Other processes, beyond what tracing an own child needs.
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    libc::SYS_set_mempolicy_home_node,
    libc::SYS_lookup_dcookie,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_nfsservctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];

/// The call that loads another kernel from a file, which libc does not name on every target.
const KEXEC_FILE_LOAD: i64 = if cfg!(target_arch = "x86_64") {
    320
} else {
    294
};

/// The newest call of the mount interface, which libc does not name yet.
const OPEN_TREE_ATTR: i64 = 467;

/// The kinds of new namespaces. `clone` takes the last of its argument's bytes for a signal, so the one
/// for time is for `unshare` alone.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The families of sockets that ordinary programs use: all others are denied, such as the one that
/// leads out of a virtual machine.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Terminal requests that put characters into the input of whoever reads the terminal next.
const TERMINAL_REQUESTS: [u32; 2] = [0x5412, 0x541c];

/// The personalities that containers may ask for; most others weaken the memory's layout.
const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// From this number on, a call is one of the x32 interface, whose numbers no rule names.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Lays the filter on this thread and on all that it starts. Sets no-new-privileges, without which the
/// kernel takes no filter of an unprivileged process.
pub(super) fn apply() -> anyhow::Result<()> {
    for program in programs()? {
        seccompiler::apply_filter(&program).context("the kernel does not take the filter")?;
    }
    Ok(())
}

/// Translates the rules. The kernel runs all programs for a call, and the strictest answer counts.
fn programs() -> anyhow::Result<Vec<BpfProgram>> {
    let mut rules: BTreeMap<i64, Vec<Rule>> =
        DENIED.iter().map(|call| (*call, Vec::new())).collect();
    let families = vec![none_of(0, &FAMILIES.map(i32::cast_unsigned))?];
    rules.insert(libc::SYS_socket, families.clone());
    rules.insert(libc::SYS_socketpair, families);
    rules.insert(libc::SYS_personality, vec![none_of(0, &PERSONALITIES)?]);
    rules.insert(libc::SYS_ioctl, each(1, &TERMINAL_REQUESTS, equal)?);
    let namespaces = NAMESPACES.map(i32::cast_unsigned);
    rules.insert(libc::SYS_clone, each(0, &namespaces, flag)?);
    let time = libc::CLONE_NEWTIME.cast_unsigned();
    let namespaces = [&namespaces[..], &[time]].concat();
    rules.insert(libc::SYS_unshare, each(0, &namespaces, flag)?);
    // Its flags lie in memory, where no filter can look. C libraries then use `clone`.
    let unseen = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok(vec![
        program(rules, Errno::PERM)?,
        program(unseen, Errno::NOSYS)?,
        #[cfg(target_arch = "x86_64")]
        without_x32(),
    ])
}

/// Makes a program that answers what the rules match with this error, and ends a process that calls
/// with the numbers of another architecture.
fn program(rules: BTreeMap<i64, Vec<Rule>>, error: Errno) -> anyhow::Result<BpfProgram> {
    let arch = TargetArch::try_from(ARCH).context("there is no filter for this processor")?;
    let denied = SeccompAction::Errno(error.raw_os_error().cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)
        .context("a rule of the filter is broken")?;
    filter.try_into().context("the filter cannot be translated")
}

/// Matches when the argument is none of these.
fn none_of(argument: u8, values: &[u32]) -> anyhow::Result<Rule> {
    let unlike =
        |value: &u32| Condition::new(argument, Width::Dword, Compare::Ne, u64::from(*value));
    let conditions = values.iter().map(unlike).collect::<Result<_, _>>()?;
    Ok(Rule::new(conditions)?)
}

/// Makes a rule for each value. The kernel looks at the lower half of each of these arguments.
fn each(argument: u8, values: &[u32], compare: fn(u64) -> Compare) -> anyhow::Result<Vec<Rule>> {
    let rule = |value: &u32| {
        let value = u64::from(*value);
        let condition = Condition::new(argument, Width::Dword, compare(value), value)?;
        Ok(Rule::new(vec![condition])?)
    };
    values.iter().map(rule).collect()
}

fn equal(_: u64) -> Compare {
    Compare::Eq
}

fn flag(flag: u64) -> Compare {
    Compare::MaskedEq(flag)
}

/// Denies every call of the x32 interface, which shares its architecture's number with the ordinary one.
#[cfg(target_arch = "x86_64")]
fn without_x32() -> BpfProgram {
    let step = |code: u32, jt: u8, k: u32| sock_filter {
        // All of these codes fit: the kernel's own field has 16 bits.
        code: u16::try_from(code).unwrap_or(u16::MAX),
        jt,
        jf: 0,
        k,
    };
    let denied = libc::SECCOMP_RET_ERRNO | Errno::NOSYS.raw_os_error().cast_unsigned();
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, X32),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
        step(libc::BPF_RET | libc::BPF_K, 0, denied),
    ]
}

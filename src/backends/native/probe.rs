//! Whether this machine lets its users make namespaces, and which switch forbids it.

use std::fs;
use std::path::Path;

use super::group::Groups;
use crate::backends::backend::{Probe, Problem};
use crate::machine::{Facts, Namespaces};

/// The oldest kernel that can do all of it: entering several namespaces of a process at once.
const KERNEL: (u32, u32) = (5, 8);

/// A switch of the kernel's, what it says when it forbids namespaces, and what mends it.
struct Switch {
    path: &'static str,
    forbids: &'static str,
    what: &'static str,
    mend: &'static str,
    /// Whom it forbids.
    whom: Whom,
}

/// Whom a switch forbids namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Everybody,
    /// All but root.
    Users,
}

const SWITCHES: [Switch; 3] = [
    Switch {
        path: "proc/sys/user/max_user_namespaces",
        forbids: "0",
        what: "the kernel lets nobody make user namespaces (`user.max_user_namespaces` is 0)",
        mend: "sudo sysctl -w user.max_user_namespaces=15000",
        whom: Whom::Everybody,
    },
    Switch {
        path: "proc/sys/kernel/unprivileged_userns_clone",
        forbids: "0",
        what: "the kernel lets only root make user namespaces (`kernel.unprivileged_userns_clone` is 0)",
        mend: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        whom: Whom::Users,
    },
    Switch {
        path: "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        forbids: "1",
        what: "AppArmor takes from user namespaces what they are for (`kernel.apparmor_restrict_unprivileged_userns` is 1)",
        mend: "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        whom: Whom::Users,
    },
];

/// What the machine says about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine<'a> {
    /// Where the file system's root lies.
    pub(super) root: &'a Path,
    /// The user that bottle runs as.
    pub(super) uid: u32,
    /// What is known of the system.
    pub(super) facts: &'a Facts,
}

/// Looks at the machine's switches.
pub(super) fn probe(machine: Machine<'_>) -> Probe {
    let release = fs::read_to_string(machine.root.join("proc/sys/kernel/osrelease"))
        .ok()
        .map(|text| text.trim().to_owned());
    let mut problems: Vec<Problem> = unfit(machine.facts).into_iter().collect();
    if problems.is_empty() {
        problems.extend(too_old(release.as_deref()));
        problems.extend(switched_off(machine));
    }
    Probe {
        backend: super::backend::NAME,
        program: None,
        version: release
            .map(|release| format!("Linux {release}"))
            .filter(|_| problems.is_empty()),
        system: None,
        features: if problems.is_empty() {
            features(machine)
        } else {
            Vec::new()
        },
        stopped: false,
        problems,
    }
}

/// Says why this system can never do it.
pub(super) fn unfit(facts: &Facts) -> Option<Problem> {
    (!facts.is_linux()).then(|| Problem {
        what: "the namespaces that it is made of are Linux's".to_owned(),
        mend: "use another backend".to_owned(),
    })
}

fn too_old(release: Option<&str>) -> Option<Problem> {
    let release = release?;
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse().ok());
    let version: (u32, u32) = (next()?, next()?);
    (version < KERNEL).then(|| Problem {
        what: format!(
            "the kernel {release} is too old: it takes {}.{}",
            KERNEL.0, KERNEL.1
        ),
        mend: "update the system, or use an engine".to_owned(),
    })
}

fn switched_off(machine: Machine<'_>) -> Option<Problem> {
    if machine.facts.namespaces == Namespaces::Denied {
        return Some(Problem {
            what: "`BOTTLE_HOST` states that this machine makes no namespaces".to_owned(),
            mend: "unset BOTTLE_HOST".to_owned(),
        });
    }
    let concerns = |switch: &&Switch| switch.whom == Whom::Everybody || machine.uid != 0;
    let off = |switch: &&Switch| {
        fs::read_to_string(machine.root.join(switch.path))
            .is_ok_and(|text| text.trim() == switch.forbids)
    };
    let switch = SWITCHES.iter().filter(concerns).find(off)?;
    Some(Problem {
        what: switch.what.to_owned(),
        mend: switch.mend.to_owned(),
    })
}

fn features(machine: Machine<'_>) -> Vec<String> {
    let standing = if machine.uid == 0 {
        "run as root: the agent is another, unprivileged user"
    } else {
        "without root: the agent has this user's number, and nothing of this user's files"
    };
    let bounds = Groups::feature(machine.root);
    [
        "the agent's network is a loopback interface and the sidecar's port on it",
        "the agent sees the host's programs, read-only, and nobody's data",
        standing,
        bounds.as_str(),
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first problem of a machine with these settings.
    fn check(release: &str, settings: &[(&str, &str)], uid: u32) -> Option<Problem> {
        let root = tempfile::tempdir().unwrap();
        let all = [("proc/sys/kernel/osrelease", release)];
        for (path, text) in all.iter().chain(settings) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = fs::File::create(path).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
        let facts = "linux x86_64".parse().unwrap();
        let machine = Machine {
            root: root.path(),
            uid,
            facts: &facts,
        };
        probe(machine).problems.into_iter().next()
    }

    #[test]
    fn each_switch_is_named_with_what_mends_it() {
        let [most, clone, apparmor] = SWITCHES.map(|switch| switch.path);
        for (settings, uid, named) in [
            (vec![], 1000, None),
            (
                vec![(most, "15000\n"), (clone, "1\n"), (apparmor, "0\n")],
                1000,
                None,
            ),
            (vec![(most, "0\n")], 1000, Some("max_user_namespaces")),
            (vec![(most, "0\n")], 0, Some("max_user_namespaces")),
            (
                vec![(clone, "0\n")],
                1000,
                Some("unprivileged_userns_clone"),
            ),
            (vec![(clone, "0\n")], 0, None),
            (
                vec![(apparmor, "1\n")],
                1000,
                Some("apparmor_restrict_unprivileged_userns"),
            ),
            (vec![(apparmor, "1\n")], 0, None),
        ] {
            let found = check("6.1.0-13-amd64\n", &settings, uid);
            assert_eq!(found.is_some(), named.is_some(), "{settings:?} {uid}");
            let named = named.unwrap_or_default();
            assert!(
                found.is_none_or(|found| found.what.contains(named) && found.mend.contains(named))
            );
        }
        let old = check("5.4.0-1\n", &[], 0).unwrap();
        assert!(old.what.contains("5.4.0-1"), "{old:?}");
        assert_eq!(check("5.10.0-28-amd64\n", &[], 0), None);
    }
}

//! What an agent may use of the machine, where the kernel's control groups say so.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{DEADLINE, Room, until};

/// Uses 100 MiB, and then three tenths of a second of a processor; prints how many milliseconds passed.
const GREEDY: &str = r"
set -eo pipefail
head -c 104857600 /dev/zero | tail -c 104857600 | wc -c
used() { read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ < /proc/self/stat; }
used
enough=$((user + system + 30))
begin=${EPOCHREALTIME/[.,]/}
while [ $((user + system)) -lt $enough ]; do used; done
end=${EPOCHREALTIME/[.,]/}
echo $(((end - begin) / 1000))
";

/// Where this user may make control groups; elsewhere such a manifest is refused.
pub(crate) fn memory_and_processors_are_bounded(room: &Room) {
    let doctor = room.bottle(&["doctor", "--json"]).run().ok();
    let bounded = doctor.contains("bounds processes, memory and processors");
    // Whoever runs the tests as root can make them.
    assert!(bounded || !rustix::process::geteuid().is_root(), "{doctor}");
    let greedy = ["bash", "-c", GREEDY];
    room.agent("");
    let free = room.run(&greedy).ok();
    let (bytes, free) = free.trim().split_once('\n').unwrap();
    assert_eq!(bytes, "104857600");
    let free: u32 = free.parse().unwrap();
    for limit in ["memory = \"32MiB\"", "cpus = 0.1"] {
        room.agent(&format!("[resources]\n{limit}"));
        let run = room.run(&greedy);
        if !bounded {
            run.says("systemd-run").code(125);
        } else if limit.starts_with("memory") {
            // The kernel killed what was too large, and the script ends with it.
            run.code(137);
            assert!(!run.stdout.contains("104857600"), "{}", run.stdout);
        } else {
            let printed = run.ok();
            let bounded: u32 = printed.lines().last().unwrap().parse().unwrap();
            // A tenth of a processor needs three seconds for it, less what a period may be off.
            assert!(bounded > 2500 && free < bounded, "{bounded} and {free} ms");
        }
    }
}

/// What `exec` brings into a bottle is bounded with the agent, and the groups go with the bottle.
pub(crate) fn a_control_group_holds_all_of_a_bottle_and_goes_with_it(room: &Room) {
    if !rustix::process::geteuid().is_root() {
        // Whether this user may make any is what the scenario before looks at.
        return;
    }
    room.agent("[resources]\nmemory = \"64MiB\"");
    let id = room.detach(&["sleep", "600"]);
    let groups = || -> Vec<PathBuf> {
        let name = format!("*{id}*");
        let found = duct::cmd!("find", "/sys/fs/cgroup", "-type", "d", "-name", name);
        found.read().unwrap().lines().map(PathBuf::from).collect()
    };
    let members = |group: &Path| {
        let list = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        list.lines().count()
    };
    let [group] = &groups()[..] else {
        panic!("{:?}", groups());
    };
    let before = members(group);
    assert!(before >= 2, "{before}");
    let inside = room.bottle(&["exec", &id, "--", "sleep", "600"]).start();
    until("what was brought in is in the group", DEADLINE, || {
        (members(group) > before).then_some(())
    });
    room.stop(&id);
    assert_ne!(inside.wait(DEADLINE).code, 0);
    assert_eq!(groups(), Vec::<PathBuf>::new());
}

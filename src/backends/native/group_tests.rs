//! Control groups, on machines made of files.

#![expect(
    clippy::disallowed_methods,
    reason = "files of a machine that is made up"
)]

use super::*;

const UNIFIED: &str = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n";
const LEGACY: &str = "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n";

/// A machine with these trees, on which this process is in a group.
fn machine(mounts: &str, own: &str, groups: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("proc/self/mountinfo", mounts);
    write("proc/self/cgroup", own);
    for (group, controllers, down) in groups {
        write(&format!("{group}/cgroup.controllers"), controllers);
        write(&format!("{group}/{SUBTREE}"), down);
        write(&format!("{group}/cgroup.procs"), "");
    }
    root
}

fn find(root: &Path, memory: Option<u64>, cpus: Option<f64>) -> Result<Vec<PathBuf>, String> {
    let limits = Limits {
        cpus,
        memory,
        pids: None,
    };
    let id = "demo-abcdef".parse().unwrap();
    let found = Groups::find(root, &limits).map_err(|error| error.to_string())?;
    let paths = found.map_or_else(Vec::new, |groups| groups.paths(&id));
    let own = |path: &PathBuf| {
        path.strip_prefix(root)
            .unwrap()
            .parent()
            .unwrap()
            .to_owned()
    };
    Ok(paths.iter().map(own).collect())
}

#[test]
fn the_nearest_group_that_hands_the_controllers_down_is_taken() {
    let own = "0::/user.slice/app.slice/own.scope\n";
    let slice = "sys/fs/cgroup/user.slice/app.slice";
    let scope = "sys/fs/cgroup/user.slice/app.slice/own.scope";
    let groups = [
        (scope, "memory pids", ""),
        (slice, "cpu memory pids", "memory pids"),
        ("sys/fs/cgroup/user.slice", "cpu memory", "cpu memory"),
        ("sys/fs/cgroup", "cpu memory", "cpu memory"),
    ];
    let root = machine(UNIFIED, own, &groups);
    let root = root.path();
    assert_eq!(find(root, None, None), Ok(vec![]));
    assert_eq!(find(root, Some(1), None), Ok(vec![slice.into()]));
    let above = "sys/fs/cgroup/user.slice";
    assert_eq!(find(root, Some(1), Some(1.0)), Ok(vec![above.into()]));
    // Where none hands them down, one without processes of its own can be told to.
    fs::write(root.join(above).join(SUBTREE), "").unwrap();
    fs::write(root.join("sys/fs/cgroup").join(SUBTREE), "").unwrap();
    assert_eq!(find(root, None, Some(1.0)), Ok(vec![slice.into()]));
    for group in [slice, above, "sys/fs/cgroup"] {
        fs::write(root.join(group).join("cgroup.procs"), "1\n").unwrap();
    }
    // At the top of the machine they do no harm.
    assert_eq!(
        find(root, None, Some(1.0)),
        Ok(vec!["sys/fs/cgroup".into()])
    );
    fs::write(root.join("sys/fs/cgroup/cgroup.type"), "domain\n").unwrap();
    let refused = find(root, None, Some(1.0)).unwrap_err();
    assert!(refused.contains("`cpu`"), "{refused}");
}

#[test]
fn where_each_controller_has_a_tree_each_gets_a_group() {
    let own = "5:cpu,cpuacct:/a\n4:memory:/b/c\n0::/\n";
    let groups = [("cg/cpu/a", "", ""), ("cg/memory/b/c", "", "")];
    let root = machine(LEGACY, own, &groups);
    let root = root.path();
    assert_eq!(
        find(root, Some(1), Some(0.5)),
        Ok(vec!["cg/memory/b/c".into(), "cg/cpu/a".into()])
    );
    fs::remove_dir_all(root.join("cg/memory/b")).unwrap();
    assert_eq!(find(root, None, Some(0.5)), Ok(vec!["cg/cpu/a".into()]));
    assert!(find(root, Some(1), None).unwrap_err().contains("`memory`"));
}

#[test]
fn the_bounds_are_written_as_each_version_reads_them() {
    let limits = Limits {
        cpus: Some(1.5),
        memory: Some(4096),
        pids: None,
    };
    let written = |root: &Path| -> Vec<String> {
        let groups = Groups::find(root, &limits).unwrap().unwrap();
        let settings = groups.all.iter().flat_map(|group| &group.settings);
        settings
            .map(|setting| format!("{}={}", setting.file, setting.value))
            .collect()
    };
    let unified = machine(
        UNIFIED,
        "0::/\n",
        &[("sys/fs/cgroup", "cpu memory", "cpu memory")],
    );
    assert_eq!(
        written(unified.path()),
        [
            "memory.max=4096",
            "memory.swap.max=0",
            "cpu.max=150000 100000"
        ]
    );
    let groups = [("cg/cpu", "", ""), ("cg/memory", "", "")];
    let legacy = machine(LEGACY, "5:cpu,cpuacct:/\n4:memory:/\n", &groups);
    assert_eq!(
        written(legacy.path()),
        [
            "memory.limit_in_bytes=4096",
            "memory.memsw.limit_in_bytes=4096",
            "cpu.cfs_period_us=100000",
            "cpu.cfs_quota_us=150000"
        ]
    );
}

#[test]
fn what_is_not_there_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let group = root.path().join("group");
    fs::create_dir(&group).unwrap();
    remove(std::slice::from_ref(&group)).unwrap();
    assert!(!group.exists());
    remove(&[group]).unwrap();
}

//! Control groups that the launcher has made: the agent's processes are put into them from outside.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bottle_contract::native::GROUP;

/// The list of the processes of a group. Who may change it is decided as it is opened.
pub(super) struct Membership {
    list: File,
}

impl Membership {
    pub(super) fn open(group: &Path) -> anyhow::Result<Self> {
        let list = OpenOptions::new()
            .write(true)
            .open(group.join("cgroup.procs"))
            .with_context(|| format!("cannot open the control group `{}`", group.display()))?;
        Ok(Self { list })
    }

    /// Puts a process into the group.
    pub(super) fn take_in(mut self, pid: u32) -> anyhow::Result<()> {
        self.list
            .write_all(pid.to_string().as_bytes())
            .context("cannot put the agent into its control group")
    }

    /// Puts this process into the group, which the kernel calls number 0.
    pub(super) fn take_in_self(self) -> anyhow::Result<()> {
        self.take_in(0)
    }
}

/// Takes the groups from the front of some words.
pub(super) fn among(words: &[OsString]) -> (Vec<PathBuf>, &[OsString]) {
    let group = |word: &OsString| {
        let path = word.as_bytes().strip_prefix(GROUP.as_bytes())?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
    };
    let groups: Vec<PathBuf> = words.iter().map_while(group).collect();
    let rest = words.get(groups.len()..).unwrap_or_default();
    (groups, rest)
}

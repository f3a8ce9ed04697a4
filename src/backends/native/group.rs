//! Control groups: the kernel's bounds on memory and processors, where this user may make one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bottle_contract::id::{BottleId, Role};
use rustix::fs::{Access, access};
use thiserror::Error;

use crate::backends::request::Limits;

/// The span over which a share of the processors is counted, in microseconds: the kernel's default.
const PERIOD: u32 = 100_000;
/// How long the kernel may take to let go of a group whose processes were killed.
const EMPTY: Duration = Duration::from_secs(5);
/// How often a group that is not empty yet is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Groups that are to be made for one bottle.
#[derive(Debug, PartialEq)]
pub(super) struct Groups {
    all: Vec<Group>,
}

/// One group: its folder, and what is written there.
#[derive(Debug, PartialEq)]
struct Group {
    parent: PathBuf,
    /// The controllers that the parent has to hand down first.
    enable: Vec<&'static str>,
    settings: Vec<Setting>,
}

/// A file of a group, and the bound in it.
#[derive(Debug, PartialEq)]
struct Setting {
    file: &'static str,
    value: String,
    need: Need,
}

/// Whether a file has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Always,
    /// Where the kernel counts swap.
    WhereThere,
}

/// Why a bound cannot be enforced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this user may make no control group that bounds `{controller}`")]
pub(super) struct NotDelegated {
    controller: &'static str,
}

/// What the kernel bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Memory(u64),
    Processors(f64),
}

/// A tree of groups that is mounted, and this process's place in it.
#[derive(Debug)]
struct Tree {
    kind: Kind,
    top: PathBuf,
    own: PathBuf,
}

/// The kinds of trees.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The second version: one tree for all controllers.
    Unified,
    /// The first version: a tree for these controllers.
    Legacy(Vec<String>),
}

impl Groups {
    /// Finds where the groups for these limits can be made; `None` where nothing is to be bounded.
    /// Changes nothing. The file system's root is `root`.
    pub(super) fn find(root: &Path, limits: &Limits) -> Result<Option<Self>, NotDelegated> {
        let memory = limits.memory.map(Bound::Memory);
        let processors = limits.cpus.map(Bound::Processors);
        let bounds: Vec<Bound> = memory.into_iter().chain(processors).collect();
        if bounds.is_empty() {
            return Ok(None);
        }
        Self::among(&Tree::all(root), &bounds).map(Some)
    }

    /// Finds where the groups for these bounds can be made in these trees.
    fn among(trees: &[Tree], bounds: &[Bound]) -> Result<Self, NotDelegated> {
        let unified = trees.iter().find_map(|tree| tree.unified(bounds));
        let all = match unified {
            Some(group) => vec![group],
            None => bounds
                .iter()
                .map(|bound| {
                    let found = trees.iter().find_map(|tree| tree.legacy(bound));
                    found.ok_or(NotDelegated {
                        controller: bound.controller(),
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        Ok(Self { all })
    }

    /// Says whether such bounds can be enforced on a machine.
    pub(super) fn feature(root: &Path) -> String {
        let trees = Tree::all(root);
        let can = |bound| Self::among(&trees, &[bound]).is_ok();
        match (can(Bound::Memory(1)), can(Bound::Processors(1.0))) {
            (true, true) => "bounds processes, memory and processors",
            (true, false) => "bounds processes and memory; bounds of processors are refused, since no control group is delegated for them",
            (false, true) => "bounds processes and processors; bounds of memory are refused, since no control group is delegated for them",
            (false, false) => "bounds processes; bounds of memory and processors are refused, since no control group is delegated for them",
        }
        .to_owned()
    }

    /// Returns the folders that will be made.
    pub(super) fn paths(&self, id: &BottleId) -> Vec<PathBuf> {
        self.all.iter().map(|group| group.path(id)).collect()
    }

    /// Makes them and sets their bounds.
    pub(super) fn create(&self, id: &BottleId) -> anyhow::Result<()> {
        self.all.iter().try_for_each(|group| group.create(id))
    }
}

/// Removes groups. Succeeds on those that are not there.
#[expect(
    clippy::disallowed_methods,
    reason = "the first version of control groups tells nobody when one is empty"
)]
pub(super) fn remove(paths: &[PathBuf]) -> anyhow::Result<()> {
    let deadline = Instant::now() + EMPTY;
    for path in paths {
        loop {
            match fs::remove_dir(path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error)
                    if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline =>
                {
                    sleep(AGAIN);
                }
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("could not remove the control group `{}`", path.display())
                    });
                }
            }
        }
    }
    Ok(())
}

impl Group {
    fn path(&self, id: &BottleId) -> PathBuf {
        self.parent.join(id.resource(Role::Agent))
    }

    fn create(&self, id: &BottleId) -> anyhow::Result<()> {
        for controller in &self.enable {
            write(&self.parent.join(SUBTREE), &format!("+{controller}"))?;
        }
        let path = self.path(id);
        fs::create_dir(&path)
            .with_context(|| format!("could not make the control group `{}`", path.display()))?;
        for Setting { file, value, need } in &self.settings {
            let file = path.join(file);
            if *need == Need::Always || file.exists() {
                write(&file, value)?;
            }
        }
        Ok(())
    }
}

impl Bound {
    fn controller(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Processors(_) => "cpu",
        }
    }

    fn settings(self, kind: &Kind) -> Vec<Setting> {
        let setting = |file, value: String, need| Setting { file, value, need };
        let quota = |cpus: f64| format!("{:.0}", (cpus * f64::from(PERIOD)).max(1000.0));
        match (self, kind) {
            (Self::Memory(bytes), Kind::Unified) => vec![
                setting("memory.max", bytes.to_string(), Need::Always),
                setting("memory.swap.max", "0".to_owned(), Need::WhereThere),
            ],
            // The second counts memory and swap together.
            (Self::Memory(bytes), Kind::Legacy(_)) => vec![
                setting("memory.limit_in_bytes", bytes.to_string(), Need::Always),
                setting(
                    "memory.memsw.limit_in_bytes",
                    bytes.to_string(),
                    Need::WhereThere,
                ),
            ],
            (Self::Processors(cpus), Kind::Unified) => vec![setting(
                "cpu.max",
                format!("{} {PERIOD}", quota(cpus)),
                Need::Always,
            )],
            (Self::Processors(cpus), Kind::Legacy(_)) => vec![
                setting("cpu.cfs_period_us", PERIOD.to_string(), Need::Always),
                setting("cpu.cfs_quota_us", quota(cpus), Need::Always),
            ],
        }
    }
}

impl Tree {
    /// Reads which trees are mounted.
    fn all(root: &Path) -> Vec<Self> {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let own = read("proc/self/cgroup");
        read("proc/self/mountinfo")
            .lines()
            .filter_map(|line| Self::mounted(root, line, &own))
            .collect()
    }

    /// Reads a line of `/proc/self/mountinfo` (proc(5)).
    fn mounted(root: &Path, line: &str, own: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        let kind = match name {
            "cgroup2" => Kind::Unified,
            "cgroup" => Kind::Legacy(options.split(',').map(str::to_owned).collect()),
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        let (shown, mounted) = (place.next()?, place.next()?);
        let own = own.lines().find_map(|line| kind.place_in(line))?;
        // What lies outside of what is mounted here begins with `/..`.
        let below = Path::new(own).strip_prefix(shown).ok()?;
        if below.components().any(|part| part == Component::ParentDir) {
            return None;
        }
        let top = root.join(mounted.trim_start_matches('/'));
        Some(Self {
            own: top.join(below),
            kind,
            top,
        })
    }

    /// Finds a group that may have children of ours with all of these bounds: the nearest that hands
    /// the controllers down already, or else one that can be told to.
    fn unified(&self, bounds: &[Bound]) -> Option<Group> {
        if self.kind != Kind::Unified {
            return None;
        }
        let wanted: Vec<&'static str> = bounds.iter().map(Bound::controller).collect();
        let missing = |parent: &Path, file: &str| -> Vec<&'static str> {
            let text = fs::read_to_string(parent.join(file)).unwrap_or_default();
            let there: Vec<&str> = text.split_whitespace().collect();
            let missing = wanted.iter().filter(|one| !there.contains(one));
            missing.copied().collect()
        };
        let parents = || {
            self.own
                .ancestors()
                .take_while(|parent| parent.starts_with(&self.top))
                .filter(|parent| is_ours(parent))
        };
        let handed_down = parents().find(|parent| missing(parent, SUBTREE).is_empty());
        let parent = handed_down.or_else(|| {
            parents().find(|parent| {
                missing(parent, "cgroup.controllers").is_empty()
                    && is_writable(&parent.join(SUBTREE))
                    && self.may_hand_down(parent)
            })
        })?;
        Some(Group {
            parent: parent.to_owned(),
            enable: missing(parent, SUBTREE),
            settings: bounds
                .iter()
                .flat_map(|bound| bound.settings(&self.kind))
                .collect(),
        })
    }

    /// A group hands nothing down while processes are in it, except the one at the top.
    fn may_hand_down(&self, parent: &Path) -> bool {
        let empty = || {
            fs::read_to_string(parent.join("cgroup.procs"))
                .is_ok_and(|processes| processes.trim().is_empty())
        };
        // Only the whole system's top has no type.
        (parent == self.top && !parent.join("cgroup.type").exists()) || empty()
    }

    fn legacy(&self, bound: &Bound) -> Option<Group> {
        let Kind::Legacy(controllers) = &self.kind else {
            return None;
        };
        let fits = controllers.iter().any(|one| one == bound.controller());
        (fits && is_ours(&self.own)).then(|| Group {
            parent: self.own.clone(),
            enable: Vec::new(),
            settings: bound.settings(&self.kind),
        })
    }
}

/// The file by which a group of the second version hands controllers down.
const SUBTREE: &str = "cgroup.subtree_control";

impl Kind {
    /// Returns the place in a tree of this kind that a line of `/proc/self/cgroup` names (cgroups(7)).
    fn place_in<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut fields = line.splitn(3, ':');
        let (number, controllers, place) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match self {
            Self::Unified => number == "0" && controllers.is_empty(),
            Self::Legacy(own) => controllers
                .split(',')
                .any(|one| !one.is_empty() && own.iter().any(|own| own == one)),
        };
        fits.then_some(place)
    }
}

/// Tells whether this user may make groups here and move processes into them.
fn is_ours(parent: &Path) -> bool {
    is_writable(parent) && is_writable(&parent.join("cgroup.procs"))
}

fn is_writable(path: &Path) -> bool {
    access(path, Access::WRITE_OK).is_ok()
}

/// Tells the kernel; these files are never made by writing to them.
fn write(path: &Path, value: &str) -> anyhow::Result<()> {
    let told = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()));
    told.with_context(|| format!("could not write `{value}` to `{}`", path.display()))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;

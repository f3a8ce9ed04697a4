//! A place in which the program runs: its own folders, its own variables, and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

/// No call of these tests takes longer on a slow machine; the longest waits for an engine that hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// The program under test.
pub(crate) const BOTTLE: &str = env!("CARGO_BIN_EXE_bottle");

/// A home folder, a current folder, a `PATH` and the variables.
pub(crate) struct World {
    _folder: TempDir,
    root: PathBuf,
    vars: BTreeMap<String, String>,
}

/// How a call ended. Texts are as they were printed; see [`Ran::out`] for what is compared.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) raw_out: String,
    /// Standard error.
    pub(crate) raw_err: String,
    root: PathBuf,
}

/// An engine that stands in for a real one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fake {
    /// Answers as a real one did, and holds nothing.
    Answers,
    /// Never answers.
    Hangs,
    /// Says that its daemon is not there.
    Refuses,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["home", "bin", "work", "config", "state"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let path = |name: &str| root.join(name).display().to_string();
        let vars = [
            ("HOME", path("home")),
            ("PATH", path("bin")),
            ("XDG_CONFIG_HOME", path("config")),
            ("XDG_STATE_HOME", path("state")),
            // The same on whatever machine this runs.
            ("BOTTLE_HOST", "linux x86_64 namespaces=none".to_owned()),
            // Nothing here runs it; without a name, a checkout would build it.
            ("BOTTLE_SIDECAR_BINARY", path("sidecar")),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value));
        let world = Self {
            _folder: folder,
            vars: vars.into(),
            root,
        };
        world.file("sidecar", "no program")
    }

    /// A world with this `agent.toml` in its current folder.
    pub(crate) fn with_agent(text: &str) -> Self {
        Self::new().file("work/agent.toml", text)
    }

    /// Writes a file below the world's root.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        self
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts an engine on `PATH`.
    ///
    /// It is a link, since a script that was written a moment ago may not be run while any other
    /// thread is just starting a program.
    pub(crate) fn engine(self, name: &str, fake: Fake) -> Self {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = match fake {
            Fake::Answers => "answers.sh",
            Fake::Hangs => "hangs.sh",
            Fake::Refuses => "refuses.sh",
        };
        let script = tree.join("tests/cli/engines").join(script);
        symlink(script, self.path("bin").join(name)).unwrap();
        let version = match name {
            "docker" => "docker-26.1",
            "podman" => "podman-4.3",
            other => panic!("no answers of `{other}` were captured"),
        };
        let captured = tree.join("src/backends/containers/dialect/captured");
        let info = captured.join(version).join("info.json");
        symlink(info, self.path(&format!("{name}-info.json"))).unwrap();
        self
    }

    /// Makes a Mac of it, with Apple's `container` of this version, whose service has this status.
    pub(crate) fn mac(self, facts: &str, version: &str, status: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/engines/apple.sh");
        symlink(script, self.path("bin").join("container")).unwrap();
        self.var("BOTTLE_HOST", facts)
            .file("container-version", &format!("{version}\n"))
            .file("container-status", &format!("{status}\n"))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The calls that the engines got, one a line.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The names of what lies in a folder.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    /// Runs the program without a terminal and with nothing to read.
    pub(crate) fn bottle(&self, args: &[&str]) -> Ran {
        let output = assert_cmd::Command::new(BOTTLE)
            .args(args)
            .env_clear()
            .envs(&self.vars)
            .current_dir(self.path("work"))
            .timeout(LIMIT)
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            raw_out: String::from_utf8(output.stdout).unwrap(),
            raw_err: String::from_utf8(output.stderr).unwrap(),
            root: self.root.clone(),
        }
    }
}

impl Ran {
    /// Standard output, with stand-ins for what differs from place to place.
    pub(crate) fn out(&self) -> String {
        self.plain(&self.raw_out)
    }

    /// Standard error, with the same stand-ins.
    pub(crate) fn err(&self) -> String {
        self.plain(&self.raw_err)
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.raw_out)
            .unwrap_or_else(|error| panic!("{error}: {}", self.raw_out))
    }

    #[track_caller]
    pub(crate) fn ends_with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    fn plain(&self, text: &str) -> String {
        let uid = rustix::process::getuid().as_raw();
        let user = if uid == 0 {
            "1000:1000".to_owned()
        } else {
            format!("{uid}:{}", rustix::process::getgid().as_raw())
        };
        let version = concat!("version=", env!("CARGO_PKG_VERSION"));
        let text = text
            .replace(&self.root.display().to_string(), "/ROOT")
            .replace(version, "version=[version]")
            .replace(&user, "[user]")
            // A kernel without IPv6 does not have these.
            .replace(" --sysctl=net.ipv6.conf.all.disable_ipv6=1", "")
            .replace(" --sysctl=net.ipv6.conf.default.disable_ipv6=1", "");
        // The sidecar writes the audit log as whoever runs bottle.
        let text = redact(&text, "--hostname=sidecar --user=", "[self]");
        let text = redact(&text, "-sidecar --user=", "[self]");
        let text = redact(&text, "dev.bottle.owner=", "[owner]");
        redact(&text, "dev.bottle.manifest=", "[digest]")
    }
}

/// Replaces the words that stand behind a mark.
fn redact(text: &str, mark: &str, stand_in: &str) -> String {
    let mut parts = text.split(mark);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(char::is_whitespace).unwrap_or(part.len());
        plain.push_str(mark);
        plain.push_str(stand_in);
        plain.push_str(&part[end..]);
    }
    plain
}

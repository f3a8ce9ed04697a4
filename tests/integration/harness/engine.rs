//! The engines: whether one is there, and what it holds.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use bottle::env::Env;

use super::call::{Call, Outcome};

/// What the machine can bear: this many scenarios at once on one engine, of two bottles at most.
const ROOMS: usize = 2;
/// The variables by which an engine's client finds its engine, beside `HOME`.
const FINDS: [&str; 6] = [
    "PATH",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "CONTAINER_HOST",
];

/// An engine that tests run on.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The name of the backend and of the engine's program.
    pub(crate) name: &'static str,
    /// The image that agents run: a Debian userland with curl and python3.
    pub(crate) image: &'static str,
    /// The option by which it leaves its own host without an address on an internal network.
    pub(crate) hides_host_by: Option<&'static str>,
    absent: OnceLock<Option<String>>,
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place for one scenario.
#[derive(Debug)]
pub(crate) struct Place(&'static Engine);

pub(crate) fn docker() -> &'static Engine {
    static DOCKER: Engine = Engine::new("docker", "bottle-test-base", Some("inhibit_ipv4"));
    &DOCKER
}

pub(crate) fn podman() -> &'static Engine {
    static PODMAN: Engine = Engine::new("podman", "localhost/bottle-test-base", None);
    &PODMAN
}

impl Engine {
    const fn new(
        name: &'static str,
        image: &'static str,
        hides_host_by: Option<&'static str>,
    ) -> Self {
        Self {
            name,
            image,
            hides_host_by,
            absent: OnceLock::new(),
            free: Mutex::new(ROOMS),
            freed: Condvar::new(),
        }
    }

    /// Says why nothing can be run here; `None` when everything is there.
    pub(crate) fn absent(&self) -> Option<&str> {
        let ask = || {
            let failed = |outcome: Outcome| {
                let first = outcome.stderr.lines().next().unwrap_or_default();
                format!("{} does not answer: {first}", self.name)
            };
            if self.program().is_none() {
                return Some(format!("{} is not installed", self.name));
            }
            let info = self.call(&["info"]).run();
            if info.code != 0 {
                return Some(failed(info));
            }
            let image = self.call(&["image", "inspect", self.image]).run();
            (image.code != 0).then(|| format!("{} has no image `{}`", self.name, self.image))
        };
        self.absent.get_or_init(ask).as_deref()
    }

    /// Tells whether `BOTTLE_TEST_REQUIRE` names this engine.
    pub(crate) fn is_required(&self) -> bool {
        variable("BOTTLE_TEST_REQUIRE")
            .is_some_and(|words| words.split(',').any(|word| word.trim() == self.name))
    }

    /// Waits for a place. Whoever holds one runs for a bounded time, and so this ends.
    pub(crate) fn place(&'static self) -> Place {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Place(self)
    }

    /// Returns a call of the engine's own client.
    pub(crate) fn call(&self, args: &[&str]) -> Call {
        let mut env = finding();
        if let Some(home) = variable("HOME") {
            env.insert("HOME".into(), home.into());
        }
        let program = self.program().expect("the engine's client is installed");
        Call::new(program, &env, args)
    }

    /// Returns the path of its client; `None` when it is not installed.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        let path = variable("PATH").unwrap_or_default();
        bottle::process::find(self.name, OsStr::new(&path)).ok()
    }

    /// Runs the engine's own client and returns what it printed.
    #[track_caller]
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        self.call(args).run().ok()
    }

    /// Lists all containers and networks that have this text in their names or labels.
    #[track_caller]
    pub(crate) fn holds(&self, text: &str) -> Vec<String> {
        let mut found = self.ask(&["ps", "-a", "--format", "{{.Names}} {{.Labels}}"]);
        found += &self.ask(&["network", "ls", "--format", "{{.Name}} {{.Labels}}"]);
        found
            .lines()
            .filter(|line| line.contains(text))
            .map(|line| {
                line.split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// Describes a container or a network.
    #[track_caller]
    pub(crate) fn inspect(&self, kind: &str, name: &str) -> serde_json::Value {
        let text = self.ask(&[kind, "inspect", name]);
        let mut list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        list.remove(0)
    }

    /// Returns the addresses of a container on a network.
    #[track_caller]
    pub(crate) fn address(&self, container: &str, network: &str) -> String {
        let found = self.inspect("container", container);
        let address = &found["NetworkSettings"]["Networks"][network]["IPAddress"];
        address.as_str().expect("an address").to_owned()
    }

    /// Returns the gateways that the engine names for a network, whether they exist or not.
    #[track_caller]
    pub(crate) fn gateways(&self, network: &str) -> Vec<String> {
        let found = self.inspect("network", network);
        let docker = found["IPAM"]["Config"].as_array();
        let podman = found["subnets"].as_array();
        docker
            .into_iter()
            .chain(podman)
            .flatten()
            .flat_map(|subnet| [&subnet["Gateway"], &subnet["gateway"]])
            .filter_map(|gateway| gateway.as_str().map(str::to_owned))
            .collect()
    }

    /// Removes containers and networks by force, whatever state they are in.
    pub(crate) fn sweep(&self, names: &[String]) {
        for name in names {
            let _gone = self.call(&["rm", "-f", "-v", name]).run();
        }
        for name in names {
            let _gone = self.call(&["network", "rm", name]).run();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// Returns a variable of the test's own environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    Env::capture().unwrap().var(name).unwrap()
}

/// Returns the variables by which engines are found; a rootless engine keeps its images by them.
pub(crate) fn finding() -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> = FINDS
        .iter()
        .filter_map(|name| variable(name).map(|value| (name.into(), value.into())))
        .collect();
    if let Some(home) = variable("HOME") {
        let data = || Path::new(&home).join(".local/share").into();
        env.entry("XDG_DATA_HOME".into()).or_insert_with(data);
    }
    env
}

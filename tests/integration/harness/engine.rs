//! The engines: whether one is there, and what it holds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use bottle::env::Env;

use super::apart::{self, Apart};
use super::call::{Call, Outcome};
use super::client::Client;
use super::namespaces;
use super::stand_in;

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
    /// The name of the backend.
    pub(crate) name: &'static str,
    /// The name of the engine's program.
    pub(crate) program: &'static str,
    /// The image that agents run: a Debian userland with curl and python3.
    pub(crate) image: &'static str,
    /// What it does about its own host on an internal network.
    pub(crate) host: Host,
    pub(super) client: Client,
    absent: OnceLock<Option<String>>,
    free: Mutex<usize>,
    freed: Condvar,
}

/// What an engine does about its own host on an internal network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// It leaves the host without an address there, by this option.
    HiddenBy(&'static str),
    /// It leaves the host without an address there, always.
    Hidden,
    /// The host is the gateway, and its services answer.
    Gateway,
}

/// A place for one scenario.
#[derive(Debug)]
pub(crate) struct Place {
    engine: &'static Engine,
    _turn: Option<Apart>,
}

pub(crate) fn docker() -> &'static Engine {
    static DOCKER: Engine =
        Engine::new("docker", "bottle-test-base", Host::HiddenBy("inhibit_ipv4"));
    &DOCKER
}

pub(crate) fn podman() -> &'static Engine {
    static PODMAN: Engine = Engine::new("podman", "localhost/bottle-test-base", Host::Hidden);
    &PODMAN
}

/// No engine: namespaces of this machine, and its own programs.
pub(crate) fn native() -> &'static Engine {
    static NATIVE: Engine = Engine::of_nobody();
    &NATIVE
}

/// Apple's own on a Mac; elsewhere what stands in for it.
pub(crate) fn macos_container() -> &'static Engine {
    static APPLE: Engine = Engine::of_apple();
    &APPLE
}

impl Engine {
    const fn new(name: &'static str, image: &'static str, host: Host) -> Self {
        Self {
            name,
            program: name,
            image,
            host,
            client: Client::Docker,
            absent: OnceLock::new(),
            free: Mutex::new(ROOMS),
            freed: Condvar::new(),
        }
    }

    const fn of_nobody() -> Self {
        Self {
            name: "native",
            program: "bottle-sidecar",
            image: "",
            host: Host::Hidden,
            client: Client::Nobody,
            absent: OnceLock::new(),
            free: Mutex::new(ROOMS),
            freed: Condvar::new(),
        }
    }

    const fn of_apple() -> Self {
        Self {
            name: "macos-container",
            program: "container",
            image: "bottle-test-base:latest",
            host: Host::Gateway,
            client: Client::Apple,
            absent: OnceLock::new(),
            free: Mutex::new(ROOMS),
            freed: Condvar::new(),
        }
    }

    /// Says why nothing can be run here; `None` when everything is there.
    pub(crate) fn absent(&self) -> Option<&str> {
        let ask = || {
            if self.client == Client::Nobody {
                return namespaces::absent();
            }
            let failed = |outcome: Outcome| {
                let first = outcome.stderr.lines().next().unwrap_or_default();
                format!("{} does not answer: {first}", self.name)
            };
            if self.program().is_none() {
                return Some(format!("{} is not installed", self.name));
            }
            if let Some(missing) = self.lacks() {
                return Some(format!(
                    "`{missing}`, which the stand-in needs, is not installed"
                ));
            }
            let info = match self.client {
                Client::Docker => self.call(&["info"]).run(),
                Client::Apple => self.call(&["system", "status"]).run(),
                Client::Nobody => return None,
            };
            if info.code != 0 {
                return Some(failed(info));
            }
            let image = self.call(&["image", "inspect", self.image]).run();
            (image.code != 0).then(|| format!("{} has no image `{}`", self.name, self.image))
        };
        self.absent.get_or_init(ask).as_deref()
    }

    /// Finds what the stand-in needs beside an engine, to give its containers a route.
    fn lacks(&self) -> Option<&'static str> {
        let needs = match self.client {
            Client::Apple if !cfg!(target_os = "macos") => &["nsenter", "ip"][..],
            Client::Apple | Client::Docker | Client::Nobody => &[],
        };
        let path = self.path();
        needs
            .iter()
            .copied()
            .find(|name| bottle::process::find(name, &path).is_err())
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
        drop(free);
        Place {
            engine: self,
            _turn: apart::wait(self.name),
        }
    }

    /// Returns a call of the engine's own client.
    pub(crate) fn call(&self, args: &[&str]) -> Call {
        let mut env = self.finding();
        if let Some(home) = variable("HOME") {
            env.insert("HOME".into(), home.into());
        }
        let program = self.program().expect("the engine's client is installed");
        Call::new(program, &env, args)
    }

    /// Returns the path of its client; `None` when it is not installed.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        bottle::process::find(self.program, &self.path()).ok()
    }

    /// Returns the folders in which its client is found.
    pub(crate) fn path(&self) -> OsString {
        let path = OsString::from(variable("PATH").unwrap_or_default());
        match self.client {
            Client::Apple if !cfg!(target_os = "macos") => {
                let mut first = OsString::from(stand_in::folder());
                first.push(":");
                first.push(path);
                first
            }
            Client::Apple | Client::Docker | Client::Nobody => path,
        }
    }

    /// Returns the variables by which the engine is found; a rootless one keeps its images by them.
    pub(crate) fn finding(&self) -> BTreeMap<OsString, OsString> {
        let mut env: BTreeMap<OsString, OsString> = FINDS
            .iter()
            .filter_map(|name| variable(name).map(|value| (name.into(), value.into())))
            .collect();
        if let Some(home) = variable("HOME") {
            let data = || Path::new(&home).join(".local/share").into();
            env.entry("XDG_DATA_HOME".into()).or_insert_with(data);
        }
        env.insert("PATH".into(), self.path());
        if !cfg!(target_os = "macos") {
            env.extend(stand_in::machine(self.client));
        }
        env
    }

    /// Runs the engine's own client and returns what it printed.
    #[track_caller]
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        self.call(args).run().ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut free = self
            .engine
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *free += 1;
        self.engine.freed.notify_one();
    }
}

/// Returns a variable of the test's own environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    Env::capture().unwrap().var(name).unwrap()
}

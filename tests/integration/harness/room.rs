//! A room: the home, the folders and the name that one scenario has for itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::call::{Call, Outcome, Running};
use super::engine::{Engine, Place, variable};
use super::origin::Origin;
use super::stand_in;
use super::wait::{DEADLINE, until};

/// Runs a scenario on an engine, or says why not. Fails when something of it is left at the end.
#[track_caller]
pub(crate) fn run(engine: &'static Engine, scenario: fn(&Room)) {
    if let Some(reason) = engine.absent() {
        assert!(!engine.is_required(), "required, but {reason}");
        eprintln!("skipped: {reason}");
        return;
    }
    let room = Room::new(engine);
    scenario(&room);
    stand_in::check_words(&room.engine_log());
    let left = engine.holds(&room.name);
    assert!(left.is_empty(), "left over: {left:?}");
}

/// What one scenario has for itself.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) engine: &'static Engine,
    /// The agent's name: no other test has it, so what bears it is this test's.
    pub(crate) name: String,
    folder: TempDir,
    env: BTreeMap<OsString, OsString>,
    _place: Place,
}

impl Room {
    fn new(engine: &'static Engine) -> Self {
        let place = engine.place();
        let folder = tempfile::tempdir().unwrap();
        let mut random = [0; 4];
        getrandom::fill(&mut random).unwrap();
        let mut env = engine.finding();
        for (name, below) in [
            ("HOME", "home"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CONFIG_HOME", "config"),
        ] {
            let path = folder.path().join(below);
            fs::create_dir(&path).unwrap();
            env.insert(name.into(), path.into());
        }
        env.insert("BOTTLE_SIDECAR_BINARY".into(), sidecar().into());
        env.insert(
            "APPLE_STAND_IN_LOG".into(),
            folder.path().join("engine.jsonl").into(),
        );
        Self {
            engine,
            name: format!("t{:08x}", u32::from_le_bytes(random)),
            folder,
            env,
            _place: place,
        }
    }

    /// Returns a path in the folder that holds `agent.toml`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the file in which the stand-in for Apple's engine keeps the calls that it gets from `bottle`.
    pub(crate) fn engine_log(&self) -> PathBuf {
        self.path("engine.jsonl")
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    }

    /// Writes an `agent.toml` of this name and image, with more tables.
    pub(crate) fn agent(&self, tables: &str) {
        self.agent_on("", tables);
    }

    /// Writes an `agent.toml` with more keys at the top and more tables. `[image]` ends the top.
    pub(crate) fn agent_on(&self, top: &str, tables: &str) {
        // Where there are no images, the table holds the agent's user at most.
        let image = if self.engine.has_containers() {
            format!("reference = \"{}\"", self.engine.image)
        } else {
            String::new()
        };
        let text = format!(
            "name = \"{}\"\n{top}\n[image]\n{image}\n{tables}\n",
            self.name
        );
        self.write("agent.toml", &text);
    }

    /// Writes an `agent.toml` that may reach an origin, with more keys in the route.
    pub(crate) fn agent_with_route(&self, origin: &Origin, route: &str) {
        self.write("ca.pem", origin.ca());
        self.agent(&format!(
            "[egress]\nextra-ca = [\"ca.pem\"]\n{}{route}\n",
            origin.route("api.test")
        ));
    }

    /// Returns a call of `bottle` in this room.
    pub(crate) fn bottle(&self, args: &[&str]) -> Call {
        Call::new(env!("CARGO_BIN_EXE_bottle"), &self.env, args).folder(self.folder.path())
    }

    /// Returns `bottle run --trust` on this room's engine, with more options and the agent's command.
    pub(crate) fn run_call(&self, options: &[&str], command: &[&str]) -> Call {
        let mut args = vec!["run", "--trust", "--backend", self.engine.name];
        args.extend(options);
        args.push("agent.toml");
        if !command.is_empty() {
            args.push("--");
            args.extend(command);
        }
        self.bottle(&args)
    }

    /// Runs a command in a new bottle, to its end.
    #[track_caller]
    pub(crate) fn run(&self, command: &[&str]) -> Outcome {
        self.run_call(&[], command).run()
    }

    /// Leaves a bottle running and returns its id.
    #[track_caller]
    pub(crate) fn detach(&self, command: &[&str]) -> String {
        self.left_running(&self.run_call(&["--detach"], command))
    }

    /// Makes such a call and returns the id that it prints.
    #[track_caller]
    pub(crate) fn left_running(&self, call: &Call) -> String {
        let printed = call.run().ok();
        let id = printed.trim().to_owned();
        assert!(id.starts_with(&self.name), "{printed}");
        id
    }

    /// Runs a command in a bottle that runs.
    #[track_caller]
    pub(crate) fn exec(&self, id: &str, command: &[&str]) -> Outcome {
        let mut args = vec!["exec", id];
        args.extend(command);
        self.bottle(&args).run()
    }

    /// Ends a bottle.
    #[track_caller]
    pub(crate) fn stop(&self, id: &str) {
        assert_eq!(self.bottle(&["stop", id]).run().ok().trim(), id);
    }

    /// Returns what `bottle ls` says of a bottle; `None` when it does not list it.
    #[track_caller]
    pub(crate) fn listed(&self, id: &str) -> Option<Value> {
        let text = self.bottle(&["ls", "--all", "--json"]).run().ok();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        rows.into_iter().find(|row| row["id"] == id)
    }

    /// Waits until a `bottle run` has got so far, and returns the bottle's id.
    #[track_caller]
    pub(crate) fn wait_for_phase(&self, running: &Running, phase: &str) -> String {
        until(&format!("the phase {phase}"), DEADLINE, || {
            assert!(!running.has_ended(), "it ended before the phase {phase}");
            self.states().into_iter().find(|id| {
                fs::read_to_string(self.state(id).join("record.json"))
                    .is_ok_and(|text| text.contains(&format!("\"phase\": \"{phase}\"")))
            })
        })
    }

    /// Returns the state folder of a bottle.
    pub(crate) fn state(&self, id: &str) -> PathBuf {
        self.path("state").join("bottle").join(id)
    }

    /// Lists the bottles that have a state folder.
    pub(crate) fn states(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("state").join("bottle")) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(&self.name))
            .collect()
    }
}

impl Room {
    /// Lists what is remembered of bottles without an engine.
    pub(crate) fn folders(&self) -> Vec<String> {
        fs::read_dir(self.path("state/bottle/native"))
            .map(|entries| {
                let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                names.collect()
            })
            .unwrap_or_default()
    }
}

impl Drop for Room {
    /// What a failed scenario leaves must not make others fail.
    fn drop(&mut self) {
        if thread::panicking() {
            self.engine.sweep(&self.engine.holds(&self.name));
        }
    }
}

/// The sidecar's binary: the one that is named, or the one of this checkout, built once.
pub(crate) fn sidecar() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = variable("BOTTLE_SIDECAR_BINARY") {
            return named.into();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sidecar/build.sh");
        let output = duct::cmd!("/bin/sh", script).read().unwrap();
        output.lines().last().unwrap().into()
    })
}

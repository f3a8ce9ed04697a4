//! Programs that are run to their end, or beside the test, with a deadline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::wait::DEADLINE;

/// A program with its arguments and its whole environment.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: BTreeMap<OsString, OsString>,
    pub(super) folder: Option<PathBuf>,
}

/// A program that runs beside the test. It is killed when it is dropped.
pub(crate) struct Running {
    handle: duct::Handle,
    what: String,
}

/// How a program ended.
#[derive(Clone, Debug)]
#[must_use = "nobody looks at how it ended"]
pub(crate) struct Outcome {
    /// Its status; 128 and the signal's number when it died of one.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    what: String,
}

impl Call {
    pub(crate) fn new(
        program: impl AsRef<Path>,
        env: &BTreeMap<OsString, OsString>,
        args: &[&str],
    ) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: args.iter().map(OsString::from).collect(),
            env: env.clone(),
            folder: None,
        }
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Returns the same call behind another program, which is to make it.
    pub(crate) fn through(&self, program: &Path, args: &[&str]) -> Self {
        let mut all: Vec<OsString> = args.iter().map(OsString::from).collect();
        all.push(self.program.clone().into());
        all.extend(self.args.iter().cloned());
        Self {
            program: program.to_owned(),
            args: all,
            ..self.clone()
        }
    }

    /// Returns the same call of another program.
    pub(crate) fn of(&self, program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Starts it, in a process group of its own, with nothing to read.
    pub(crate) fn start(&self) -> Running {
        let mut command = duct::cmd(&self.program, &self.args)
            .full_env(&self.env)
            .stdin_null()
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        if let Some(folder) = &self.folder {
            command = command.dir(folder);
        }
        let what = format!("{} {:?}", self.program.display(), self.args);
        Running {
            handle: command
                .start()
                .unwrap_or_else(|error| panic!("{what} does not start: {error}")),
            what,
        }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self) -> Outcome {
        self.start().wait(DEADLINE)
    }
}

impl Running {
    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(self, time: Duration) -> Outcome {
        match self.handle.wait_deadline(Instant::now() + time) {
            Ok(Some(output)) => Outcome::new(output, self.what.clone()),
            Ok(None) => panic!("{} has not ended within {time:?}", self.what),
            Err(error) => panic!("{}: {error}", self.what),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.handle.try_wait().unwrap().is_some()
    }

    /// Signals this program alone.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Signals this program and all that it started, as a terminal does on Ctrl-C.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        let pid = i32::try_from(self.handle.pids()[0]).unwrap();
        Pid::from_raw(pid).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.handle.try_wait() {
            kill_process_group(self.pid(), Signal::KILL).ok();
        }
    }
}

impl Outcome {
    fn new(output: &Output, what: String) -> Self {
        let status = output.status;
        Self {
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            what,
        }
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, expected, "{self}");
        self
    }

    /// Checks that it ended well, and returns what it printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        self.code(0);
        self.stdout
    }

    /// Checks that standard error holds a text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no `{text}` in: {self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.what, self.code, self.stdout, self.stderr
        )
    }
}

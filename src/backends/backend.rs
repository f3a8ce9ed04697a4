//! The seam between the launcher and every way to make a bottle.

use std::fmt;
use std::io::{Read, Write};

use anyhow::Error;
use bottle_contract::id::{BottleId, Role};
use serde::Serialize;
use thiserror::Error as ThisError;

use super::around::Around;
use super::copied_base::CopiedBase;
use super::request::{ExecOptions, LaunchRequest, Launched, Plan, Snapshot};
use crate::process::{Invocation, ProcessError, Talk};
use crate::state::Observed;

/// A way to make bottles. Synchronous and object-safe; methods may be called from any thread.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Returns the name by which it is chosen, and which is written into records.
    fn name(&self) -> &'static str;

    /// Says on which systems it is at home.
    fn home(&self) -> Home;

    /// Says what its agents run on.
    fn ground(&self) -> Ground;

    /// Looks whether it can be used here. Changes nothing; answers within ten seconds.
    fn probe(&self) -> Probe;

    /// Names the call that starts its engine, where it only has to be started and can be by a call.
    fn start_call(&self) -> Option<Invocation>;

    /// Says what a launch would do. Changes nothing; fails where the launch would be refused.
    fn plan(&self, request: &LaunchRequest) -> Result<Plan, BackendError>;

    /// Makes and seals a bottle, but does not start its agent.
    ///
    /// Called once for an id. On error everything that was made is removed again, and an error of
    /// the removal is reported beside the first one. `progress` may ask for an end at any step.
    fn launch(
        &self,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError>;

    /// Starts a bottle again that was stopped, and seals it, but does not start its agent.
    ///
    /// The agent's files are as they were; the request must name its command. On error what runs of it is
    /// stopped again, and nothing is removed. A backend whose bottles leave nothing to start refuses.
    fn relaunch(
        &self,
        request: &LaunchRequest,
        progress: &dyn Progress,
    ) -> Result<Launched, BackendError>;

    /// Names the call of the guest itself, as the agent's user, that is neither prepared like the agent's
    /// command nor bound like it: it only reads and writes files.
    fn guest(&self, id: &BottleId, words: &[&str]) -> Result<Invocation, BackendError>;

    /// Makes the guest answer in a bottle whose agent has ended by itself, without that agent.
    ///
    /// What is woken up now is put to rest by [`Backend::stop`].
    fn wake(&self, id: &BottleId) -> Result<Woken, BackendError>;

    /// Starts the agent's command without a terminal; its output goes to the container's log.
    fn start_detached(&self, id: &BottleId) -> Result<(), BackendError>;

    /// Names the call that runs a program in a bottle with the agent's environment.
    fn exec(&self, options: &ExecOptions) -> Result<Invocation, BackendError>;

    /// Names the call that shows what the agent or the sidecar has printed.
    fn logs(&self, id: &BottleId, role: Role, follow: Follow) -> Result<Invocation, BackendError>;

    /// Tells whether the container of this role runs.
    fn runs(&self, id: &BottleId, role: Role) -> Result<bool, BackendError>;

    /// Says what stands around a running bottle, as seen from outside: what an attack from inside aims
    /// at, beside the host's own addresses. A backend whose bottles have no network but loopback has
    /// nothing to add.
    fn around(&self, _id: &BottleId) -> Result<Around, BackendError> {
        Ok(Around::default())
    }

    /// Asks the sidecar over its control channel; `line` is one JSON value, and so is the answer.
    fn control(&self, id: &BottleId, line: &str) -> Result<String, BackendError>;

    /// Unpacks a tar stream into a folder of the agent's, as the agent's user.
    fn copy_in(&self, id: &BottleId, folder: &str, tar: Producer) -> Result<(), BackendError>;

    /// Reads a tar stream of a path of the agent's.
    fn copy_out(&self, id: &BottleId, path: &str, tar: Consumer) -> Result<(), BackendError>;

    /// Lists everything on this backend that carries bottle's labels, whoever owns it.
    fn list(&self) -> Result<Vec<Observed>, BackendError>;

    /// Ends the agent of a bottle, and its sidecar. Succeeds on what is absent or has ended.
    fn stop(&self, id: &BottleId) -> Result<(), BackendError>;

    /// Makes an image of the agent's files, whether it runs or not, without what bottle brought in.
    ///
    /// A backend that has no images refuses.
    fn snapshot(
        &self,
        id: &BottleId,
        snapshot: &Snapshot,
        progress: &dyn Progress,
    ) -> Result<(), BackendError>;

    /// Removes an image that [`Backend::snapshot`] made. Succeeds on what is absent.
    fn remove_image(&self, image: &str) -> Result<(), BackendError>;

    /// Removes everything that was made for a bottle. Succeeds on what is absent.
    fn remove(&self, id: &BottleId) -> Result<(), BackendError>;
}

/// Writes a tar stream.
pub type Producer = Box<dyn FnOnce(&mut dyn Write) -> std::io::Result<()> + Send>;
/// Reads a tar stream.
pub type Consumer = Box<dyn FnOnce(&mut dyn Read) -> std::io::Result<()> + Send>;

/// On which systems a backend is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// On every system that bottle runs on.
    Anywhere,
    /// On this one, whose own engine it is: where it only has to be started, no other takes its place.
    Here,
    /// On another one.
    Elsewhere,
}

/// What the agents of a backend run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// An image, which the manifest names.
    Image,
    /// What is installed on the host.
    Host,
}

/// Whether to go on as more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Show what is there.
    No,
    /// Go on until the end.
    Yes,
}

/// How a launch tells where it is, and learns that it should end.
pub trait Progress: Sync {
    /// Called when a phase begins; the one before has ended.
    fn phase(&self, name: &'static str);

    /// Called when a launch fails, with what a container has printed, before that container is removed.
    fn log(&self, role: Role, text: &[u8]);

    /// Called before something that a person should know beforehand.
    fn warn(&self, what: &str);

    /// Called once a workspace was copied in, before the agent can start: this is what it begins with, and
    /// the guest that unpacked it, which can be asked for a comparison for some seconds.
    ///
    /// An error ends the launch. A backend that does not call it has nothing to compare with later.
    fn copied(&self, _base: &CopiedBase, _guest: Talk) -> std::io::Result<()> {
        Ok(())
    }

    /// Called between steps: an error ends the launch, which then removes what it made.
    fn check(&self) -> Result<(), Interrupted>;
}

/// Since when a bottle answers whose agent has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It always did.
    Before,
    /// It was woken up, and must be put to rest.
    Now,
    /// It does not: the agent's files are gone.
    Never,
}

/// The user or the system asked for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[error("interrupted by signal {0}")]
pub struct Interrupted(pub i32);

/// What was found about a backend.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// Its name.
    pub backend: &'static str,
    /// Its program, when it is installed.
    pub program: Option<String>,
    /// Its version, when it answers.
    pub version: Option<String>,
    /// The system that its containers run on, when it answers.
    pub system: Option<String>,
    /// What it can do, one sentence each.
    pub features: Vec<String>,
    /// Whether it is all there and only has to be started.
    pub stopped: bool,
    /// What is in the way; empty means that it can be used.
    pub problems: Vec<Problem>,
}

/// Something that is in the way, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub what: String,
    /// The command that mends it.
    pub mend: String,
}

impl Probe {
    /// Tells whether the backend can be used.
    pub fn usable(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Why a backend could not do what it was asked.
#[derive(Debug, ThisError)]
pub enum BackendError {
    /// It cannot be used here.
    #[error("the backend `{backend}` cannot be used: {}", problems.iter().map(|problem| problem.what.as_str()).collect::<Vec<_>>().join("; "))]
    Unusable {
        /// The backend.
        backend: &'static str,
        /// What is in the way.
        problems: Vec<Problem>,
    },
    /// What was asked cannot be enforced here, so nothing was started.
    #[error("{what}")]
    Refused {
        /// What cannot be enforced.
        what: String,
        /// The way out.
        hint: String,
    },
    /// The wall has a hole, so the agent was not started.
    #[error("the bottle is not sealed: {}", holes.join("; "))]
    NotSealed {
        /// The holes, by name.
        holes: Vec<String>,
        /// The way out.
        hint: String,
    },
    /// The user or the system asked for an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A step failed.
    #[error("the `{phase}` phase failed")]
    Step {
        /// The phase.
        phase: &'static str,
        /// Why.
        source: Error,
        /// What a person can do about it.
        hint: Option<String>,
    },
    /// A step failed, and so did the removal of what had been made.
    #[error("what was made could not all be removed: {}", undo.join("; "))]
    Undo {
        /// Why the launch failed.
        #[source]
        first: Box<Self>,
        /// What could not be removed.
        undo: Vec<String>,
    },
}

impl BackendError {
    /// Says what a person can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unusable { problems, .. } => problems
                .iter()
                .map(|problem| problem.mend.clone())
                .collect(),
            Self::Refused { hint, .. } | Self::NotSealed { hint, .. } => vec![hint.clone()],
            Self::Interrupted(_) => Vec::new(),
            Self::Step { hint, .. } => hint.iter().cloned().collect(),
            Self::Undo { first, .. } => {
                let mut hints = first.hints();
                hints.push("`bottle clean` removes what is left over".to_owned());
                hints
            }
        }
    }
}

impl From<ProcessError> for Problem {
    fn from(error: ProcessError) -> Self {
        Self {
            mend: error.hint().unwrap_or_default().to_owned(),
            what: error.to_string(),
        }
    }
}

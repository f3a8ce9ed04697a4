//! How a launch shows where it is, and how it learns that it should end.

use std::sync::{Mutex, PoisonError};

use bottle_contract::id::Role;

use super::signals::Signals;
use crate::backends::{CopiedBase, Interrupted, Progress};
use crate::process::Talk;
use crate::state::{BottleDir, save_base, write_atomic};
use crate::ui::{Phase, Ui};

/// The progress of one launch.
#[derive(Debug)]
pub(super) struct Steps<'a> {
    ui: &'a Ui,
    signals: &'a Signals,
    dir: &'a BottleDir,
    open: Mutex<Option<Phase<'a>>>,
    /// The guest that unpacked the workspace, as long as it listens.
    guest: Mutex<Option<Talk>>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(ui: &'a Ui, signals: &'a Signals, dir: &'a BottleDir) -> Self {
        Self {
            ui,
            signals,
            dir,
            open: Mutex::new(None),
            guest: Mutex::new(None),
        }
    }

    /// Ends the last phase well; without this it is shown as failed. Returns the guest that unpacked the
    /// workspace, where there was one.
    pub(super) fn finish(self) -> Option<Talk> {
        if let Some(phase) = self
            .open
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
        {
            phase.done();
        }
        let guest = self.guest.into_inner();
        guest.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Steps<'_> {
    fn phase(&self, name: &'static str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(phase) = open.take() {
            phase.done();
        }
        *open = Some(self.ui.phase(name));
    }

    fn log(&self, role: Role, text: &[u8]) {
        let path = match role {
            Role::Sidecar => self.dir.sidecar_log(),
            Role::Agent | Role::Internal | Role::Egress | Role::Image => self.dir.agent_log(),
        };
        // An engine that has nothing to show may print a line end.
        if text.trim_ascii().is_empty() {
            return;
        }
        if let Err(error) = write_atomic(&path, text) {
            self.ui
                .warn(format!("the log of the {role} could not be saved: {error}"));
        }
    }

    fn copied(&self, base: &CopiedBase, guest: Talk) -> std::io::Result<()> {
        *self.guest.lock().unwrap_or_else(PoisonError::into_inner) = Some(guest);
        save_base(self.dir, &base.head, &base.entries).map_err(std::io::Error::other)
    }

    fn warn(&self, what: &str) {
        self.ui.warn(what);
    }

    fn check(&self) -> Result<(), Interrupted> {
        self.signals.check()
    }
}

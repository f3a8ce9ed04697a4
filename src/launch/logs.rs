//! What a bottle's containers have printed, saved before they go.

use std::time::Duration;

use bottle_contract::id::{BottleId, Role};

use crate::backends::{Backend, Follow};
use crate::error::{Error, Result};
use crate::process;
use crate::state::{BottleDir, write_atomic};
use crate::ui::Ui;

/// How long reading a container's logs may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Saves the logs of agent and sidecar. What cannot be saved is said, and does not keep the rest.
pub(super) fn save(backend: &dyn Backend, id: &BottleId, dir: &BottleDir, ui: &Ui) {
    for (role, path) in [
        (Role::Agent, dir.agent_log()),
        (Role::Sidecar, dir.sidecar_log()),
    ] {
        let saved = read(backend, id, role).and_then(|text| Ok(write_atomic(&path, &text)?));
        if let Err(error) = saved {
            ui.error(&error.context(format!("the log of the {role} is lost")));
        }
    }
}

pub(super) fn read(backend: &dyn Backend, id: &BottleId, role: Role) -> Result<Vec<u8>> {
    let captured = process::skim(&backend.logs(id, role, Follow::No)?, LIMIT)?;
    if captured.success() {
        return Ok([captured.stdout, captured.stderr].concat());
    }
    Err(Error::engine(anyhow::anyhow!(
        "{}",
        captured.stderr_text().trim().to_owned()
    )))
}

//! How a detached agent ended.

use bottle_contract::guest::ENDED_WITH;
use bottle_contract::id::{BottleId, Role};

use super::logs;
use crate::backends::Backend;
use crate::error::Result;
use crate::state::ResourceKind;

/// Returns the status that a detached agent ended with; `None` when it runs, or is gone.
///
/// Where the engine does not tell it, the guest has: in the last line of the agent's log, unless it is 0.
pub fn agent_status(backend: &dyn Backend, id: &BottleId) -> Result<Option<i32>> {
    let observed = backend.list()?;
    let agent = observed.iter().find(|resource| {
        resource.id == *id
            && resource.role == Role::Agent
            && resource.kind == ResourceKind::Container
    });
    match agent {
        None => Ok(None),
        Some(agent) if agent.running => Ok(None),
        Some(agent) => match agent.exit {
            Some(status) => Ok(Some(status)),
            None => Ok(Some(told_in(&logs::read(backend, id, Role::Agent)?))),
        },
    }
}

/// Reads the guest's last words. What the agent prints can look like them; its status is its own to choose too.
fn told_in(log: &[u8]) -> i32 {
    let log = String::from_utf8_lossy(log);
    let last = log.lines().rev().find(|line| !line.trim().is_empty());
    last.and_then(|line| line.rsplit_once(ENDED_WITH))
        .and_then(|(_, status)| status.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_the_status_and_nothing_else_does() {
        for (log, expected) in [
            (
                "out\nbottle guest: the agent's command ended with status 3\n",
                3,
            ),
            (
                "bottle guest: the agent's command ended with status 3\r\n\n",
                3,
            ),
            (
                "bottle guest: the agent's command ended with status 3\nmore\n",
                0,
            ),
            ("out\n", 0),
            ("", 0),
        ] {
            assert_eq!(told_in(log.as_bytes()), expected, "{log:?}");
        }
    }
}

//! A bottle whose agent has ended by itself, woken up to be asked, and put to rest again.

use bottle_contract::id::{BottleId, Role};
use bottle_contract::tree::Lies;

use crate::backends::{Backend, Ground, Woken};
use crate::error::Result;
use crate::state::{Base, Bottle, BottleDir, Changes, Record};

/// Tells whether the agent of a bottle runs.
pub fn agent_runs(bottle: &Bottle) -> bool {
    let mut resources = bottle.resources.iter();
    resources.any(|one| one.role == Role::Agent && one.running)
}

/// Tells whether a bottle stands whose agent has ended, and nothing is saved of its work.
pub fn is_asleep(dir: &BottleDir, bottle: &Bottle) -> Result<bool> {
    let asleep = !bottle.resources.is_empty() && !agent_runs(bottle);
    Ok(asleep && Base::head(dir)?.is_some() && Changes::open(&dir.changes())?.is_none())
}

/// Does something while the guest of such a bottle answers. `None` where nothing can be asked any more.
///
/// Whoever calls this holds the bottle's lock.
pub fn awake<T>(
    backend: &dyn Backend,
    bottle: &Bottle,
    dir: &BottleDir,
    work: impl FnOnce() -> Result<T>,
) -> Result<Option<T>> {
    let lies = Base::head(dir)?.map(|head| head.lies);
    if backend.ground() == Ground::Image && lies != Some(Lies::Disk) {
        return Ok(None);
    }
    note_status(bottle, dir)?;
    match backend.wake(&bottle.id)? {
        Woken::Before => work().map(Some),
        Woken::Now => {
            let done = work();
            backend.stop(&bottle.id)?;
            done.map(Some)
        }
        Woken::Never => Ok(None),
    }
}

/// Says that it is too late.
pub fn too_late(id: &BottleId) -> String {
    format!(
        "what the agent of `{id}` changed cannot be asked for any more: it lay in memory, or the agent is root and may have replaced what would answer"
    )
}

/// The engine forgets the status of the agent's command when its container runs once more.
fn note_status(bottle: &Bottle, dir: &BottleDir) -> Result<()> {
    let agent = bottle.resources.iter().find(|one| one.role == Role::Agent);
    let status = agent.and_then(|agent| agent.exit);
    let Some(mut record) = Record::load(&dir.record())? else {
        return Ok(());
    };
    if status.is_some() && record.exit.is_none() {
        record.exit = status;
        record.save(&dir.record())?;
    }
    Ok(())
}

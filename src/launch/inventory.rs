//! Every bottle there is: from the records, the locks, and what the engines hold.

use std::thread;

use crate::backends::{Backend, BackendError, Registry};
use crate::error::{Error, Result};
use crate::state::{Bottle, Observed, Phase, StateDir, reconcile, select};

/// Every bottle of this user, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The bottles.
    pub bottles: Vec<Bottle>,
    /// What could not be looked at, and why: an engine that does not answer, a damaged record.
    pub warnings: Vec<String>,
}

/// Looks at the state folder and at every engine that can be asked, all at the same time.
pub fn survey(registry: &Registry, state: &StateDir, owner: &str) -> Result<Inventory> {
    let mut observed = Vec::new();
    let mut warnings = Vec::new();
    let mut silent = Silent::default();
    for (name, outcome) in ask_all(registry) {
        match outcome {
            Some(Ok(found)) => observed.extend(found),
            Some(Err(error)) => {
                silent.failing.push(name);
                warnings.push(format!("{name} could not be asked: {error}"));
            }
            None => silent.missing.push(name),
        }
    }
    // After the engines: a bottle that was begun meanwhile has a record before it has resources.
    let stored = state.read()?;
    warnings.extend(stored.damaged.iter().map(ToString::to_string));
    let bottles = reconcile(owner, &stored.records, &observed, &stored.locks);
    let (known, unknown): (Vec<Bottle>, Vec<Bottle>) = bottles
        .into_iter()
        .partition(|bottle| is_known(bottle, &silent));
    warnings.extend(unknown.iter().map(|bottle| {
        format!("the bottle `{}` is left out: what an engine that does not answer holds of it is not known", bottle.id)
    }));
    Ok(Inventory {
        bottles: known,
        warnings,
    })
}

/// The engines that said nothing.
#[derive(Debug, Default)]
struct Silent {
    /// They are installed and gave no answer.
    failing: Vec<&'static str>,
    /// They are not installed here, or not any more.
    missing: Vec<&'static str>,
}

/// Nothing is concluded about a bottle of which a silent engine may hold something.
fn is_known(bottle: &Bottle, silent: &Silent) -> bool {
    match &bottle.record {
        Some(record) => {
            let over = matches!(record.phase, Phase::Ended | Phase::Failed);
            let backend = record.backend.as_str();
            bottle.held
                || over
                || !silent.failing.contains(&backend) && !silent.missing.contains(&backend)
        }
        None => bottle.held || silent.failing.is_empty(),
    }
}

type Listing = (&'static str, Option<Result<Vec<Observed>, BackendError>>);

/// Asks every engine that is installed; `None` for one that is not.
fn ask_all(registry: &Registry) -> Vec<Listing> {
    let ask = |backend: &dyn Backend| match backend.list() {
        Err(BackendError::Unusable { .. }) => None,
        outcome => Some(outcome),
    };
    thread::scope(|scope| {
        let asked: Vec<_> = registry
            .all()
            .map(|backend| (backend.name(), scope.spawn(move || ask(backend))))
            .collect();
        asked
            .into_iter()
            .map(|(name, thread)| (name, thread.join().unwrap_or_default()))
            .collect()
    })
}

impl Inventory {
    /// Finds all bottles that these texts mean: nothing is done to one when another is not there.
    pub fn find_all(&self, texts: &[String]) -> Result<Vec<&Bottle>> {
        texts.iter().map(|text| self.find(text)).collect()
    }

    /// Finds the bottle that an id or the beginning of one means.
    pub fn find(&self, text: &str) -> Result<&Bottle> {
        let ids = self.bottles.iter().map(|bottle| &bottle.id);
        let id = select(text, ids).map_err(|error| {
            Error::user(error).hint("`bottle ls --all` lists the bottles there are")
        })?;
        self.bottles
            .iter()
            .find(|bottle| &bottle.id == id)
            .ok_or_else(|| {
                Error::internal(anyhow::anyhow!(
                    "the bottle `{id}` was found and is not there"
                ))
            })
    }
}

/// Returns the backend on which a bottle was made.
pub fn backend_of<'a>(registry: &'a Registry, bottle: &Bottle) -> Result<&'a dyn Backend> {
    let recorded = bottle.record.as_ref().map(|record| record.backend.as_str());
    let name = recorded.or_else(|| {
        bottle
            .resources
            .first()
            .map(|resource| resource.backend.as_str())
    });
    let name = name.ok_or_else(|| {
        Error::user(anyhow::anyhow!(
            "nothing tells on which backend `{}` was made",
            bottle.id
        ))
        .hint("`bottle clean` removes what is left of it")
    })?;
    registry.named(name).map_err(Error::user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Course, FORMAT, Record, Status};

    fn bottle(phase: Option<Phase>) -> Bottle {
        let id: bottle_contract::id::BottleId = "demo-abcdef".parse().unwrap();
        let record = phase.map(|phase| Record {
            format: FORMAT,
            id: id.clone(),
            agent: "demo".to_owned(),
            backend: "docker".to_owned(),
            created: String::new(),
            owner: String::new(),
            version: String::new(),
            manifest: String::new(),
            source: None,
            phase,
            pid: None,
            exit: None,
            keep: None,
            accepts: None,
            audit_head: None,
            course: Course::default(),
        });
        Bottle {
            id,
            status: Status::Leftover,
            held: false,
            stored: true,
            record,
            resources: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_concluded_about_what_a_silent_engine_may_hold() {
        for (phase, failing, missing, expected) in [
            (Some(Phase::Running), vec!["docker"], vec![], false),
            (Some(Phase::Running), vec![], vec!["docker"], false),
            (Some(Phase::Running), vec!["podman"], vec![], true),
            (Some(Phase::Ended), vec!["docker"], vec![], true),
            (None, vec!["podman"], vec![], false),
            (None, vec![], vec!["podman"], true),
        ] {
            let silent = Silent { failing, missing };
            assert_eq!(
                is_known(&bottle(phase), &silent),
                expected,
                "{phase:?} {silent:?}"
            );
        }
    }
}

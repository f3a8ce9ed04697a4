//! A bottle that was stopped, started again: its containers and networks stand, and all else is new.
//!
//! Addresses are found anew, the sidecar is configured anew and so has a new CA, the agent's environment
//! is prepared anew, and the wall is probed anew: only then may the agent's command start.

use bottle_contract::id::Role;

use super::capabilities::Capabilities;
use super::engine::Located;
use super::phases::{Networked, Scene, Standing, step};
use super::plan::{self, Images, LaunchPlan};
use super::record::ImageRecord;
use crate::backends::backend::{BackendError, Progress};
use crate::backends::request::{LaunchRequest, Launched};
use crate::machine::Facts;

/// Starts what stands, and seals it.
pub(super) fn launch(
    engine: &Located,
    request: &LaunchRequest,
    can: &Capabilities,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<Launched, BackendError> {
    plan::check_before_images(request, can)?;
    require_no_root(request)?;
    require_whole(engine, request)?;
    // The containers are made already, so their images are of no concern.
    let images = Images {
        sidecar: String::new(),
        agent: String::new(),
        base: ImageRecord::default(),
    };
    let plan = LaunchPlan::new(request, can, &images)?;
    let scene = Scene {
        engine,
        request,
        plan: &plan,
        can,
        facts,
        progress,
        standing: Standing::Before,
    };
    progress.check()?;
    let sealed = Networked::standing(scene).guarded()?.sealed()?;
    Ok(sealed.launched())
}

/// A root agent owns the guest's file and may have put another in its place. What lays the wall runs
/// that file with privileges, which is safe only before such an agent has run.
fn require_no_root(request: &LaunchRequest) -> Result<(), BackendError> {
    if !plan::is_root(&plan::agent_user(&request.user, "").spec) {
        return Ok(());
    }
    Err(BackendError::Refused {
        what: format!(
            "`{}` cannot start again: its agent is root, and may have replaced what seals it",
            request.labels.id
        ),
        hint: "`bottle snapshot` keeps its files, and `bottle run --from` makes a new one of them"
            .to_owned(),
    })
}

/// What somebody removed by hand cannot be started.
fn require_whole(engine: &Located, request: &LaunchRequest) -> Result<(), BackendError> {
    let id = &request.labels.id;
    let names = |roles: [Role; 2]| roles.map(|role| id.resource(role));
    let containers = engine
        .containers(&names([Role::Agent, Role::Sidecar]))
        .map_err(|error| step("engine", error))?;
    let networks = engine
        .networks(&names([Role::Internal, Role::Egress]))
        .map_err(|error| step("engine", error))?;
    if containers.len() == 2 && networks.len() == 2 {
        return Ok(());
    }
    Err(BackendError::Refused {
        what: format!("a container or a network of `{id}` is gone, so it cannot start again"),
        hint: format!("`bottle rm {id}` removes the rest"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::request::UserChoice;

    #[test]
    fn what_a_root_agent_may_have_replaced_is_not_run_again() {
        let refused = |user| {
            let request = LaunchRequest {
                user,
                ..plan::tests::request()
            };
            require_no_root(&request).is_err()
        };
        assert!(refused(UserChoice::Root));
        assert!(refused(UserChoice::Numeric { uid: 0, gid: 5 }));
        assert!(!refused(UserChoice::Numeric { uid: 7, gid: 7 }));
        assert!(!refused(UserChoice::Unprivileged { uid: 7, gid: 7 }));
    }
}

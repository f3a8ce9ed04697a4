//! What of bottle's an engine holds, as raw observations.

use std::collections::BTreeMap;

use bottle_contract::id::{BottleId, Role};
use bottle_contract::labels;

use super::engine::Located;
use super::error::EngineError;
use crate::state::{Observed, ResourceKind};

/// Lists the containers and networks that carry bottle's labels and bear the name that goes with them.
pub(super) fn list(engine: &Located, backend: &str) -> Result<Vec<Observed>, EngineError> {
    let mut observed = Vec::new();
    for record in engine.labelled_containers(labels::ID)? {
        let found = identify(&record.labels, &record.name).map(|(id, role)| Observed {
            id,
            role,
            kind: ResourceKind::Container,
            name: record.name,
            running: record.running,
            exit: record.exit_code,
            backend: backend.to_owned(),
            owner: owner(&record.labels),
            created: record.created,
        });
        observed.extend(found);
    }
    for record in engine.labelled_networks(labels::ID)? {
        let found = identify(&record.labels, &record.name).map(|(id, role)| Observed {
            id,
            role,
            kind: ResourceKind::Network,
            name: record.name,
            running: false,
            exit: None,
            backend: backend.to_owned(),
            owner: owner(&record.labels),
            created: record.created,
        });
        observed.extend(found);
    }
    Ok(observed)
}

/// A container inherits its image's labels, so labels alone prove nothing: the name must go with them.
fn identify(found: &BTreeMap<String, String>, name: &str) -> Option<(BottleId, Role)> {
    let id: BottleId = found.get(labels::ID)?.parse().ok()?;
    let role: Role = found.get(labels::ROLE)?.parse().ok()?;
    (id.resource(role) == name).then_some((id, role))
}

fn owner(found: &BTreeMap<String, String>) -> String {
    found.get(labels::OWNER).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_count_only_together_with_the_name() {
        let ours = BTreeMap::from([
            (labels::ID.to_owned(), "demo-abcdef".to_owned()),
            (labels::ROLE.to_owned(), "agent".to_owned()),
        ]);
        assert!(identify(&ours, "bottle-demo-abcdef-agent").is_some());
        assert!(identify(&ours, "my-database").is_none());
        assert!(identify(&ours, "bottle-demo-abcdef-sidecar").is_none());
        assert!(identify(&BTreeMap::new(), "bottle-demo-abcdef-agent").is_none());
    }
}

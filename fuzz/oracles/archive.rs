//! Archives: no name that is taken leads out of the folder that it is put into.

use std::path::{Component, Path};

use bottle_sidecar::guest::fuzzing::tar_names;

use crate::Outcome;

/// Reads a tar stream. Accepted means that a name of it was taken.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let names = tar_names(input);
    for name in &names {
        // Built up by hand: what the folder's path and the name make together.
        let mut place = Path::new("/folder").to_path_buf();
        for part in name.components() {
            match part {
                Component::Normal(part) => place.push(part),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    panic!("{} leads out", name.display())
                }
            }
        }
        assert!(place.starts_with("/folder"), "{}", name.display());
    }
    Outcome::of(names.first())
}

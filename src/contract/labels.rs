//! The labels that every resource of a bottle carries from the command that creates it.
//!
//! Keys are lower-case and dotted, and no value holds a `=`: Apple's engine refuses the rest.

use std::collections::BTreeMap;

use crate::id::{BottleId, Role};

/// The bottle's id.
pub const ID: &str = "dev.bottle.id";
/// What the resource is to its bottle: see [`Role`].
pub const ROLE: &str = "dev.bottle.role";
/// The version of bottle that made it.
pub const VERSION: &str = "dev.bottle.version";
/// Whose it is: `<uid>.<host id>`.
pub const OWNER: &str = "dev.bottle.owner";
/// The digest of the resolved manifest.
pub const MANIFEST: &str = "dev.bottle.manifest";

/// The name of the snapshot that an image is.
pub const SNAPSHOT: &str = "dev.bottle.snapshot";

/// What stays the same in the labels of all resources of one bottle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The bottle.
    pub id: BottleId,
    /// The version of bottle.
    pub version: String,
    /// The owner: `<uid>.<host id>`.
    pub owner: String,
    /// The digest of the resolved manifest, in hex.
    pub manifest: String,
}

impl Labels {
    /// Returns the labels for a resource with this role.
    pub fn for_role(&self, role: Role) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (ID, self.id.to_string()),
            (ROLE, role.to_string()),
            (VERSION, self.version.clone()),
            (OWNER, self.owner.clone()),
            (MANIFEST, self.manifest.clone()),
        ])
    }
}

//! Landlock round the sidecar, where the kernel has it: a second wall behind its empty root.

use ::landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};
use anyhow::Context as _;

/// Where the sidecar may write: its log, and the socket that it is asked through.
const WRITTEN: [&str; 2] = ["/audit", "/run"];
/// What it may read.
const READ: [&str; 1] = ["/etc"];

/// Lets this process, and all its threads, touch these places only, and listen nowhere by TCP.
///
/// What a kernel cannot do of it is left out: the sidecar's root holds nothing else anyway.
pub(super) fn apply() -> anyhow::Result<()> {
    let what = "cannot confine the sidecar with Landlock";
    let abi = ABI::V6;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .context(what)?
        .handle_access(AccessNet::BindTcp)
        .context(what)?
        .scope(Scope::from_all(abi))
        .context(what)?
        .create()
        .context(what)?;
    for (places, access) in [
        (WRITTEN.as_slice(), AccessFs::from_all(abi)),
        (READ.as_slice(), AccessFs::from_read(abi)),
    ] {
        for place in places.iter().filter_map(|place| PathFd::new(place).ok()) {
            rules = rules
                .add_rule(PathBeneath::new(place, access & !AccessFs::Execute))
                .context(what)?;
        }
    }
    rules.restrict_self().map(drop).context(what)
}

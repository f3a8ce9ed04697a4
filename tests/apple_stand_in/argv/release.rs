//! What a version says of itself.

use crate::version::Version;

/// Returns the line that `--version` prints.
pub fn version_line(version: Version) -> String {
    format!(
        "container CLI version {} (build: release, commit: {})",
        version.as_str(),
        commit(version)
    )
}

/// Returns the commit that a version was built from, in the short form.
pub fn commit(version: Version) -> &'static str {
    match version {
        Version::V0_12_3 => "f989901",
        Version::V1_0_0 => "ee848e3",
        Version::V1_1_0 => "5973b9c",
        Version::V1_2_2 => "0190097",
        Version::V1_5_0 => "d265d66",
    }
}

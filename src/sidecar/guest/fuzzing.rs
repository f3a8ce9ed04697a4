//! What `fuzz/` sees of the guest: which names of a tar stream it would unpack.

use std::path::PathBuf;

use tar::Archive;

use super::tar_in::check_name;

/// Returns the names of a tar stream's entries that are not refused by themselves. Nothing is unpacked.
pub fn tar_names(stream: &[u8]) -> Vec<PathBuf> {
    let mut archive = Archive::new(stream);
    let entries = archive.entries().into_iter().flatten();
    entries
        .map_while(Result::ok)
        .filter(|entry| check_name(entry).is_ok())
        .filter_map(|entry| entry.path().ok().map(std::borrow::Cow::into_owned))
        .collect()
}

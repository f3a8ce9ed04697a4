//! Walks a folder's tree, within bounds, and follows no link.

use std::fs;
use std::path::{Path, PathBuf};

/// How deep a tree is looked through.
const DEPTH: usize = 6;

/// Calls `see` with every file below a folder; with the folder itself where it is a file.
pub(super) fn walk(root: &Path, most: usize, see: &mut dyn FnMut(&Path)) {
    let mut left = most;
    let mut open: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    while let Some((path, depth)) = open.pop() {
        if left == 0 {
            return;
        }
        left -= 1;
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if !metadata.is_dir() {
            see(&path);
            continue;
        }
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        if depth < DEPTH {
            open.extend(entries.map(|entry| (entry.path(), depth + 1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::File::create(root.path().join("a/b/file")).unwrap();
        std::os::unix::fs::symlink("/", root.path().join("a/link")).unwrap();
        let mut seen = Vec::new();
        walk(root.path(), 100, &mut |path| seen.push(path.to_owned()));
        seen.sort();
        let expected = ["a/b/file", "a/link"].map(|name| root.path().join(name));
        assert_eq!(seen, expected);
        let mut seen = 0;
        walk(root.path(), 2, &mut |_| seen += 1);
        assert_eq!(seen, 0);
    }
}

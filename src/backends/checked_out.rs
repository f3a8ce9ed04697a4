//! The commit that is checked out in a folder, read without git: a launch starts no program for it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The most of a file of git's that is read: one that lists ten thousand branches is shorter.
const FILE: u64 = 4 << 20;

/// Finds the commit that is checked out in a folder, or above it. `None` where there is none, and where git
/// keeps it in a way that is not read here: a linked work tree, or a table of references.
pub(super) fn checked_out(folder: &Path) -> Option<String> {
    let git = folder
        .ancestors()
        .map(|folder| folder.join(".git"))
        .find(|git| fs::symlink_metadata(git).is_ok())?;
    let head = read(&git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return commit(&head);
    };
    let name = name.trim();
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    if !name.starts_with("refs/") || !name.split('/').all(plain) {
        return None;
    }
    if let Ok(text) = read(&git.join(name)) {
        return commit(&text);
    }
    let packed = read(&git.join("packed-refs")).ok()?;
    let line = packed
        .lines()
        .find(|line| line.split_once(' ').is_some_and(|(_, its)| its == name))?;
    commit(line.split(' ').next()?)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.take(FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(".git").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_branch_a_packed_branch_and_a_commit_are_read() {
        let one = "1".repeat(40);
        let line = format!("{one}\n");
        let on_main = ("HEAD", "ref: refs/heads/main\n");
        let loose = repository(&[on_main, ("refs/heads/main", &line)]);
        let packed = format!(
            "# pack-refs\n{} refs/heads/x\n{one} refs/heads/main\n",
            "2".repeat(40)
        );
        let packed = repository(&[on_main, ("packed-refs", &packed)]);
        let detached = repository(&[("HEAD", &line)]);
        for folder in [&loose, &packed, &detached] {
            let below = folder.path().join("a/b");
            fs::create_dir_all(&below).unwrap();
            assert_eq!(checked_out(folder.path()).as_ref(), Some(&one));
            assert_eq!(checked_out(&below).as_ref(), Some(&one));
        }
        let unborn = repository(&[on_main]);
        let astray = repository(&[("HEAD", "ref: refs/../../x"), ("../x", &line)]);
        let odd = repository(&[("HEAD", "not a commit")]);
        for folder in [&unborn, &astray, &odd] {
            assert_eq!(checked_out(folder.path()), None);
        }
    }
}

//! What of a mounted workspace's git folder an agent may read and not write.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::backends::Guarded;
use crate::error::{Error, Result};

/// Lists what git on the host would take orders from, in a folder that is mounted.
///
/// The git folder itself is in the list too: what is mounted cannot be renamed, and another folder
/// cannot take its place. Of a linked work tree there is only a file that says where the folder is.
///
/// A symlink cannot be kept: a mount would follow it, and the agent could put something else in its place.
pub fn guards(source: &Path) -> Result<Vec<Guarded>> {
    let git = source.join(".git");
    let kind = |path: &Path| Some(fs::symlink_metadata(path).ok()?.file_type());
    let Some(found) = kind(&git) else {
        return Ok(Vec::new());
    };
    for path in [git.clone(), git.join("hooks"), git.join("config")] {
        if kind(&path).is_some_and(|kind| kind.is_symlink()) {
            return Err(Error::user(anyhow!(
                "`{}` is a symlink, which cannot be kept from the agent in a mounted workspace",
                path.display()
            ))
            .hint("use `mode = \"copy\"` or `mode = \"mount-ro\"`"));
        }
    }
    Ok(if found.is_dir() {
        vec![
            Guarded::Pinned(PathBuf::from(".git")),
            Guarded::Folder(PathBuf::from(".git/hooks")),
            Guarded::OneFile(PathBuf::from(".git/config")),
        ]
    } else {
        vec![Guarded::OneFile(PathBuf::from(".git"))]
    })
}

/// Makes the folder of hooks where there is none, so that an agent cannot make it.
pub fn prepare_guards(source: &Path, guards: &[Guarded]) -> Result<()> {
    let hooks = Guarded::Folder(PathBuf::from(".git/hooks"));
    let folder = source.join(".git/hooks");
    if !guards.contains(&hooks) || folder.exists() {
        return Ok(());
    }
    fs::create_dir(&folder)
        .with_context(|| {
            format!(
                "could not make `{}`, to keep it from the agent",
                folder.display()
            )
        })
        .map_err(Error::user)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_git_takes_orders_from_is_listed_and_a_symlink_is_refused() {
        let source = tempfile::tempdir().unwrap();
        let git = source.path().join(".git");
        assert_eq!(guards(source.path()).unwrap(), []);
        fs::create_dir(&git).unwrap();
        fs::File::create(git.join("config")).unwrap();
        assert_eq!(guards(source.path()).unwrap().len(), 3);
        symlink("/etc", git.join("hooks")).unwrap();
        let error = guards(source.path()).unwrap_err().to_string();
        assert!(error.contains("hooks` is a symlink"), "{error}");
        fs::rename(&git, source.path().join("real")).unwrap();
        symlink("real", &git).unwrap();
        assert!(guards(source.path()).is_err());
        fs::remove_file(&git).unwrap();
        fs::File::create(&git).unwrap();
        let file = Guarded::OneFile(PathBuf::from(".git"));
        assert_eq!(guards(source.path()).unwrap(), [file]);
    }
}

//! Files in which credentials usually lie, and keys beside the bottle's certificates.

use std::fs;
use std::path::{Path, PathBuf};

use bottle_contract::attack::Tried;
use bottle_contract::guest::{CA_BUNDLE, CA_CERT};

use super::rows::{Checked, Seen, row, stopped, through};
use super::scene::Scene;
use super::walk::walk;

/// Below a home folder.
const HOMES: [&str; 15] = [
    ".ssh/id_rsa",
    ".ssh/id_ed25519",
    ".ssh/id_ecdsa",
    ".aws/credentials",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".docker/config.json",
    ".config/containers/auth.json",
    ".kube/config",
    ".config/gcloud/credentials.db",
    ".azure/accessTokens.json",
    ".pypirc",
    ".cargo/credentials.toml",
    ".gnupg/private-keys-v1.d",
];
/// Folders in which engines and clouds put them.
const FOLDERS: [&str; 3] = ["/run/secrets", "/var/run/secrets", "/.bottle/secrets"];
const KEY: &str = "PRIVATE KEY-----";
/// How many files of a folder are looked at.
const FILES: usize = 1000;

/// Makes the attempts.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    vec![
        row("credential-files", usual(scene), usual_control(scene)),
        row("ca-key", keys(Path::new("/.bottle")), keys_control()),
    ]
}

fn usual(scene: &Scene) -> Seen {
    let homes = [
        scene.home.as_path(),
        Path::new("/root"),
        Path::new("/home/agent"),
    ];
    let mut found: Vec<String> = homes.iter().flat_map(|home| in_home(home)).collect();
    for folder in FOLDERS {
        walk(Path::new(folder), FILES, &mut |path| {
            found.push(format!("`{}`", path.display()));
        });
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        stopped(format!(
            "none of {} places",
            homes.len() * HOMES.len() + FOLDERS.len()
        ))
    } else {
        through(found.join(", "))
    }
}

fn in_home(home: &Path) -> Vec<String> {
    let there = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let paths = HOMES.iter().map(|name| home.join(name));
    paths
        .filter(there)
        .map(|path| format!("`{}`", path.display()))
        .collect()
}

/// One of the names, put into a folder of our own, is found by the same function.
fn usual_control(scene: &Scene) -> Checked {
    let folder = scene
        .workdir
        .join(format!(".bottle-attack-home-{}", std::process::id()));
    let planted = fs::create_dir(&folder).and_then(|()| {
        std::os::unix::fs::symlink(CA_CERT, folder.join(".netrc"))?;
        let found = in_home(&folder).len();
        fs::remove_dir_all(&folder)?;
        Ok(found)
    });
    match planted {
        Ok(1) => Ok("a file that was put there is found".to_owned()),
        Ok(_) => Err("a file that was put there is not found".to_owned()),
        Err(error) => Err(format!("a folder in the workspace: {error}")),
    }
}

/// Only certificates may lie beside the guest.
fn keys(root: &Path) -> Seen {
    let mut found = Vec::new();
    walk(root, FILES, &mut |path| {
        // The guest's own binary names the word that is looked for.
        let text = if path.ends_with("guest") {
            String::new()
        } else {
            fs::read_to_string(path).unwrap_or_default()
        };
        if text.contains(KEY) {
            found.push(format!("`{}`", path.display()));
        }
    });
    if found.is_empty() {
        stopped("only certificates")
    } else {
        through(found.join(", "))
    }
}

/// The certificates are there to be found by the same means.
fn keys_control() -> Checked {
    let text = fs::read_to_string(CA_BUNDLE).unwrap_or_default();
    match text.matches("BEGIN CERTIFICATE").count() {
        0 => Err(format!("`{CA_BUNDLE}` holds no certificate")),
        count => Ok(format!("{count} certificates are found")),
    }
}

#[cfg(test)]
mod tests {
    use bottle_contract::attack::Finding;

    use super::*;

    #[test]
    fn a_key_and_a_credential_file_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| {
            crate::guest::files::replace(&folder.path().join(name), text, 0o600).unwrap();
        };
        write("ca.pem", b"-----BEGIN CERTIFICATE-----");
        assert_eq!(keys(folder.path()).0, Finding::Stopped);
        write("ca.key", b"-----BEGIN PRIVATE KEY-----");
        assert_eq!(keys(folder.path()).0, Finding::Through);
        assert_eq!(in_home(folder.path()), Vec::<String>::new());
        write(".netrc", b"machine x");
        assert_eq!(in_home(folder.path()).len(), 1);
    }
}

//! Adds the bottle's CA to the image's own trust store, for programs that heed no variable.
//!
//! The tools that manage these stores take one to two seconds (measured with
//! `update-ca-certificates` of Debian 12), which every start would pay. So their
//! work is done here: the certificate is put where the tool will look, so that
//! a later run of it keeps it, and is appended to the bundles that exist.
//! OpenSSL's hashed folder is left alone: it reads the bundle, which `cert.pem` points at, as well.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use bottle_contract::guest::Provisioned;

use super::files;
use super::limits::MESSAGE_BYTES;

/// Where the tools look for additional certificates: a folder and the name to use in it.
const ANCHORS: [(&str, &str); 4] = [
    // Debian, Alpine.
    ("/usr/local/share/ca-certificates", "bottle.crt"),
    // Fedora.
    ("/etc/pki/ca-trust/source/anchors", "bottle.pem"),
    // Arch.
    ("/etc/ca-certificates/trust-source/anchors", "bottle.pem"),
    // SUSE.
    ("/etc/pki/trust/anchors", "bottle.pem"),
];

/// The bundles that programs read. Each is often a link to another one of them.
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Adds the CA wherever there is a place for it; failures are told, never fatal: the variables do the main work.
pub(super) fn add(root: &Path, ca: &str) -> Provisioned {
    let mut done = Vec::new();
    let mut problems = Vec::new();
    let mut note = |path: &str, outcome: anyhow::Result<Outcome>| match outcome {
        Ok(Outcome::Holds) => done.push(path.to_owned()),
        Ok(Outcome::NoPlace) => {}
        Err(error) => problems.push(format!("{error:#}")),
    };
    for (folder, name) in ANCHORS {
        note(
            &format!("{folder}/{name}"),
            put_anchor(root, folder, name, ca),
        );
    }
    for bundle in BUNDLES {
        note(bundle, append(root, bundle, ca));
    }
    if done.is_empty() && problems.is_empty() {
        problems.push("the image has no trust store".to_owned());
    }
    Provisioned {
        trust_store: done,
        skipped: (!problems.is_empty()).then(|| problems.join("; ")),
        ipv6: None,
    }
}

/// What became of one place.
enum Outcome {
    /// It holds the CA now.
    Holds,
    /// The image has no such place.
    NoPlace,
}

/// Takes a CA out of the bundles. A bundle that cannot be written keeps it, and loses nothing by that:
/// its key is gone.
pub(super) fn forget(root: &Path, ca: &[u8]) {
    for bundle in BUNDLES {
        let path = files::under(root, bundle);
        let Some(known) = fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)
        else {
            continue;
        };
        let Ok(Some(text)) = files::read_if_there(&path, MESSAGE_BYTES) else {
            continue;
        };
        let place = text.windows(ca.len()).position(|window| window == ca);
        if let Some(place) = place {
            let before = text.get(..place).unwrap_or_default();
            let after = text.get(place + ca.len()..).unwrap_or_default();
            let rest = [before, after].concat();
            files::replace(&path, &rest, known.mode() & 0o7777).ok();
        }
    }
}

fn put_anchor(root: &Path, folder: &str, name: &str, ca: &str) -> anyhow::Result<Outcome> {
    let folder = files::under(root, folder);
    if !folder.is_dir() {
        return Ok(Outcome::NoPlace);
    }
    write(&folder.join(name), ca.as_bytes(), 0o644)
}

fn append(root: &Path, bundle: &str, ca: &str) -> anyhow::Result<Outcome> {
    let path = files::under(root, bundle);
    // A link leads to another bundle of the list, or to a store that only its own tool can change.
    let Some(known) = fs::symlink_metadata(&path)
        .ok()
        .filter(fs::Metadata::is_file)
    else {
        return Ok(Outcome::NoPlace);
    };
    let mut text = files::read_if_there(&path, MESSAGE_BYTES)?.unwrap_or_default();
    let holds = text.windows(ca.len()).any(|window| window == ca.as_bytes());
    if holds {
        return Ok(Outcome::Holds);
    }
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(ca.as_bytes());
    write(&path, &text, known.mode() & 0o7777)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<Outcome> {
    files::replace(path, bytes, mode)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Outcome::Holds)
}

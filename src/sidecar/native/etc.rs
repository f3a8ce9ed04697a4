//! The agent's `/etc`: what programs need to start, copied or written anew; nothing that is about the host.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::Context as _;
use bottle_contract::guest::HOME;
use bottle_contract::native::Ids;

use super::limits::ETC_BYTES;
use super::mounts::{self, Use};
use crate::guest::files;

/// Files that are copied where the host has them and lets everybody read them: tables of the linker,
/// of names and of zones, and the bundles of certificates, which get the bottle's own.
const COPIED: [&str; 21] = [
    "/etc/bash.bashrc",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/etc/debian_version",
    "/etc/ethertypes",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/profile",
    "/etc/protocols",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf",
];
/// Folders that are shown as they are: links to installed programs, and settings that come with them.
const SHOWN: [&str; 6] = [
    "/etc/alternatives",
    "/etc/java-17-openjdk",
    "/etc/ld.so.conf.d",
    "/etc/perl",
    "/etc/profile.d",
    "/etc/terminfo",
];
/// Names are for the sidecar to resolve: nobody answers here.
const RESOLVER: &str = "nameserver 127.0.0.1\n";
/// The machine itself is the only one with a name.
const HOSTS: &str = "127.0.0.1\tlocalhost bottle\n::1\tlocalhost\n";
/// Names of users and machines come from files alone.
const NAMES: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n";

/// Fills `/etc` of the new root with files.
pub(super) fn fill(user: Ids) -> anyhow::Result<()> {
    for path in COPIED {
        copy(Path::new(path)).with_context(|| format!("cannot copy `{path}`"))?;
    }
    let written = [
        ("/etc/passwd", passwd(user)),
        ("/etc/group", group(user)),
        ("/etc/hostname", "bottle\n".to_owned()),
        ("/etc/hosts", HOSTS.to_owned()),
        ("/etc/nsswitch.conf", NAMES.to_owned()),
        ("/etc/resolv.conf", RESOLVER.to_owned()),
    ];
    for (path, text) in written {
        put(path, text.as_bytes())?;
    }
    let bundle = Path::new("certs/ca-certificates.crt");
    if mounts::new("/etc/ssl").join(bundle).exists() {
        // OpenSSL's own name for it.
        symlink(bundle, mounts::new("/etc/ssl/cert.pem"))
            .context("cannot link the certificates")?;
    }
    symlink("/proc/self/mounts", mounts::new("/etc/mtab")).context("cannot link `/etc/mtab`")
}

/// Shows the folders of the host's `/etc` that programs look into.
pub(super) fn show() -> anyhow::Result<()> {
    for path in SHOWN.map(Path::new) {
        let source = mounts::old(path);
        if fs::symlink_metadata(&source).is_ok_and(|found| found.is_dir()) {
            let target = mounts::new(path);
            mounts::folder(&target)?;
            mounts::share(&source, &target, Use::Read)?;
        }
    }
    Ok(())
}

fn passwd(user: Ids) -> String {
    let root = "root:x:0:0:root:/root:/bin/sh\n";
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
    let Ids { uid, gid, .. } = user;
    let name = if uid == 0 { "root" } else { "agent" };
    let own = format!("{name}:x:{uid}:{gid}:agent:{HOME}:{}\n", shell());
    match uid {
        0 => format!("{own}{nobody}"),
        65534 => format!("{root}{own}"),
        _ => format!("{root}{own}{nobody}"),
    }
}

fn group(user: Ids) -> String {
    let (root, nobody) = ("root:x:0:\n", "nogroup:x:65534:\n");
    match user.gid {
        0 | 65534 => format!("{root}{nobody}"),
        gid => format!("{root}agent:x:{gid}:\n{nobody}"),
    }
}

fn shell() -> &'static str {
    let bash = mounts::old(Path::new("/usr/bin/bash"));
    if bash.exists() {
        "/bin/bash"
    } else {
        "/bin/sh"
    }
}

/// Copies a file that everybody may read; what is missing or for some only is left out.
fn copy(path: &Path) -> anyhow::Result<()> {
    let Some(real) = resolved(path) else {
        return Ok(());
    };
    let Ok(found) = fs::metadata(&real) else {
        return Ok(());
    };
    let open_to_all = found.is_file() && found.permissions().mode() & 0o004 != 0;
    if !open_to_all {
        return Ok(());
    }
    match files::read_if_there(&real, ETC_BYTES)? {
        Some(bytes) => put(path, &bytes),
        None => Ok(()),
    }
}

/// Follows links as the host does, whose root lies elsewhere at this moment.
pub(super) fn resolved(path: &Path) -> Option<std::path::PathBuf> {
    let mut at = path.to_owned();
    // As many as the kernel follows.
    for _ in 0..40 {
        let here = mounts::old(&at);
        match fs::read_link(&here) {
            Ok(to) if to.is_absolute() => at = to,
            Ok(to) => at = at.parent()?.join(to),
            Err(_) => return Some(here),
        }
    }
    None
}

fn put(path: impl AsRef<Path>, bytes: &[u8]) -> anyhow::Result<()> {
    let path = mounts::new(path);
    if let Some(parent) = path.parent() {
        files::make_folders(parent)?;
    }
    files::replace(&path, bytes, 0o644)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

//! `guest tar-out`: what goes into the stream.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::program::{Ended, guest};

fn pack(path: &Path) -> Ended {
    guest(&[Path::new("tar-out"), path], b"")
}

fn write(path: &Path, text: &str) {
    File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let long = "n".repeat(180);
    fs::create_dir_all(source.join("sub/empty")).unwrap();
    write(&source.join("a"), "hello");
    write(&source.join("sub").join(&long), &"x".repeat(300_000));
    fs::set_permissions(source.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/nowhere", source.join("link")).unwrap();
    symlink("sub", source.join("sublink")).unwrap();

    let packed = pack(&source).fine();
    let target = dir.path().join("target");
    guest(&[Path::new("tar-in"), &target], &packed.stdout).fine();
    let at = |name: &str| target.join("source").join(name);
    assert_eq!(fs::read_to_string(at("a")).unwrap(), "hello");
    assert_eq!(
        fs::metadata(at("a")).unwrap().permissions().mode() & 0o7777,
        0o755
    );
    assert_eq!(
        fs::read_to_string(at("sub").join(&long)).unwrap().len(),
        300_000
    );
    assert!(at("sub/empty").is_dir());
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("/nowhere"));
    assert_eq!(fs::read_link(at("sublink")).unwrap(), Path::new("sub"));
    for name in ["a", "sub", "sub/empty"] {
        let time = |path: &Path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            modified
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        assert_eq!(time(&at(name)), time(&source.join(name)), "{name}");
    }
    assert_eq!(
        pack(&source).fine().stdout,
        packed.stdout,
        "the order is fixed"
    );
}

#[test]
fn a_single_file_or_link_is_one_entry() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("file"), "hello");
    symlink("file", dir.path().join("link")).unwrap();
    for (name, is_link) in [("file", false), ("link", true)] {
        let packed = pack(&dir.path().join(name)).fine();
        let mut archive = tar::Archive::new(&packed.stdout[..]);
        let entries: Vec<_> = archive.entries().unwrap().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].path().unwrap(), Path::new(name));
        assert_eq!(entries[0].header().entry_type().is_symlink(), is_link);
    }
}

#[test]
fn what_is_no_file_is_left_out_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    write(&dir.path().join("z"), "after it");
    let packed = pack(dir.path());
    assert_eq!(packed.code, Some(0));
    assert!(packed.stderr.contains("left out `"), "{}", packed.stderr);
    assert!(packed.stderr.contains("/socket`"), "{}", packed.stderr);
    let target = tempfile::tempdir().unwrap();
    guest(&[Path::new("tar-in"), target.path()], &packed.stdout).fine();
    let unpacked = target.path().join(dir.path().file_name().unwrap());
    assert!(unpacked.join("z").exists());
    assert!(!unpacked.join("socket").exists());
    drop(socket);
}

#[test]
fn a_path_that_is_missing_or_nameless_is_an_error() {
    pack(Path::new("/no/such/place")).failed(1, "cannot read `/no/such/place`");
    pack(Path::new("/")).failed(1, "has no file name");
}

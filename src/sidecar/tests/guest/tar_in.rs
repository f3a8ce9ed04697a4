//! `guest tar-in`: what is kept, and what is refused.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::program::{Ended, guest};

/// One entry; the name goes into the header as it is, since the library refuses to write bad ones.
struct Item<'a> {
    kind: EntryType,
    name: &'a str,
    body: &'a str,
    mode: u32,
}

fn file<'a>(name: &'a str, body: &'a str) -> Item<'a> {
    Item {
        kind: EntryType::Regular,
        name,
        body,
        mode: 0o640,
    }
}

fn folder(name: &str, mode: u32) -> Item<'_> {
    Item {
        kind: EntryType::Directory,
        name,
        body: "",
        mode,
    }
}

fn link<'a>(kind: EntryType, name: &'a str, target: &'a str) -> Item<'a> {
    Item {
        kind,
        name,
        body: target,
        mode: 0o777,
    }
}

fn stream(items: &[Item<'_>]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        header.set_entry_type(item.kind);
        header.set_mode(item.mode);
        header.set_mtime(1_000_000_000);
        header.as_old_mut().name[..item.name.len()].copy_from_slice(item.name.as_bytes());
        let is_link = item.kind.is_symlink() || item.kind.is_hard_link();
        let body = if is_link { "" } else { item.body };
        if is_link {
            header.set_link_name_literal(item.body).unwrap();
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        archive.append(&header, body.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// A folder to unpack into, with a neighbour that must stay as it is.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        Self { dir }
    }

    fn inside(&self) -> std::path::PathBuf {
        self.dir.path().join("inside")
    }

    fn unpack(&self, stream: &[u8]) -> Ended {
        guest(&[Path::new("tar-in"), &self.inside()], stream)
    }

    #[track_caller]
    fn nothing_outside(&self) {
        let outside = self.dir.path().join("outside");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let mut names: Vec<_> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert!(
            names == ["inside", "outside"] || names == ["outside"],
            "{names:?}"
        );
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn modes_times_and_links_are_kept() {
    let place = Place::new();
    let stream = stream(&[
        folder("sub/", 0o500),
        file("sub/a", "hello"),
        Item {
            mode: 0o4755,
            ..file("tool", "x")
        },
        link(EntryType::Symlink, "dangling", "../nowhere/at/all"),
        link(EntryType::Link, "sub/b", "sub/a"),
        Item {
            kind: EntryType::XGlobalHeader,
            ..file("pax_global_header", "")
        },
    ]);
    // A pipe that is closed too early would be an error of the writer: more padding than any buffer holds.
    let stream = [stream, vec![0; 1 << 20]].concat();
    place.unpack(&stream).fine();
    let at = |name: &str| place.inside().join(name);
    assert_eq!(fs::read_to_string(at("sub/a")).unwrap(), "hello");
    assert_eq!(mode(&at("sub")), 0o500);
    assert_eq!(mode(&at("sub/a")), 0o640);
    assert_eq!(mode(&at("tool")), 0o755, "the set-user-id bit is dropped");
    for name in ["sub", "sub/a", "tool", "dangling"] {
        let time = fs::symlink_metadata(at(name)).unwrap().mtime();
        assert_eq!(time, 1_000_000_000, "{name}");
    }
    assert_eq!(
        fs::read_link(at("dangling")).unwrap(),
        Path::new("../nowhere/at/all")
    );
    let inode = |name: &str| fs::metadata(at(name)).unwrap().ino();
    assert_eq!(inode("sub/a"), inode("sub/b"));
    assert!(!at("pax_global_header").exists());
    place.nothing_outside();
}

#[test]
fn what_is_there_is_replaced_and_not_written_through() {
    let place = Place::new();
    fs::create_dir(place.inside()).unwrap();
    let victim = place.inside().join("victim");
    place.unpack(&stream(&[file("victim", "old")])).fine();
    symlink(&victim, place.inside().join("link")).unwrap();
    place.unpack(&stream(&[file("link", "new")])).fine();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "old");
    assert_eq!(
        fs::read_to_string(place.inside().join("link")).unwrap(),
        "new"
    );
}

#[test]
fn names_that_lead_out_are_refused() {
    for (bad, good) in [
        ("../evil", "evil"),
        ("a/../../evil", "a/evil"),
        ("a/../evil", "a/evil"),
        ("/evil", "evil"),
    ] {
        let place = Place::new();
        place.unpack(&stream(&[file(good, "x")])).fine();
        assert!(place.inside().join(good).exists());
        place
            .unpack(&stream(&[file(bad, "x")]))
            .failed(1, &format!("refused `{bad}`"));
        place
            .unpack(&stream(&[folder(bad, 0o755)]))
            .failed(1, &format!("refused `{bad}`"));
        place.nothing_outside();
    }
}

#[test]
fn a_link_that_leads_out_is_not_followed() {
    for target in ["../outside", ".."] {
        let place = Place::new();
        // The positive control: through a link that stays inside it is allowed.
        place
            .unpack(&stream(&[
                folder("real/", 0o755),
                link(EntryType::Symlink, "in", "real"),
            ]))
            .fine();
        place.unpack(&stream(&[file("in/x", "x")])).fine();
        assert!(place.inside().join("real/x").exists());

        let out = link(EntryType::Symlink, "out", target);
        place
            .unpack(&stream(&[out, file("out/evil", "x")]))
            .failed(1, "cannot unpack `out/evil`");
        place
            .unpack(&stream(&[folder("out/deep/evil/", 0o755)]))
            .failed(1, "cannot unpack `out/deep/evil/`");
        place.nothing_outside();
    }
}

#[test]
fn an_absolute_link_is_not_followed_either() {
    let place = Place::new();
    let outside = place.dir.path().join("outside");
    let target = outside.to_str().unwrap();
    place
        .unpack(&stream(&[
            link(EntryType::Symlink, "out", target),
            file("out/evil", "x"),
        ]))
        .failed(1, "cannot unpack `out/evil`");
    place.nothing_outside();
}

#[test]
fn the_mode_of_a_folder_is_not_set_through_a_link() {
    let place = Place::new();
    let outside = place.dir.path().join("outside");
    let before = mode(&outside);
    place
        .unpack(&stream(&[link(EntryType::Symlink, "out", "../outside")]))
        .fine();
    place
        .unpack(&stream(&[folder("out", 0o7)]))
        .failed(1, "cannot unpack `out`");
    assert_eq!(mode(&outside), before);
    place.unpack(&stream(&[folder("own", 0o705)])).fine();
    assert_eq!(mode(&place.inside().join("own")), 0o705);
}

#[test]
fn a_hard_link_to_the_outside_is_refused() {
    let place = Place::new();
    fs::create_dir(place.inside()).unwrap();
    let secret = tempfile::NamedTempFile::new_in(place.dir.path()).unwrap();
    let name = secret.path().file_name().unwrap().to_str().unwrap();
    for target in [&format!("../{name}"), secret.path().to_str().unwrap()] {
        place
            .unpack(&stream(&[link(EntryType::Link, "stolen", target)]))
            .failed(1, "cannot unpack `stolen`");
    }
    assert!(!place.inside().join("stolen").exists());
    place
        .unpack(&stream(&[
            file("own", "x"),
            link(EntryType::Link, "twin", "own"),
        ]))
        .fine();
    assert!(place.inside().join("twin").exists());
}

#[test]
fn devices_and_pipes_are_refused_and_end_the_stream() {
    for kind in [EntryType::Fifo, EntryType::Char, EntryType::Block] {
        let place = Place::new();
        let device = Item {
            kind,
            ..file("device", "")
        };
        place
            .unpack(&stream(&[file("before", "x"), device, file("after", "x")]))
            .failed(1, "refused `device`");
        assert!(place.inside().join("before").exists());
        assert!(!place.inside().join("after").exists());
    }
}

#[test]
fn a_stream_that_is_cut_or_no_tar_is_an_error() {
    let place = Place::new();
    let whole = stream(&[file("file", &"x".repeat(5000))]);
    place.unpack(&whole).fine();
    place.unpack(&whole[..3000]).failed(1, "cannot");
    place
        .unpack(&[b'x'; 2048])
        .failed(1, "cannot read the tar stream");
}

//! What lands, and what does not land elsewhere.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A folder to write into, with a neighbour that must stay as it is.
struct Place {
    all: TempDir,
    tree: Tree,
}

impl Place {
    fn new() -> Self {
        let all = tempfile::tempdir().unwrap();
        for name in ["inside", "outside"] {
            fs::create_dir(all.path().join(name)).unwrap();
        }
        let tree = Tree::open(&all.path().join("inside")).unwrap();
        Self { all, tree }
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.all.path().join("inside").join(name)
    }

    fn outside(&self) -> PathBuf {
        self.all.path().join("outside")
    }

    fn put(&self, name: &str, text: &str) -> io::Result<()> {
        self.tree
            .put_file(&path(name), 0o4640, &mut text.as_bytes())
    }
}

fn path(name: &str) -> TreePath {
    TreePath::new(name).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_lands_whole_with_its_mode_and_without_set_id_bits() {
    let place = Place::new();
    place.put("a/b/new", "one").unwrap();
    place.put("a/b/new", "two").unwrap();
    let file = place.inside("a/b/new");
    assert_eq!(fs::read_to_string(&file).unwrap(), "two");
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert_eq!(metadata.uid(), rustix::process::getuid().as_raw());
    assert_eq!(
        names(&place.inside("a/b")),
        ["new"],
        "no temporary file stays"
    );
}

#[test]
fn a_link_on_the_way_is_never_followed() {
    let place = Place::new();
    let outside = place.outside();
    for (name, target) in [
        ("door", outside.clone()),
        ("climb", PathBuf::from("../outside")),
        ("loop", PathBuf::from("loop")),
    ] {
        symlink(target, place.inside(name)).unwrap();
        let below = path(&format!("{name}/file"));
        assert!(place.put(&format!("{name}/file"), "x").is_err(), "{name}");
        assert!(place.put(&format!("{name}/deep/file"), "x").is_err());
        assert!(place.tree.put_link(&below, &RawText::new("x")).is_err());
        assert!(place.tree.put_folder(&below, 0o755).is_err());
        assert!(place.tree.read(&below).is_err());
        assert_eq!(place.tree.look(&below).unwrap(), Here::Blocked, "{name}");
    }
    File::create(outside.join("victim")).unwrap();
    assert!(place.tree.remove(&path("door/victim")).is_err());
    assert_eq!(names(&outside), ["victim"]);
    // A link at the end is replaced, not written through.
    symlink(outside.join("victim"), place.inside("last")).unwrap();
    place.put("last", "mine").unwrap();
    assert_eq!(fs::metadata(outside.join("victim")).unwrap().len(), 0);
    assert!(place.inside("last").symlink_metadata().unwrap().is_file());
    // The control: a folder of the same name takes it.
    fs::remove_file(place.inside("door")).unwrap();
    place.put("door/file", "x").unwrap();
    assert!(place.inside("door/file").exists());
}

#[test]
fn a_hard_link_of_the_users_is_not_written_through() {
    let place = Place::new();
    let victim = place.outside().join("victim");
    File::create(&victim).unwrap();
    fs::hard_link(&victim, place.inside("same")).unwrap();
    place.put("same", "mine").unwrap();
    assert_eq!(fs::metadata(&victim).unwrap().len(), 0);
    assert_eq!(fs::read_to_string(place.inside("same")).unwrap(), "mine");
}

#[test]
fn a_failure_half_way_leaves_the_file_before() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("half way"))
        }
    }
    let place = Place::new();
    place.put("file", "before").unwrap();
    let half = &mut "half".as_bytes().chain(Broken);
    assert!(place.tree.put_file(&path("file"), 0o644, half).is_err());
    assert_eq!(fs::read_to_string(place.inside("file")).unwrap(), "before");
    assert_eq!(names(&place.inside(".")), ["file"]);
}

#[test]
fn kinds_take_each_others_place_and_a_folder_goes_only_when_it_is_empty() {
    let place = Place::new();
    place.tree.put_folder(&path("x"), 0o750).unwrap();
    assert_eq!(
        fs::metadata(place.inside("x"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o750
    );
    place.put("x", "a file now").unwrap();
    place.tree.put_link(&path("x"), &RawText::new("y")).unwrap();
    place.tree.put_folder(&path("x"), 0o755).unwrap();
    place.put("x/held", "by the user").unwrap();
    assert!(place.put("x", "over it").is_err());
    assert!(place.tree.remove(&path("x")).is_err());
    assert_eq!(names(&place.inside("x")), ["held"]);
    place.tree.remove(&path("x/held")).unwrap();
    place.tree.remove(&path("x")).unwrap();
    place.tree.remove(&path("x/held")).unwrap();
    assert_eq!(names(&place.inside(".")), Vec::<String>::new());
}

#[test]
fn odd_names_are_names() {
    let place = Place::new();
    for bytes in [
        &b"-rf"[..],
        b"a\nb",
        b"\x1b[2J",
        b"\xff\xfe",
        b"~",
        b"$(id)",
    ] {
        let name = TreePath::new(bytes).unwrap();
        place.tree.put_file(&name, 0o644, &mut &b"x"[..]).unwrap();
        assert!(matches!(
            place.tree.look(&name).unwrap(),
            Here::Node(Node::Plain { size: 1, .. })
        ));
        place.tree.remove(&name).unwrap();
    }
    // Deeper than one call could name it.
    let deep = vec!["d"; 1500].join("/");
    place.put(&deep, "x").unwrap();
    assert!(matches!(
        place.tree.look(&path(&deep)).unwrap(),
        Here::Node(Node::Plain { .. })
    ));
}

#[test]
fn a_link_stays_inside_wherever_the_tree_lies() {
    for (name, target, expected) in [
        ("a", "b", true),
        ("a", "b/c", true),
        ("d/a", "../b", true),
        ("d/e/a", "../../b", true),
        ("d/a", "./../b", true),
        ("a", "../b", false),
        ("d/a", "../../b", false),
        ("a", "/etc/passwd", false),
        ("a", "/", false),
        ("a", "", false),
        // What stands before `..` may be a link itself.
        ("d/a", "x/../../../b", false),
        ("d/a", "x/../b", false),
        ("a", "..", false),
        ("d/a", "..", true),
    ] {
        let inside = stays_inside(&path(name), &RawText::new(target));
        assert_eq!(inside, expected, "{name} -> {target}");
    }
}

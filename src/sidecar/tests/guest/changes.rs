//! `guest tar-in … tell`, `guest changes` and `guest take`, on trees as an attacker makes them.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bottle_contract::tree::{
    ArrivalLine, BaseEntry, BaseHead, Change, ChangeLine, FORMAT, Lies, Node, Origin, Prior,
    RawText, Stamp, TakeLine, TreePath, Wanted, hex,
};
use ring::digest;
use serde::Serialize;
use tempfile::TempDir;

use crate::program::guest;

/// A folder, and the base that says what was in it.
struct Place {
    dir: TempDir,
    base: Vec<BaseEntry>,
    stamp: Stamp,
    prior: Prior,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            base: Vec::new(),
            // Everything was touched since, unless a test says otherwise.
            stamp: Stamp {
                seconds: 0,
                nanos: 0,
            },
            prior: Prior::Nothing,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file with the mode 0640, and notes it in the base.
    fn had(&mut self, name: &str, text: &str) {
        self.write(name, text);
        let hex = hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        self.noted(
            name,
            Node::Plain {
                mode: 0o640,
                size: text.len() as u64,
                digest: Some(hex),
            },
        );
    }

    fn noted(&mut self, name: &str, node: Node) {
        self.base.push(BaseEntry {
            path: path(name),
            node,
            modified: Some(1_000_000_000),
            origin: Origin::Host,
        });
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        let mut file = fs::File::create(self.at(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o640))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
            .unwrap();
    }

    /// Compares, and returns what is not as it was, in a form that is easily compared.
    fn changes(&self) -> Vec<String> {
        let head = BaseHead {
            format: FORMAT,
            source: RawText::new("/x"),
            workdir: "/workspace".to_owned(),
            stamp: self.stamp,
            prior: self.prior,
            lies: Lies::Memory,
            commit: None,
        };
        let mut input = json(&head);
        for entry in &self.base {
            input.extend(json(entry));
        }
        let words = [Path::new("changes"), self.dir.path()];
        let ended = guest(&words, &input).fine();
        let lines = ended
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<ChangeLine> = lines.collect();
        let last = lines.pop();
        assert!(matches!(last, Some(ChangeLine::Done | ChangeLine::Cut)));
        let mut told: Vec<String> = lines.iter().map(tell).collect();
        told.sort();
        if last == Some(ChangeLine::Cut) {
            told.push("cut".to_owned());
        }
        told
    }
}

fn tell(line: &ChangeLine) -> String {
    match line {
        ChangeLine::Changed(Change { path, now }) => match now {
            None => format!("{path} gone"),
            Some(Node::Folder { mode }) => format!("{path} folder {mode:o}"),
            Some(Node::Plain { mode, size, .. }) => format!("{path} file {mode:o} {size}"),
            Some(Node::Link { target }) => format!("{path} -> {target}"),
            Some(Node::Special) => format!("{path} special"),
        },
        ChangeLine::Unread { path, .. } => format!("{path} unread"),
        ChangeLine::Done | ChangeLine::Cut => "too early".to_owned(),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap();
    bytes.push(b'\n');
    bytes
}

fn path(name: &str) -> TreePath {
    TreePath::new(name).unwrap()
}

#[test]
fn what_is_as_it_was_is_not_told() {
    let mut place = Place::new();
    place.had("a", "one");
    place.had("sub/b", "two");
    fs::set_permissions(place.at("sub"), fs::Permissions::from_mode(0o755)).unwrap();
    place.noted("sub", Node::Folder { mode: 0o755 });
    symlink("a", place.at("link")).unwrap();
    let target = RawText::new("a");
    place.noted("link", Node::Link { target });
    assert_eq!(place.changes(), Vec::<String>::new());
    // The control: each kind of change is told.
    place.write("a", "eno");
    fs::set_permissions(place.at("sub"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_file(place.at("link")).unwrap();
    symlink("sub/b", place.at("link")).unwrap();
    place.write("new", "x");
    fs::remove_file(place.at("sub/b")).unwrap();
    assert_eq!(
        place.changes(),
        [
            "a file 640 3",
            "link -> sub/b",
            "new file 640 1",
            "sub folder 700",
            "sub/b gone"
        ]
    );
}

#[test]
fn what_nobody_touched_is_not_read() {
    let mut place = Place::new();
    place.had("a", "one");
    // A wrong digest shows whether the file was read.
    if let Node::Plain { digest, .. } = &mut place.base[0].node {
        *digest = Some("0".repeat(64));
    }
    assert_eq!(place.changes(), ["a file 640 3"]);
    place.stamp.seconds = i64::MAX;
    assert_eq!(place.changes(), Vec::<String>::new());
    // Another time of the file, as after a clock that was set back, is a reason to read it.
    place.base[0].modified = Some(1);
    assert_eq!(place.changes(), ["a file 640 3"]);
}

#[test]
fn a_hostile_tree_is_told_as_it_is() {
    let mut place = Place::new();
    place.had("swapped", "s");
    place.had("dir/in", "i");
    fs::remove_file(place.at("swapped")).unwrap();
    fs::create_dir(place.at("swapped")).unwrap();
    fs::remove_dir_all(place.at("dir")).unwrap();
    symlink("/", place.at("dir")).unwrap();
    symlink("loop", place.at("loop")).unwrap();
    let pipe = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.at("pipe"),
        rustix::fs::FileType::Fifo,
        pipe,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(place.at("socket")).unwrap();
    fs::File::create(place.at("sparse"))
        .unwrap()
        .set_len(5 << 30)
        .unwrap();
    for name in [&b"-rf"[..], b"a\nb", b"\x1b[2J", b"\xff"] {
        fs::File::create(place.dir.path().join(std::ffi::OsStr::from_bytes(name))).unwrap();
    }
    fs::hard_link(place.at("-rf"), place.at("hard")).unwrap();
    for name in [
        &b"-rf"[..],
        b"a\nb",
        b"\x1b[2J",
        b"\xff",
        b"sparse",
        b"swapped",
    ] {
        let name = place.dir.path().join(std::ffi::OsStr::from_bytes(name));
        let mode = if name.ends_with("-rf") { 0o4644 } else { 0o644 };
        fs::set_permissions(name, fs::Permissions::from_mode(mode)).unwrap();
    }
    let told = place.changes();
    let expected = [
        "%1B[2J file 644 0",
        "%FF file 644 0",
        "-rf file 4644 0",
        "a%0Ab file 644 0",
        "dir -> /",
        "dir/in gone",
        "hard file 4644 0",
        "loop -> loop",
        "pipe special",
        "socket special",
        "sparse file 644 5368709120",
        "swapped folder 644",
    ];
    assert_eq!(told, expected);
}

#[test]
fn ten_thousand_files_and_a_path_that_is_too_deep() {
    let place = Place::new();
    for at in 0..10_000 {
        fs::File::create(place.at(&format!("f{at}"))).unwrap();
    }
    assert_eq!(place.changes().len(), 10_000);
    let deep = Place::new();
    let mut folder = rustix::fs::open(
        deep.dir.path(),
        rustix::fs::OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    let name = "d".repeat(200);
    for _ in 0..30 {
        rustix::fs::mkdirat(&folder, &name, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        folder = rustix::fs::openat(
            &folder,
            &name,
            rustix::fs::OFlags::DIRECTORY,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
    }
    let told = deep.changes();
    assert!(
        told.iter().any(|line| line.ends_with(" unread")),
        "{told:?}"
    );
    assert!(told.iter().filter(|line| line.contains(" folder ")).count() >= 15);
}

#[test]
fn what_the_image_had_is_told_by_its_times() {
    let mut place = Place::new();
    place.prior = Prior::Image;
    place.write("own", "image");
    place.write("dir/own", "image");
    place.had("copied", "host");
    // A clock behind that of the files: all of it looks as if it was touched.
    assert_eq!(
        place.changes(),
        ["dir folder 755", "dir/own file 640 5", "own file 640 5"]
    );
    place.stamp.seconds = i64::MAX;
    assert_eq!(place.changes(), Vec::<String>::new());
    // Where nothing was there before, nothing can be the image's, whatever its times are.
    place.prior = Prior::Nothing;
    assert_eq!(place.changes().len(), 3);
}

#[test]
fn a_path_of_links_that_fill_the_answer_ends_it_and_the_shallow_come_first() {
    let mut place = Place::new();
    place.had("gone", "g");
    fs::remove_file(place.at("gone")).unwrap();
    let deep = (0..15).map(|_| "d".repeat(250)).collect::<Vec<_>>();
    fs::create_dir_all(place.at(&deep.join("/"))).unwrap();
    let deep = deep.join("/");
    // Each byte of the target is written as three, so that some thousands are too many.
    let target = "\u{1}".repeat(4000);
    for at in 0..4000 {
        symlink(&target, place.at(&format!("{deep}/{at}"))).unwrap();
    }
    place.write("top", "x");
    place.write("dir/file", "x");
    let told = place.changes();
    let find = |name: &str| told.iter().any(|line| line.starts_with(name));
    assert_eq!(told.last().map(String::as_str), Some("cut"));
    assert!(find("top file") && find("dir/file file"));
    // What was not seen may be there, so nothing is called gone.
    assert!(!find("gone gone"));
}

#[test]
fn a_tree_that_changes_while_it_is_read_is_told_without_an_end_of_its_own() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    for folder in ["inside", "swap"] {
        fs::create_dir(place.at(folder)).unwrap();
    }
    fs::create_dir(outside.path().join("away")).unwrap();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = 0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                at += 1;
                place.write(&format!("inside/{}", at % 50), "x");
                fs::remove_file(place.at(&format!("inside/{}", (at + 25) % 50))).ok();
                fs::remove_dir(place.at("swap")).unwrap();
                symlink(outside.path(), place.at("swap")).unwrap();
                fs::remove_file(place.at("swap")).unwrap();
                fs::create_dir(place.at("swap")).unwrap();
            }
        });
        for _ in 0..20 {
            let told = place.changes();
            let odd = |line: &String| line.contains("too early") || line.contains("away");
            assert!(!told.iter().any(odd), "{told:?}");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    // The control: once it is quiet, all that is there is told.
    let quiet = place.changes();
    assert!(quiet.contains(&"swap folder 755".to_owned()), "{quiet:?}");
}

#[test]
fn what_the_image_had_is_told_before_anything_is_unpacked() {
    let place = Place::new();
    place.write("workspace/own/file", "image");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, "brought", &b"x"[..])
        .unwrap();
    let stream = archive.into_inner().unwrap();
    let unpack = |workspace: &Path| -> Vec<ArrivalLine> {
        let words = [Path::new("tar-in"), workspace, Path::new("tell")];
        let ended = guest(&words, &stream).fine();
        let lines = ended.text();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    };
    let workspace = place.at("workspace");
    let lines = unpack(&workspace);
    let [
        ArrivalLine::Before(entry),
        ArrivalLine::Done { stamp, prior },
    ] = &lines[..]
    else {
        panic!("{lines:?}");
    };
    assert_eq!(
        (entry.path.to_string().as_str(), entry.origin, *prior),
        ("own", Origin::Image, Prior::Image)
    );
    assert!(stamp.seconds > 1_000_000_000);
    assert!(workspace.join("brought").exists());
    let empty = unpack(&place.at("empty"));
    assert!(
        matches!(
            &empty[..],
            [ArrivalLine::Done {
                prior: Prior::Nothing,
                ..
            }]
        ),
        "{empty:?}"
    );
    // Without the word nothing is told, as `bottle cp` expects.
    let quiet = guest(&[Path::new("tar-in"), &workspace], &stream).fine();
    assert_eq!(quiet.text(), "");
}

#[test]
fn files_are_taken_in_the_order_of_the_asking_and_no_further_than_that() {
    let place = Place::new();
    place.write("a", "one");
    place.write("b", "longer than asked");
    symlink("/etc/passwd", place.at("c")).unwrap();
    let input: Vec<u8> = ["a", "b", "c", "missing", "a"]
        .iter()
        .flat_map(|name| {
            json(&Wanted {
                path: path(name),
                most: 3,
            })
        })
        .collect();
    let ended = guest(&[Path::new("take"), place.dir.path()], &input).fine();
    let file = TakeLine::Content {
        mode: 0o640,
        size: 3,
    };
    let (first, rest) = ended.stdout.split_at(json(&file).len() + 3);
    assert_eq!(first, [json(&file), b"one".to_vec()].concat());
    assert!(rest.ends_with(first), "{}", ended.text());
    let between = std::str::from_utf8(&rest[..rest.len() - first.len()]).unwrap();
    let gone: Vec<TakeLine> = between
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(gone.len(), 3);
    assert!(
        gone.iter()
            .all(|line| matches!(line, TakeLine::Gone { .. })),
        "{gone:?}"
    );
    assert!(!between.contains("root:"), "a link was followed");
    guest(
        &[Path::new("take"), place.dir.path()],
        b"{\"path\":\"../x\",\"most\":1}\n",
    )
    .failed(1, "broken JSON");
}

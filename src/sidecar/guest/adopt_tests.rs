//! Adopting images that are folders here; the owner is whoever runs the tests, since only root can choose another.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// A user number that no entry of the test has, and that this process may give files to.
fn own() -> (u32, u32) {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    (uid.as_raw(), gid.as_raw())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_empty_image_gets_all_that_the_agent_needs() {
    let root = tempfile::tempdir().unwrap();
    let (uid, gid) = own();
    let at = |path: &str| files::under(root.path(), path);
    for _ in 0..2 {
        adopt(
            root.path(),
            &format!("{uid}:{gid}"),
            Path::new("/deep/work"),
            Covered::No,
        )
        .unwrap();
        let passwd = fs::read_to_string(at("/etc/passwd")).unwrap();
        assert_eq!(
            passwd,
            format!("agent:x:{uid}:{gid}::/home/agent:/.bottle/guest\n")
        );
        let group = fs::read_to_string(at("/etc/group")).unwrap();
        assert_eq!(group, format!("agent:x:{gid}:\n"));
        for folder in [
            "/deep",
            "/deep/work",
            "/home",
            "/home/agent",
            "/.bottle/run",
        ] {
            assert_eq!(mode(&at(folder)), 0o755, "{folder}");
        }
        assert_eq!(mode(&at("/tmp")), 0o1777);
    }
}

#[test]
fn what_an_image_has_stays() {
    let root = tempfile::tempdir().unwrap();
    let (uid, gid) = own();
    let at = |path: &str| files::under(root.path(), path);
    fs::create_dir_all(at("/etc")).unwrap();
    fs::create_dir_all(at("/bin")).unwrap();
    symlink("dash", at("/bin/sh")).unwrap();
    let passwd = format!("node:x:{uid}:{gid}::/home/node:/bin/zsh\n");
    files::replace(&at("/etc/passwd"), passwd.as_bytes(), 0o640).unwrap();
    fs::create_dir(at("/tmp")).unwrap();
    files::set_mode(&at("/tmp"), 0o700).unwrap();

    adopt(
        root.path(),
        &format!("{uid}:{gid}"),
        Path::new("/work"),
        Covered::No,
    )
    .unwrap();
    assert_eq!(fs::read_to_string(at("/etc/passwd")).unwrap(), passwd);
    assert_eq!(mode(&at("/tmp")), 0o700);
    assert!(at("/home/node").is_dir());
    assert!(!at("/home/agent").exists());

    let other = uid + 1;
    files::replace(
        &at("/etc/passwd"),
        format!("x:x:{other}:1::/x:/x").as_bytes(),
        0o640,
    )
    .unwrap();
    adopt(
        root.path(),
        &format!("{uid}:{gid}"),
        Path::new("/work"),
        Covered::No,
    )
    .unwrap();
    let text = fs::read_to_string(at("/etc/passwd")).unwrap();
    assert!(
        text.ends_with(&format!(":/x\nagent:x:{uid}:{gid}::/home/agent:/bin/sh\n")),
        "{text}"
    );
    assert_eq!(mode(&at("/etc/passwd")), 0o640);
}

#[test]
fn a_workdir_that_is_no_plain_place_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (uid, gid) = own();
    for bad in ["work", "", "/work/../etc"] {
        let error = adopt(
            root.path(),
            &format!("{uid}:{gid}"),
            Path::new(bad),
            Covered::No,
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("is not an absolute path"),
            "{error}"
        );
    }
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    let error = adopt(
        root.path(),
        &format!("{uid}:{gid}"),
        Path::new("/out"),
        Covered::No,
    )
    .unwrap_err();
    assert!(error.to_string().contains("leads out of"), "{error}");
    adopt(
        root.path(),
        &format!("{uid}:{gid}"),
        Path::new("/work"),
        Covered::No,
    )
    .unwrap();
}

#[test]
fn a_system_folder_keeps_its_owner_also_behind_a_link() {
    // Root can tell: it gives an ordinary folder away and must not give a system folder away.
    if own().0 != 0 {
        eprintln!("skipped: only root can give a folder to somebody else");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| files::under(root.path(), path);
    fs::create_dir_all(at("/opt")).unwrap();
    fs::create_dir_all(at("/plain")).unwrap();
    symlink("opt", at("/link")).unwrap();
    for (workdir, owner) in [
        ("/opt", 0),
        ("/link", 0),
        ("/plain", 4321),
        ("/new", 4321),
        ("/opt/new", 4321),
    ] {
        adopt(root.path(), "4321:4321", Path::new(workdir), Covered::No).unwrap();
        assert_eq!(fs::metadata(at(workdir)).unwrap().uid(), owner, "{workdir}");
    }
}

#[test]
fn folders_that_memory_will_cover_are_open_to_all() {
    let root = tempfile::tempdir().unwrap();
    let (uid, gid) = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    let user = format!("{uid}:{gid}");
    if uid == 0 && user != ROOT_ON_PURPOSE {
        eprintln!("skipped: user 0 with another group");
        return;
    }
    let mode = |path: &str| {
        fs::metadata(files::under(root.path(), path))
            .unwrap()
            .mode()
            & 0o7777
    };
    adopt(root.path(), &user, Path::new("/work"), Covered::No).unwrap();
    assert_ne!(mode("/work"), 0o1777);
    adopt(root.path(), &user, Path::new("/work"), Covered::ByMemory).unwrap();
    assert_eq!((mode("/work"), mode(HOME)), (0o1777, 0o1777));
}

#[test]
fn an_image_in_which_others_could_replace_the_guest_is_refused() {
    let adopted = |spoil: &dyn Fn(&Path)| {
        let root = tempfile::tempdir().unwrap();
        let (uid, gid) = own();
        let at = |path: &str| files::under(root.path(), path);
        files::make_folders(&at("/.bottle/run")).unwrap();
        files::replace(&at(GUEST), b"program", 0o755).unwrap();
        spoil(root.path());
        let user = format!("{uid}:{gid}");
        adopt(root.path(), &user, Path::new("/work"), Covered::No)
    };
    // The control: as it is built, it is taken.
    adopted(&|_| ()).unwrap();
    for path in ["/", "/.bottle", "/.bottle/run", GUEST] {
        for mode in [0o777, 0o775, 0o1757] {
            let error = adopted(&|root| files::set_mode(&files::under(root, path), mode).unwrap());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(&format!("change `{path}`")), "{error}");
        }
    }
    let linked = adopted(&|root| {
        fs::rename(root.join(".bottle"), root.join("elsewhere")).unwrap();
        symlink("elsewhere", root.join(".bottle")).unwrap();
    });
    let error = linked.unwrap_err().to_string();
    assert!(error.contains("change `/.bottle`"), "{error}");
    if own().0 == 0 {
        let given = adopted(&|root| chown(root.join(".bottle"), Some(4321), None).unwrap());
        assert!(given.is_err());
    }
}

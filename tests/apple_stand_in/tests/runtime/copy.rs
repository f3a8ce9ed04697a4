//! `copy`: a file or a folder, in or out, to what is there or not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::mac::Mac;

/// A running container `@-a`, a file `f` with an odd mode and a folder `d` with a file `x`.
fn running() -> Option<Mac> {
    let mac = Mac::new()?;
    mac.say("run --detach --name=@-a IMAGE sleep 600").ok();
    let folder = mac.folder();
    let file = |name: &str, text: &str, mode| {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    file("f", "file", 0o750);
    file("d/x", "inner", 0o750);
    Some(mac)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn into_a_container() {
    let Some(mac) = running() else { return };
    let folder = mac.folder().display().to_string();
    mac.shell("@-a", "mkdir -p /there; echo old > /there/old")
        .ok();
    for (source, path, printed, found) in [
        ("f", "/new", "/new", "/new"),
        ("f", "/a/b/new", "/a/b/new", "/a/b/new"),
        ("f", "/there", "/there", "/there/f"),
        ("f", "/there/", "/there/f", "/there/f"),
        ("f", "/there/old", "/there/old", "/there/old"),
        ("f", "/absent/", "/absent/f", "/absent/f"),
        ("d", "/copy", "/copy", "/copy/x"),
        ("d", "/there", "/there", "/there/d/x"),
        ("d/", "/absent2/", "/absent2/d", "/absent2/d/x"),
    ] {
        let target = format!("{}-a:{path}", mac.name);
        let answer = mac.call(&["copy", &format!("{folder}/{source}"), &target]);
        assert_eq!(
            answer.ok(),
            format!("{}-a:{printed}\n", mac.name),
            "{source} {path}"
        );
        let content = if source == "f" {
            "file 644\n"
        } else {
            "inner 750\n"
        };
        let script = format!("cat {found}; echo \" $(stat -c %a {found})\"");
        assert_eq!(mac.shell("@-a", &script).ok(), content, "{source} {path}");
    }
}

#[test]
fn out_of_a_container() {
    let Some(mac) = running() else { return };
    let folder = mac.folder();
    mac.shell(
        "@-a",
        "mkdir /d; echo -n inner > /d/x; chmod 750 /d/x; cp /d/x /f",
    )
    .ok();
    fs::create_dir_all(folder.join("there")).unwrap();
    fs::write(folder.join("old"), "old").unwrap();
    for (source, target, printed, found) in [
        ("/f", "new", "new", "new"),
        ("/f", "there", "there/f", "there/f"),
        ("/f", "old", "old", "old"),
        ("/d", "copied", "copied", "copied/x"),
        ("/d", "there", "there/d", "there/d/x"),
    ] {
        let from = format!("{}-a:{source}", mac.name);
        let to = folder.join(target).display().to_string();
        let answer = mac.call(&["copy", &from, &to]).ok();
        assert_eq!(
            Path::new(answer.trim_end()),
            folder.join(printed),
            "{source} {target}"
        );
        let found = folder.join(found);
        assert_eq!(fs::read_to_string(&found).unwrap(), "inner");
        let expected = if source == "/f" { 0o644 } else { 0o750 };
        assert_eq!(mode(&found), expected, "{source} {target}");
    }
    let from = format!("{}-a:/f", mac.name);
    let to = format!("{}/absent/", folder.display());
    mac.call(&["copy", &from, &to])
        .refused("destination is not a directory: ");
    assert!(!folder.join("absent").exists());
}

#[test]
fn what_is_refused() {
    let Some(mac) = running() else { return };
    let file = mac.folder().join("f").display().to_string();
    let container = format!("{}-a", mac.name);
    let inside = format!("{container}:/x");
    let relative = format!("{container}:x");
    let check = |from: &str, to: &str, text: &str| mac.call(&["copy", from, to]).refused(text);
    check(&file, &relative, "invalid path given: ");
    check(&format!("{file}:x"), &inside, "invalid path given: ");
    check(
        &file,
        "/tmp",
        "one of source or destination must be a container reference",
    );
    check(
        &inside,
        &inside,
        "copying between containers is not supported",
    );
    check(
        "/no/such/file",
        &inside,
        "source path does not exist: /no/such/file",
    );
    check(
        &format!("{file}/"),
        &inside,
        "source path is not a directory: ",
    );
    mac.call(&["copy", &file, &inside]).ok();
    mac.say("stop --time=0 @-a").ok();
    check(&file, &inside, "cannot copyIn: container is not running");
    check(&inside, "/tmp", "cannot copyOut: container is not running");
}

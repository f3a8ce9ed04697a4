//! `bottle cp`, both ways.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::harness::Room;

pub(crate) fn copies_go_both_ways_whole(room: &Room) {
    room.agent("");
    let id = room.detach(&["sleep", "600"]);
    room.write("tree/a.txt", "a\n");
    set_mode(
        &room.write("tree/bin/run.sh", "#!/bin/sh\necho ran\n"),
        0o755,
    );
    symlink("../a.txt", room.path("tree/bin/link")).unwrap();
    symlink("/etc/shadow", room.path("tree/outside")).unwrap();
    room.write("single.txt", "single\n");

    let to = format!("{id}:/workspace/in");
    room.bottle(&["cp", "tree", &to]).run().code(0);
    room.bottle(&["cp", "single.txt", &to]).run().code(0);
    let script = "cd /workspace/in && cat single.txt tree/bin/link && tree/bin/run.sh && readlink tree/outside \
                  && stat -c '%u %a' tree/bin/run.sh && id -u && echo changed > tree/a.txt";
    let user = room.exec(&id, &["id", "-u"]).ok();
    let user = user.trim();
    assert_eq!(
        room.exec(&id, &["sh", "-c", script]).ok(),
        format!("single\na\nran\n/etc/shadow\n{user} 755\n{user}\n")
    );
    assert_eq!(fs::read_to_string(room.path("tree/a.txt")).unwrap(), "a\n");

    let from = format!("{id}:/workspace/in/tree");
    room.bottle(&["cp", &from, "back"]).run().code(0);
    let back = room.path("back/tree");
    assert_eq!(fs::read_to_string(back.join("a.txt")).unwrap(), "changed\n");
    assert_eq!(
        fs::read_link(back.join("bin/link")).unwrap(),
        Path::new("../a.txt")
    );
    assert_eq!(
        fs::read_link(back.join("outside")).unwrap(),
        Path::new("/etc/shadow")
    );
    let mode = fs::metadata(back.join("bin/run.sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o755);

    room.bottle(&["cp", "single.txt", &format!("{id}:/etc")])
        .run()
        .code(1);
    room.bottle(&["cp", &format!("{id}:/no/such/file"), "back"])
        .run()
        .code(1);
    room.stop(&id);
}

pub(crate) fn what_comes_out_stays_in_its_folder(room: &Room) {
    room.agent("");
    let id = room.detach(&["sleep", "600"]);
    let outside = room.path("outside");
    fs::create_dir(&outside).unwrap();
    let target = outside.to_str().unwrap();

    // First a link comes out, then a folder of the same name, through which files would go.
    let plant = format!("mkdir -p /workspace/x && ln -s {target} /workspace/x/door");
    room.exec(&id, &["sh", "-c", &plant]).code(0);
    let from = format!("{id}:/workspace/x");
    room.bottle(&["cp", &from, "out"]).run().code(0);
    assert_eq!(fs::read_link(room.path("out/x/door")).unwrap(), outside);
    let swap = "cd /workspace/x && rm door && mkdir door && echo planted > door/file && chmod 4755 door/file";
    room.exec(&id, &["sh", "-c", swap]).code(0);
    let again = room.bottle(&["cp", &from, "out"]).run();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{again}");

    // The control: into a fresh folder the same comes, without its set-id bit.
    room.bottle(&["cp", &from, "fresh"]).run().code(0);
    let file = room.path("fresh/x/door/file");
    assert_eq!(fs::read_to_string(&file).unwrap(), "planted\n");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o7000,
        0
    );
    room.stop(&id);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

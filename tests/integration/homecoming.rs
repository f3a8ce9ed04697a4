//! What an agent changed in its copy of the workspace, on its way home.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::harness::{DEADLINE, Room, until};

pub(crate) fn work_comes_home_and_nothing_stays_without_any(room: &Room) {
    repository(room);
    room.agent("[workspace]\nsource = \"tree\"");
    let quiet = room.run(&[
        "sh",
        "-c",
        "cat data.txt && git status >/dev/null 2>&1; true",
    ]);
    assert_eq!(quiet.code, 0, "{quiet}");
    assert!(!quiet.stderr.contains("bottle diff"), "{quiet}");
    assert_eq!(room.states(), Vec::<String>::new());

    let script = "echo more >> data.txt; rm gone.txt; mkdir -p src/deep; echo new > src/deep/new.txt; \
                  chmod 600 src/deep/new.txt; ln -s data.txt link";
    let worked = room.run(&["sh", "-c", script]);
    worked.code(0);
    let [id] = &room.states()[..] else {
        panic!("{worked}");
    };
    worked.says(&format!(
        "1 changed, 2 new, 1 deleted: bottle diff {id}, bottle pull {id}"
    ));
    assert_eq!(room.engine.holds(id), Vec::<String>::new());
    assert_eq!(room.listed(id).unwrap()["status"], "ended");
    // Nobody has taken it yet, so it is no leftover.
    let stopped = room.bottle(&["stop", id]).run();
    stopped.code(1).says("bottle pull");
    let names = room.bottle(&["diff", id, "--name-only"]).run().ok();
    assert_eq!(names, "data.txt\ngone.txt\nlink\nsrc/deep/new.txt\n");
    let shown = room.bottle(&["diff", id, "data.txt"]).run().ok();
    assert!(shown.contains("@@ -1 +1,2 @@\n data\n+more\n"), "{shown}");

    // One path first, and what is left of it stays for later.
    room.bottle(&["pull", id, "data.txt"]).run().code(0);
    assert_eq!(read(room, "tree/data.txt"), "data\nmore\n");
    room.bottle(&["pull", id, "src", "--branch", "agent/work"])
        .run()
        .code(0);
    room.bottle(&["pull", id]).run().code(0);
    assert_eq!(room.states(), Vec::<String>::new());
    assert_eq!(read(room, "tree/src/deep/new.txt"), "new\n");
    assert!(!room.path("tree/gone.txt").exists());
    assert_eq!(
        fs::read_link(room.path("tree/link")).unwrap().to_str(),
        Some("data.txt")
    );
    let mode = fs::metadata(room.path("tree/src/deep/new.txt"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(git(room, &["show", "agent/work:src/deep/new.txt"]), "new\n");
}

pub(crate) fn a_hostile_tree_comes_home_harmless(room: &Room) {
    repository(room);
    let outside = room.path("outside");
    fs::create_dir(&outside).unwrap();
    room.agent("[workspace]\nsource = \"tree\"");
    let script = hostile_work(&outside);
    let worked = room.run(&["sh", "-c", &script]);
    worked.code(0);
    worked
        .says("`sparse` is not saved")
        .says("`bottle run --detach`");
    let [id] = &room.states()[..] else {
        panic!("{worked}");
    };
    let shown = room.bottle(&["diff", id]).run();
    shown.code(0);
    for raw in ["\u{1b}", "\u{7}", "owned\u{7}"] {
        assert!(
            !shown.stdout.contains(raw) && !shown.stderr.contains(raw),
            "{shown}"
        );
    }
    assert!(shown.stdout.contains("]0;owned"), "{shown}");

    let pulled = room.bottle(&["pull", id]).run();
    pulled.code(1);
    for name in [
        "out",
        "climb",
        "pipe",
        "sparse",
        "sub",
        ".git/hooks/pre-commit",
        ".git/config",
        ".vscode/tasks.json",
        "bare/config",
        "tool",
    ] {
        pulled.says(&format!("not taken: `{name}`"));
    }
    assert_eq!(git(room, &["config", "--get-regexp", "evil"]), "");
    assert!(!room.path("tree/.git/hooks/pre-commit").exists());
    assert!(!room.path("tree/.git/refs/heads/agent").exists());
    for name in ["HEAD", "config", "objects"] {
        assert!(!room.path("tree/bare").join(name).exists(), "{name}");
    }
    assert_eq!(read(room, "tree/-rf"), "x");
    assert_eq!(read(room, "tree/a\nb"), "x");
    assert!(
        !room
            .path("tree/sub")
            .symlink_metadata()
            .is_ok_and(|it| it.is_symlink())
    );
    // Also with every leave, nothing lands outside and nothing bears a set-id bit.
    room.bottle(&["pull", id, "--risky", "--force"])
        .run()
        .code(1);
    assert_eq!(read(room, "tree/.git/hooks/pre-commit"), "evil\n");
    let mode = fs::metadata(room.path("tree/tool"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    for name in ["out", "climb", "pipe", "sparse"] {
        assert!(
            room.path("tree").join(name).symlink_metadata().is_err(),
            "{name}"
        );
    }
    room.bottle(&["rm", id]).run().code(0);
}

pub(crate) fn a_running_bottle_is_compared_as_it_is_now(room: &Room) {
    repository(room);
    room.agent("[workspace]\nsource = \"tree\"");
    let id = room.detach(&["sleep", "600"]);
    let nothing = room.bottle(&["diff", &id]).run();
    assert_eq!(nothing.code(0).stdout, "");
    room.exec(&id, &["sh", "-c", "echo one > sub/new; echo two > top"])
        .code(0);
    let text = room.bottle(&["diff", &id, "--json"]).run().ok();
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let paths: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["path"].as_str())
        .collect();
    assert_eq!(paths, ["sub/new", "top"]);

    // Between the look and the taking, a folder here becomes a link that leads away.
    let outside = room.path("outside");
    fs::rename(room.path("tree/sub"), &outside).unwrap();
    symlink(&outside, room.path("tree/sub")).unwrap();
    let before = fs::read_dir(&outside).unwrap().count();
    let pulled = room.bottle(&["pull", &id, "--force"]).run();
    pulled.code(1);
    pulled.says("not taken: `sub/new`");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), before);
    assert_eq!(read(room, "tree/top"), "two\n");
    // The control: where the folder is one, the same file lands.
    room.bottle(&["pull", &id, "sub/new", "--to", "elsewhere"])
        .run()
        .code(0);
    assert_eq!(read(room, "elsewhere/sub/new"), "one\n");

    // What the end of the bottle would take away is saved.
    room.exec(&id, &["sh", "-c", "echo late > late"]).code(0);
    room.bottle(&["stop", &id])
        .run()
        .code(0)
        .says("bottle pull");
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    room.bottle(&["pull", &id, "late"]).run().code(0);
    assert_eq!(read(room, "tree/late"), "late\n");
    room.bottle(&["rm", &id]).run().code(0);
}

pub(crate) fn an_agent_that_ended_by_itself_can_still_be_asked(room: &Room) {
    repository(room);
    room.agent("[workspace]\nsource = \"tree\"");
    let end = |keep: &[&str]| {
        let script = "echo more >> data.txt; exit 3";
        let options = [&["--detach"], keep].concat();
        let call = room.run_call(&options, &["sh", "-c", script]);
        let id = call.run().ok().trim().to_owned();
        until("the agent has ended", DEADLINE, || {
            room.listed(&id).filter(|row| row["status"] == "stopped")
        });
        id
    };
    let id = end(&[]);
    for _ in 0..2 {
        let names = room.bottle(&["diff", &id, "--name-only"]).run().ok();
        assert_eq!(names, "data.txt\n");
        let row = room.listed(&id).unwrap();
        assert_eq!(row["status"], "stopped", "{row}");
        if row["exit"].is_number() {
            assert_eq!(row["exit"], 3, "{row}");
        }
    }
    // Nothing of the agent's is started for that.
    room.exec(&id, &["true"]).code(125);
    room.bottle(&["stop", &id])
        .run()
        .code(0)
        .says("bottle pull");
    assert_eq!(room.engine.holds(&id), Vec::<String>::new());
    room.bottle(&["pull", &id]).run().code(0);
    assert_eq!(read(room, "tree/data.txt"), "data\nmore\n");
}

pub(crate) fn a_tree_that_never_rests_leads_nowhere(room: &Room) {
    repository(room);
    let outside = room.path("outside");
    fs::create_dir(&outside).unwrap();
    room.agent("[workspace]\nsource = \"tree\"");
    let target = outside.display();
    let script = format!(
        "while :; do mkdir -p d/e; echo x > d/e/f; rm -rf d; ln -s {target} d; ln -s / d/e; rm -f d; \
         echo x > g; rm g; mkfifo g; rm g; i=$((i+1)); echo x > n$((i%100)); done"
    );
    let id = room.detach(&["sh", "-c", &script]);
    for _ in 0..5 {
        let shown = room.bottle(&["diff", &id]).run();
        assert_eq!(shown.code, 0, "{shown}");
        let pulled = room.bottle(&["pull", &id, "--force", "--risky"]).run();
        assert!(matches!(pulled.code, 0 | 1), "{pulled}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{pulled}");
    }
    // The control: what it leaves alone for a moment comes home.
    assert!(room.path("tree/n1").exists());
    room.bottle(&["rm", "--force", &id]).run().code(0);
}

pub(crate) fn ten_thousand_files_come_home(room: &Room) {
    repository(room);
    room.agent("[workspace]\nsource = \"tree\"");
    let script =
        "mkdir many; cd many; i=0; while [ $i -lt 10000 ]; do echo $i > f$i; i=$((i+1)); done";
    room.run(&["sh", "-c", script]).code(0).says("10000 new");
    let id = &room.states()[0];
    room.bottle(&["pull", id]).run().code(0);
    assert_eq!(
        fs::read_dir(room.path("tree/many")).unwrap().count(),
        10_000
    );
    assert_eq!(read(room, "tree/many/f9999"), "9999\n");
    assert_eq!(room.states(), Vec::<String>::new());
}

pub(crate) fn a_mounted_workspace_keeps_what_git_takes_orders_from(room: &Room) {
    repository(room);
    git(room, &["config", "core.bare", "false"]);
    fs::remove_dir_all(room.path("tree/.git/hooks")).unwrap();
    open_up(&room.path("tree"));
    room.agent("[workspace]\nsource = \"tree\"\nmode = \"mount\"");
    let config = read(room, "tree/.git/config");
    let script = "echo x > .git/hooks/pre-commit; echo x >> .git/config; mv .git .git2; mkdir .git; \
                  rm -rf .git/hooks; echo mine > .git/description; echo mine > work; true";
    let ran = room.run(&["sh", "-c", script]);
    ran.code(0);
    // The control: what git takes no orders from can be written.
    assert_eq!(read(room, "tree/work"), "mine\n", "{ran}");
    assert_eq!(read(room, "tree/.git/description"), "mine\n", "{ran}");
    assert!(!room.path("tree/.git2").exists(), "{ran}");
    assert_eq!(
        fs::read_dir(room.path("tree/.git/hooks")).unwrap().count(),
        0,
        "{ran}"
    );
    if room.engine.name == "macos-container" {
        // That engine mounts folders only, and it is said.
        ran.says("the agent may write `.git/config`");
    } else {
        assert_eq!(read(room, "tree/.git/config"), config, "{ran}");
    }
}

/// What an agent does that wants to write in a folder of the host, or to be run there.
fn hostile_work(outside: &Path) -> String {
    let target = outside.display();
    format!(
        "ln -s {target} out; ln -s ../outside climb; ln -s loop loop; rm -r sub; ln -s {target} sub; \
         mkfifo pipe; truncate -s 5G sparse; printf x > \"$(printf 'a\\nb')\"; printf x > ./-rf; \
         printf x > \"$(printf 'esc\\033[2J')\"; printf '\\033]0;owned\\007\\n' > data.txt; \
         printf x > \"$(printf 'bad\\377')\"; ln ./-rf hard; printf x > Data.txt; \
         mkdir -p bare/objects; echo ref: refs/heads/x > bare/HEAD; echo evil > bare/config; \
         echo x > .git/refs/heads/agent; mkdir -p .git/hooks .vscode; echo evil > .git/hooks/pre-commit; echo evil >> .git/config; \
         echo '{{}}' > .vscode/tasks.json; printf x > tool; chmod 4755 tool; \
         d=d; for i in 1 2 3 4 5 6; do d=$d/$d; done; mkdir -p $d; echo deep > $d/file"
    )
}

fn repository(room: &Room) {
    room.write("tree/data.txt", "data\n");
    room.write("tree/gone.txt", "gone\n");
    room.write("tree/sub/in.txt", "in\n");
    git(room, &["init", "--quiet"]);
    git(room, &["add", "--all"]);
    git(room, &["commit", "--quiet", "--message=first"]);
}

/// Runs git in the tree, with no settings of the machine's.
fn git(room: &Room, args: &[&str]) -> String {
    let identity = ["-c", "user.name=User", "-c", "user.email=user@example.com"];
    let words = identity.iter().chain(args);
    duct::cmd("git", words)
        .dir(room.path("tree"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stderr_null()
        .unchecked()
        .read()
        .map(|text| if text.is_empty() { text } else { text + "\n" })
        .unwrap()
}

/// Lets the agent's user write everywhere in a tree, whoever runs the test.
fn open_up(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            open_up(&entry.path());
        } else {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o666)).unwrap();
        }
    }
}

fn read(room: &Room, name: &str) -> String {
    fs::read_to_string(room.path(name)).unwrap()
}

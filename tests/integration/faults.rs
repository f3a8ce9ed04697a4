//! Engines and disks that misbehave: a clear error, nothing left, and no hang.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Outcome, Room, Wrapper};

pub(crate) fn half_an_answer_is_an_error_and_leaves_nothing(room: &Room) {
    room.agent("");
    room.run(&["true"]).code(0);
    let whole = Wrapper::new(room);
    whole.run(room, &["true"]).run().code(0);
    // What is asked, and not what is told to be done, has an answer that counts.
    let asked: Vec<usize> = (1..=whole.calls_before_the_agent())
        .filter(|at| {
            let words = whole.words(*at);
            let words = words.trim_end();
            let asks = [
                "info",
                "system status",
                "inspect",
                "container inspect",
                "image inspect",
                "network inspect",
            ];
            let runs = ["provision", "probe", "ctl"];
            asks.iter().any(|ask| words.starts_with(ask))
                || words.starts_with("exec") && runs.iter().any(|run| words.ends_with(run))
        })
        .collect();
    assert!(asked.len() >= 5, "{asked:?}");
    for at in [asked[0], asked[asked.len() / 2], asked[asked.len() - 1]] {
        let wrapper = Wrapper::new(room);
        let failed = wrapper
            .run(room, &["true"])
            .env("HALF_AT", at.to_string())
            .run();
        let words = wrapper.words(at);
        assert_eq!(failed.code, 125, "`{words}`: {failed}");
        assert!(failed.stderr.contains("could not"), "`{words}`: {failed}");
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
        room.bottle(&["clean", "--yes"]).run().code(0);
    }
}

pub(crate) fn an_engine_that_hangs_is_given_up(room: &Room) {
    room.agent("");
    let wrapper = Wrapper::new(room);
    let given_up = wrapper
        .run(room, &["true"])
        .env("HANG_AT", "1")
        .start()
        .wait(Duration::from_secs(30));
    given_up.code(125);
    // The deadline is named, so that nobody has to guess what was waited for.
    given_up.says("within 10s");
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    // The control: without the hang the same wrapper lets it run.
    let wrapper = Wrapper::new(room);
    wrapper.run(room, &["true"]).run().code(0);
}

pub(crate) fn a_full_disk_is_an_error_and_leaves_nothing(room: &Room) {
    if !rustix::process::geteuid().is_root() || cfg!(target_os = "macos") {
        eprintln!("left out: only root on Linux can make a small disk");
        return;
    }
    room.agent("");
    let state = room.path("small");
    let disk = Disk::new(&state);
    let run = |command: &[&str]| -> Outcome {
        room.run_call(&[], command)
            .env("BOTTLE_STATE_DIR", &state)
            .run()
    };
    run(&["true"]).code(0);
    disk.fill();
    let refused = run(&["echo", "ran"]);
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (125, ""),
        "{refused}"
    );
    refused.says("No space left on device");
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    disk.empty();
    // The control: with room again, it goes on, and nothing of before is in the way.
    assert_eq!(run(&["echo", "ran"]).ok(), "ran\n");
    let left = fs::read_dir(&state).unwrap().count();
    assert_eq!(left, 0, "in the state folder");
}

/// A disk of a megabyte, which goes away with this value.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn new(path: &'a Path) -> Self {
        fs::create_dir(path).unwrap();
        duct::cmd!("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path)
            .run()
            .unwrap();
        Self(path)
    }

    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        duct::cmd!("umount", "--lazy", self.0).run().ok();
    }
}

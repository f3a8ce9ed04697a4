//! The agent on a person's terminal: keys, sizes, a paste, and a window that is closed.

use crate::harness::{DEADLINE, Room, Terminal, until};

/// Says which signals and sizes arrive, until it is told to end.
const TELLS: &str = r#"
import os, signal, sys
def size():
    found = os.get_terminal_size()
    return f"{found.lines} {found.columns}"
def tell(number, what):
    # Not by `print`, in whose middle a signal may come.
    signal.signal(number, lambda *_: os.write(1, (what() + "\n").encode()))
tell(signal.SIGWINCH, lambda: "size " + size())
tell(signal.SIGINT, lambda: "interrupted")
tell(signal.SIGTSTP, lambda: "suspended")
print("begins", size(), flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        sys.exit(42)
"#;

/// What a person pastes: a mebibyte, with line ends.
const PASTE: usize = 1 << 20;

pub(crate) fn keys_and_sizes_reach_the_agent(room: &Room) {
    if !can(room) {
        return;
    }
    room.agent("");
    let call = room.run_call(&[], &["python3", "-c", TELLS]);
    let mut terminal = Terminal::start(&call);
    terminal.shows("begins 24 80");
    terminal.resize(40, 132);
    terminal.shows("size 40 132");
    // Ctrl-C is the agent's, once and twice: it may have something to say about it.
    for times in 1..=2 {
        terminal.types(b"\x03");
        until("the agent is interrupted", DEADLINE, || {
            (terminal.shown().matches("interrupted").count() >= times).then_some(())
        });
    }
    // Ctrl-Z is the agent's too: bottle is not suspended by it, and nothing hangs.
    terminal.types(b"\x1a");
    terminal.shows("suspended");
    terminal.types(b"\nend\n");
    assert_eq!(terminal.ends(), 42, "{}", terminal.shown());
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    room.bottle(&["clean", "--yes"]).run().code(0);
}

pub(crate) fn a_large_paste_arrives_whole(room: &Room) {
    if !can(room) {
        return;
    }
    room.agent("");
    let script = format!("stty raw -echo; echo ready; head -c {PASTE} | sha256sum; stty sane");
    let mut terminal = Terminal::start(&room.run_call(&[], &["sh", "-c", &script]));
    terminal.shows("ready");
    let pasted: Vec<u8> = b"A line of some text, and its number.\n"
        .iter()
        .copied()
        .cycle()
        .take(PASTE)
        .collect();
    terminal.types(&pasted);
    assert_eq!(terminal.ends(), 0, "{}", terminal.shown());
    let expected = duct::cmd!("sha256sum").stdin_bytes(pasted).read().unwrap();
    let digest = expected.split_whitespace().next().unwrap();
    assert!(terminal.shown().contains(digest), "{}", terminal.shown());
}

pub(crate) fn a_closed_terminal_takes_everything_down(room: &Room) {
    if !can(room) {
        return;
    }
    room.agent("");
    let terminal = Terminal::start(&room.run_call(&[], &["sh", "-c", "echo here; sleep 600"]));
    terminal.shows("here");
    // The control: all is there until then.
    assert_eq!(room.engine.holds(&room.name).len(), 4);
    terminal.close();
    until("everything is gone", DEADLINE, || {
        room.engine.holds(&room.name).is_empty().then_some(())
    });
    assert_eq!(room.states(), Vec::<String>::new());
}

fn can(room: &Room) -> bool {
    let found = bottle::process::find("setsid", &room.engine.path()).is_ok();
    if !found {
        eprintln!("left out: there is no `setsid` to give a program a terminal");
    }
    found
}

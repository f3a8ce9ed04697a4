//! Runs programs with all three streams at hand.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Asserts that it succeeded without a word of complaint.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self
    }

    /// Asserts that it failed with this code and these words.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(words), "{self:?}");
        self
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests run the program under test; `process` belongs to the other program"
)]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Runs the binary in its guest role.
pub(crate) fn guest<A: AsRef<OsStr>>(args: &[A], input: &[u8]) -> Ended {
    let mut command = command(env!("CARGO_BIN_EXE_bottle-sidecar"));
    run(command.arg("guest").args(args), input)
}

/// Runs a command with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that refuses its input closes it early; what counts is what it says.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    Ended {
        code: status.code(),
        stdout,
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn a_call_that_is_wrong_gets_the_usage() {
    for words in [
        &["fly"][..],
        &[],
        &["init", "x"],
        &["adopt", "x", "1", "/"],
        &["exec", "--"],
        &["resolves"],
        &["resolves", "a.test", "b.test"],
    ] {
        guest(words, b"").failed(2, "usage: guest COMMAND");
    }
}

#[test]
fn messages_that_are_broken_are_refused() {
    for command in ["provision", "probe"] {
        guest(&[command], b"{").failed(1, "broken JSON at line 1");
    }
}

//! Runs real programs: the shell and what every Unix has beside it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bottle_contract::secret::Secret;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::*;

/// Longer than any of these programs needs on a busy machine.
const AMPLE: Duration = Duration::from_secs(30);
/// Long enough to start a shell, short enough to wait for.
const SHORT: Duration = Duration::from_secs(2);
/// The promise of `run`: the deadline, and six seconds for a program that does not want to end.
const PROMISE: Duration = Duration::from_secs(6);

fn shell(script: &str) -> Invocation {
    Invocation::new("/bin/sh", ["-c", script])
}

fn check(script: &str, expected: (i32, &str, &str)) {
    let captured = run(&shell(script), AMPLE).unwrap();
    let seen = (
        captured.status,
        captured.stdout_text(),
        captured.stderr_text(),
    );
    assert_eq!(seen, (expected.0, expected.1.into(), expected.2.into()));
}

#[test]
fn a_status_is_an_answer_and_both_streams_are_kept() {
    check("exit 0", (0, "", ""));
    check("echo out; echo err >&2; exit 37", (37, "out\n", "err\n"));
    check("kill -9 $$", (137, "", ""));
    check("echo $LC_ALL", (0, "C\n", ""));
}

#[test]
fn standard_input_is_closed_unless_given() {
    check("cat; echo end", (0, "end\n", ""));
    let many = vec![b'x'; 300_000];
    for (input, expected) in [
        (Input::Bytes(b"abc".to_vec()), b"abc".to_vec()),
        (Input::Bytes(many.clone()), many),
        (
            Input::Secret(Secret::new("s3cret".to_owned())),
            b"s3cret".to_vec(),
        ),
    ] {
        let captured = run(&shell("cat").with_stdin(input), AMPLE).unwrap();
        assert!(captured.success());
        assert!(captured.stdout == expected);
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"from a file").unwrap();
    file.rewind().unwrap();
    let read = run(&shell("cat").with_stdin(Input::File(Arc::new(file))), AMPLE).unwrap();
    assert_eq!(read.stdout_text(), "from a file");
}

#[test]
fn input_that_is_not_read_does_not_matter() {
    let input = Input::Bytes(vec![0; 1_000_000]);
    let captured = run(&shell("exit 3").with_stdin(input), AMPLE).unwrap();
    assert_eq!(captured.status, 3);
}

#[test]
fn variables_are_added_to_our_own() {
    let invocation = shell("echo $ADDED; test -n \"$PATH\"").with_env("ADDED", "a b");
    let captured = run(&invocation, AMPLE).unwrap();
    assert_eq!(
        (captured.status, captured.stdout_text()),
        (0, "a b\n".into())
    );
}

/// A program that starts another one, which ignores `SIGTERM`, reads a line from `call`, and makes `mark`.
fn parent(folder: &Path) -> Invocation {
    let made = run(&shell(&format!("mkfifo {}/call", folder.display())), AMPLE).unwrap();
    assert!(made.success(), "{}", made.stderr_text());
    let child = "trap '' TERM; exec 3<>call; echo begun; read line <&3; : > mark";
    shell(&format!("cd '{}'; ({child}) & wait", folder.display()))
}

/// Opens the line to the one that reads it; fails when nobody does.
fn call(folder: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK;
    let opened = rustix::fs::open(folder.join("call"), flags, Mode::empty());
    Ok(File::from(opened?))
}

#[test]
fn a_deadline_ends_the_program_and_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let error = run(&parent(folder.path()), SHORT).unwrap_err();
    assert!(begun.elapsed() < SHORT + PROMISE, "{:?}", begun.elapsed());
    let ProcessError::TimedOut { captured, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(captured.stdout_text(), "begun\n");
    assert!(error.to_string().contains("did not end within"), "{error}");
    let nobody = call(folder.path()).unwrap_err();
    assert_eq!(nobody.raw_os_error(), Some(Errno::NXIO.raw_os_error()));
    assert!(!folder.path().join("mark").exists());
}

#[test]
fn what_a_program_started_lives_when_there_is_time() {
    let folder = tempfile::tempdir().unwrap();
    let invocation = parent(folder.path());
    thread::scope(|scope| {
        let running = scope.spawn(|| run(&invocation, AMPLE).unwrap());
        let deadline = Instant::now() + AMPLE;
        let mut line = loop {
            match call(folder.path()) {
                Ok(line) => break line,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::park_timeout(Duration::from_millis(5));
        };
        line.write_all(b"go\n").unwrap();
        assert_eq!(running.join().unwrap().stdout_text(), "begun\n");
    });
    assert!(folder.path().join("mark").exists());
}

#[test]
fn a_descendant_that_holds_the_streams_does_not_hold_us() {
    let begun = Instant::now();
    let captured = run(&shell("echo mine; sleep 20 & exit 5"), AMPLE).unwrap();
    assert_eq!(
        (captured.status, captured.stdout_text()),
        (5, "mine\n".into())
    );
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn output_is_bounded() {
    let bytes = |count: usize| format!("head -c {count} /dev/zero");
    let fits = run(&shell(&bytes(MAX_CAPTURE)), AMPLE).unwrap();
    assert_eq!(fits.stdout.len(), MAX_CAPTURE);
    for (script, expected) in [
        (bytes(MAX_CAPTURE + 1), Stream::Stdout),
        (format!("{} >&2", bytes(MAX_CAPTURE + 1)), Stream::Stderr),
        ("exec cat /dev/zero".to_owned(), Stream::Stdout),
    ] {
        match run(&shell(&script), AMPLE).unwrap_err() {
            ProcessError::TooMuchOutput { stream, .. } => assert_eq!(stream, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn of_a_long_log_both_ends_are_kept() {
    let script = format!(
        "echo first; head -c {} /dev/zero; echo last",
        3 * MAX_CAPTURE
    );
    let skimmed = skim(&shell(&script), AMPLE).unwrap();
    let text = skimmed.stdout_text();
    assert!(text.starts_with("first\n") && text.ends_with("last\n"));
    assert!(text.contains(" bytes are left out here]"));
    assert!(skimmed.stdout.len() < MAX_CAPTURE + 100);
    // What is not too long is whole.
    let short = skim(&shell("echo out; echo err >&2; exit 3"), AMPLE).unwrap();
    assert_eq!(
        (short.status, &*short.stdout_text(), &*short.stderr_text()),
        (3, "out\n", "err\n")
    );
}

#[test]
fn a_producer_feeds_standard_input() {
    let captured = feed(&shell("cat"), AMPLE, |pipe| pipe.write_all(b"produced")).unwrap();
    assert_eq!(captured.stdout_text(), "produced");
}

#[test]
fn half_of_what_a_producer_meant_is_never_taken_for_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let script = format!("cat >/dev/null && : > '{}'", whole.display());
    let error = feed(&shell(&script), AMPLE, |pipe| {
        pipe.write_all(b"half")?;
        Err(io::Error::other("the source file went away"))
    })
    .unwrap_err();
    assert!(matches!(error, ProcessError::Feed { .. }), "{error:?}");
    assert!(!whole.exists());
    feed(&shell(&script), AMPLE, |pipe| pipe.write_all(b"all of it")).unwrap();
    assert!(whole.exists());
}

#[test]
fn a_consumer_reads_standard_output() {
    let drained = drain(
        &shell("cat; echo oops >&2; exit 4").with_stdin(Input::Bytes(b"abc".to_vec())),
        AMPLE,
        |pipe| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text)
        },
    )
    .unwrap();
    assert_eq!(
        (drained.captured.status, drained.captured.stderr_text()),
        (4, "oops\n".into())
    );
    assert_eq!(drained.value.unwrap(), "abc");
}

#[test]
fn a_consumer_that_never_ends_meets_the_deadline() {
    let begun = Instant::now();
    let result = drain(&shell("sleep 20 & exit 0"), SHORT, |pipe| {
        pipe.read_to_end(&mut Vec::new())
    });
    assert!(
        matches!(result, Err(ProcessError::TimedOut { .. })),
        "{result:?}"
    );
    assert!(begun.elapsed() < SHORT + PROMISE);
}

#[test]
fn what_cannot_be_started_says_so() {
    let error = run(&Invocation::new("/nowhere/engine", ["ps"]), AMPLE).unwrap_err();
    assert!(matches!(error, ProcessError::NotFound { .. }), "{error:?}");
    assert!(error.hint().is_some());
    let error = run(&Invocation::new("/dev/null", ["ps"]), AMPLE).unwrap_err();
    assert!(matches!(error, ProcessError::Spawn { .. }), "{error:?}");
}

#[test]
fn programs_are_found_in_absolute_folders_only() {
    assert_eq!(
        find("sh", OsStr::new("/nowhere:/bin"))
            .unwrap()
            .file_name()
            .unwrap(),
        "sh"
    );
    for path in ["", "/nowhere", ".", "bin"] {
        let error = find("sh", OsStr::new(path)).unwrap_err();
        assert!(
            matches!(error, ProcessError::NotFound { .. }),
            "{path}: {error:?}"
        );
    }
}

#[test]
fn an_invocation_prints_as_a_line_for_a_shell() {
    let invocation = Invocation::new(
        "/bin/sh",
        [
            "-c",
            "printf '%s|' \"$@\"",
            "x",
            "a b",
            "",
            "it's",
            "--k=v",
            "$HOME",
        ],
    )
    .with_env("KEY", "a value");
    let direct = run(&invocation, AMPLE).unwrap();
    assert_eq!(direct.stdout_text(), "a b||it's|--k=v|$HOME|");
    let pasted = run(&shell(&invocation.to_string()), AMPLE).unwrap();
    assert_eq!(pasted, direct);
}

#[test]
fn a_secret_on_standard_input_is_not_printed() {
    let invocation = shell("cat").with_stdin(Input::Secret(Secret::new("hunter2".to_owned())));
    let shown = format!("{invocation} {invocation:?} {:?}", invocation.stdin);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("[redacted]"), "{shown}");
    let error = run(&shell("sleep 20").with_stdin(invocation.stdin), SHORT).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn an_attached_program_can_be_watched_and_ended() {
    let ended = attach(&shell("exit 9"), Errors::Apart).unwrap();
    assert_eq!(ended.wait_timeout(AMPLE).unwrap(), Some(9));
    assert_eq!(ended.try_wait().unwrap(), Some(9));
    ended.terminate().unwrap();

    let running = follow(&shell("cat; exec sleep 20")).unwrap();
    assert_eq!(
        running.wait_timeout(Duration::from_millis(50)).unwrap(),
        None
    );
    assert!(running.pid() > 1);
    running.terminate().unwrap();
    assert_eq!(running.wait_timeout(AMPLE).unwrap(), Some(143));

    let stubborn = follow(&shell("trap '' TERM; sleep 20")).unwrap();
    stubborn.kill().unwrap();
    assert_eq!(stubborn.wait_timeout(AMPLE).unwrap(), Some(137));
}

#[test]
fn a_program_is_ended_when_it_is_not_wanted_any_more() {
    let begun = Instant::now();
    let cancelled = run_while(&shell("sleep 60"), AMPLE, &|| begun.elapsed() < SHORT / 4);
    assert!(
        matches!(cancelled, Err(ProcessError::Cancelled { .. })),
        "{cancelled:?}"
    );
    assert!(begun.elapsed() < PROMISE);
    // The same program to its end, with more output than a pipe holds.
    let many = run_while(&shell("head -c 300000 /dev/zero"), AMPLE, &|| true).unwrap();
    assert_eq!((many.status, many.stdout.len()), (0, 300_000));
}

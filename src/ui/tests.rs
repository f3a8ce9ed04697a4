//! Tests of what is printed, on streams and a terminal of their own.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread;

use bottle_contract::secret::Secret;
use indicatif::{MultiProgress, ProgressDrawTarget};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::ask::{ask_on, read_secret};
use super::screen::Paint;
use super::text::elapsed;
use super::*;
use crate::error::Error;

#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Returns what is printed to standard output and to standard error.
fn printed(progress: Progress, paint: Paint, act: impl FnOnce(&Ui)) -> (String, String) {
    let (out, err) = (Stream::default(), Stream::default());
    let ui = Ui::on(
        Box::new(out.clone()),
        Box::new(err.clone()),
        None,
        progress,
        paint,
    );
    act(&ui);
    (out.text(), err.text())
}

fn plain(act: impl FnOnce(&Ui)) -> (String, String) {
    printed(Progress::Shown, Paint::Plain, act)
}

/// Replaces times, which differ from run to run.
fn timeless(text: &str) -> String {
    text.lines()
        .map(|line| {
            match line.rfind(|letter: char| !(letter.is_ascii_digit() || " .s".contains(letter))) {
                Some(end) => format!("{}\n", &line[..line.ceil_char_boundary(end + 1)]),
                None => format!("{line}\n"),
            }
        })
        .collect()
}

#[test]
fn tables_are_aligned_and_harmless() {
    let rows = [
        vec![
            "reviewer-abcdef".to_owned(),
            "running".to_owned(),
            "x".to_owned(),
        ],
        vec!["ü\u{1b}[31m".to_owned(), "a\nb".to_owned()],
    ];
    let (out, err) = plain(|ui| ui.table(&["ID", "STATUS", "AGENT"], &rows).unwrap());
    assert_eq!(
        out,
        "ID               STATUS   AGENT\n\
         reviewer-abcdef  running  x\n\
         ü\\u{1b}[31m      a\\nb\n"
    );
    assert_eq!(err, "");
}

#[test]
fn data_goes_to_one_stream_and_words_to_the_other() {
    let (out, err) = plain(|ui| {
        ui.note("hello");
        ui.data("line\n").unwrap();
        ui.json(&serde_json::json!({"a": 1})).unwrap();
        ui.json_line(&serde_json::json!({"a": 1})).unwrap();
        ui.warn("first\nsecond");
    });
    assert_eq!(out, "line\n{\n  \"a\": 1\n}\n{\"a\":1}\n");
    assert_eq!(err, "hello\nwarning: first\n  second\n");
}

#[test]
fn what_others_wrote_cannot_command_the_terminal() {
    let evil = "a\x1b]0;title\x07\u{9b}2J\rb";
    let error = || Error::engine(anyhow::anyhow!(evil)).hint(evil);
    for paint in [Paint::Plain, Paint::Coloured] {
        let (_, err) = printed(Progress::Shown, paint, |ui| {
            ui.note(evil);
            ui.warn(evil);
            ui.error(&error());
            ui.phase(evil).done();
        });
        for bad in ["\x1b]", "\x07", "\u{9b}", "\r"] {
            assert!(!err.contains(bad), "{err:?}");
        }
        assert_eq!(
            err.contains("\x1b[1;31merror:\x1b[0m"),
            paint == Paint::Coloured
        );
    }
}

#[test]
fn phases_are_lines_without_a_terminal() {
    let (out, err) = plain(|ui| {
        let outer = ui.phase("network");
        ui.phase("sidecar").done();
        outer.done();
        drop(ui.phase("seal"));
    });
    assert_eq!(out, "");
    assert_eq!(
        timeless(&err),
        "==> sidecar …\n==> network …\n==> seal … failed after\n"
    );
}

#[test]
fn phases_can_be_silent_and_give_the_terminal_away() {
    let (_, err) = printed(Progress::Silent, Paint::Plain, |ui| {
        ui.phase("network").done();
        ui.warn("still said");
    });
    assert_eq!(err, "warning: still said\n");
    let (_, err) = plain(|ui| {
        let released = ui.release();
        ui.phase("hidden").done();
        drop(released);
        ui.phase("shown").done();
    });
    assert_eq!(timeless(&err), "==> shown …\n");
}

#[test]
fn phases_run_side_by_side() {
    let (_, err) = plain(|ui| {
        thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn(move || ui.phase(&format!("phase {number} of many")).done());
            }
        });
    });
    let mut lines: Vec<String> = timeless(&err).lines().map(str::to_owned).collect();
    lines.sort();
    let expected: Vec<String> = (0..8)
        .map(|number| format!("==> phase {number} of many …"))
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn spinners_do_not_stand_in_each_others_way() {
    let (out, err) = (Stream::default(), Stream::default());
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
    let (out_end, err_end) = (Box::new(out.clone()), Box::new(err.clone()));
    let ui = Ui::on(out_end, err_end, Some(bars), Progress::Shown, Paint::Plain);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let outer = ui.phase("outer");
                ui.note("meanwhile");
                drop(ui.phase("inner"));
                outer.done();
            });
        }
    });
    let open = ui.phase("open");
    drop(ui.release());
    open.done();
    let lines = timeless(&err.text());
    let count = |wanted: &str| lines.lines().filter(|line| *line == wanted).count();
    assert_eq!((count("meanwhile"), count("==> outer …")), (4, 4));
    assert_eq!(
        (count("==> inner … failed after"), count("==> open …")),
        (4, 1)
    );
    assert_eq!(out.text(), "");
}

#[test]
fn times_are_for_people() {
    for (millis, expected) in [
        (0, "0.0 s"),
        (349, "0.3 s"),
        (59_999, "59.9 s"),
        (125_000, "2 min 5 s"),
    ] {
        assert_eq!(elapsed(std::time::Duration::from_millis(millis)), expected);
    }
}

#[test]
fn a_secret_is_typed_with_corrections() {
    for (typed, expected) in [
        ("abc\n", Ok("abc")),
        ("abc\r", Ok("abc")),
        ("abd\x7fc\n", Ok("abc")),
        ("aé\x08bc\n", Ok("abc")),
        ("\x7fwrong\x15abc\n", Ok("abc")),
        ("\n", Ok("")),
        ("abc\x03\n", Err("the question was not answered")),
        ("abc", Err("the question was not answered")),
    ] {
        let read = read_secret(&mut typed.as_bytes());
        let read = read.as_ref().map(Secret::expose);
        match expected {
            Ok(text) => assert_eq!(read.unwrap(), text, "{typed:?}"),
            Err(text) => assert_eq!(read.unwrap_err().to_string(), text, "{typed:?}"),
        }
    }
    let long = read_secret(&mut io::repeat(b'x'));
    assert!(matches!(long, Err(AskError::NotText)));
    assert!(read_secret(&mut &b"\xff\n"[..]).is_err());
}

/// Makes a terminal: the side where a person types, and the side where a program asks.
fn terminal() -> (File, File) {
    let person: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let path = std::path::Path::new(name.to_str().unwrap());
    let program = File::options().read(true).write(true).open(path).unwrap();
    (File::from(person), program)
}

fn read_until(person: &mut File, end: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).ends_with(end) {
        person.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn a_secret_is_not_echoed_and_the_terminal_is_restored() {
    for (typed, good) in [("hunter2\r", true), ("hunter2\x03", false)] {
        let (mut person, mut program) = terminal();
        let before = tcgetattr(&program).unwrap();
        assert!(before.local_modes.contains(LocalModes::ECHO));
        thread::scope(|scope| {
            let asked = scope.spawn(|| ask_on(&mut program, "Passcode"));
            // The prompt is written once the echo is off.
            let mut seen = read_until(&mut person, "Passcode: ");
            person.write_all(typed.as_bytes()).unwrap();
            seen += &read_until(&mut person, "\n");
            assert_eq!(seen, "Passcode: \r\n");
            assert_eq!(asked.join().unwrap().is_ok(), good);
        });
        let after = tcgetattr(&program).unwrap();
        assert_eq!(after.local_modes, before.local_modes);
        // The positive control: this terminal does echo.
        person.write_all(b"seen\r").unwrap();
        assert_eq!(read_until(&mut person, "\n"), "seen\r\n");
    }
}

//! A terminal of the test's own, with a program in its foreground.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::call::Call;
use super::wait::{DEADLINE, until};

/// A terminal and the program that has it. The terminal closes when this is dropped.
pub(crate) struct Terminal {
    ours: File,
    shown: Arc<Mutex<Vec<u8>>>,
    program: duct::Handle,
    closed: Arc<AtomicBool>,
    reader: thread::JoinHandle<()>,
}

impl Terminal {
    /// Starts a program as the leader of a session that has a terminal of 24 rows and 80 columns.
    pub(crate) fn start(call: &Call) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let theirs = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap()
        };
        let ours = File::from(master);
        size(&ours, 24, 80);
        // `setsid` is what gives a session a terminal without a line of unsafe code.
        let mut words = vec![
            "--ctty".into(),
            "--wait".into(),
            call.program.clone().into(),
        ];
        words.extend(call.args.iter().cloned());
        let mut command = duct::cmd("setsid", words)
            .full_env(&call.env)
            .env("TERM", "xterm")
            .stdin_file(theirs())
            .stdout_file(theirs())
            .stderr_file(theirs())
            .unchecked();
        if let Some(folder) = &call.folder {
            command = command.dir(folder);
        }
        let program = command.start().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let (from, to) = (ours.try_clone().unwrap(), Arc::clone(&shown));
            let closed = Arc::clone(&closed);
            move || read(from, &to, &closed)
        });
        Self {
            ours,
            shown,
            program,
            closed,
            reader,
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &[u8]) {
        self.ours.write_all(keys).unwrap();
    }

    /// Makes the window another size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        size(&self.ours, rows, columns);
    }

    /// Returns all that was shown.
    pub(crate) fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until a text is shown.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.shown().contains(text) {
            assert!(
                Instant::now() < deadline,
                "no `{text}` in: {}",
                self.shown()
            );
            let ended = self.program.try_wait().unwrap().is_some();
            assert!(
                !ended || self.shown().contains(text),
                "it ended: {}",
                self.shown()
            );
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits for the program's end, and returns its status.
    #[track_caller]
    pub(crate) fn ends(&self) -> i32 {
        until("the program ends", DEADLINE, || {
            self.program
                .try_wait()
                .unwrap()
                .map(|output| output.status.code().unwrap_or(-1))
        })
    }

    /// Closes the window, as a person does who has had enough, and waits for the program's end.
    #[track_caller]
    pub(crate) fn close(self) {
        self.closed.store(true, Ordering::Release);
        self.reader.join().unwrap();
        drop(self.ours);
        let program = self.program;
        until("the program ends", DEADLINE, || {
            program.try_wait().unwrap().map(drop)
        });
    }
}

fn read(mut from: File, to: &Mutex<Vec<u8>>, closed: &AtomicBool) {
    let mut bytes = [0; 4096];
    let look = Timespec {
        tv_sec: 0,
        tv_nsec: 20_000_000,
    };
    while !closed.load(Ordering::Acquire) {
        let ready = poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&look)).unwrap();
        if ready == 0 {
            continue;
        }
        // The terminal reports an error when the last of its programs has gone.
        let Ok(read @ 1..) = from.read(&mut bytes) else {
            return;
        };
        let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
        to.extend_from_slice(&bytes[..read]);
    }
}

fn size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}

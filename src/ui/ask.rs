//! Asks people: only on a terminal, and never echoes a secret.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};

use bottle_contract::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use thiserror::Error;

use super::screen::{Progress, Ui};
use super::text::printable_line;

/// The longest secret that can be typed; a bound for a terminal that never sends a line break.
const MAX_SECRET: usize = 4096;
/// The longest answer to a question.
const MAX_ANSWER: u64 = 256;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody is there to ask.
    #[error("there is no terminal to ask on")]
    NoTerminal,
    /// The user pressed Ctrl-C or Ctrl-D.
    #[error("the question was not answered")]
    Interrupted,
    /// What was typed is too long, or no text.
    #[error("what was typed is longer than {MAX_SECRET} bytes, or not UTF-8")]
    NotText,
    /// The terminal failed.
    #[error("the terminal could not be used")]
    Terminal(#[source] io::Error),
}

impl Ui {
    /// Tells whether a person can be asked and can read the question.
    pub fn can_ask(&self) -> bool {
        self.progress() != Progress::Events && can_ask()
    }

    /// Asks a question; anything but `y` or `yes` is a no.
    pub fn confirm(&self, question: &str) -> Result<bool, AskError> {
        if !self.can_ask() {
            return Err(AskError::NoTerminal);
        }
        let mut answer = String::new();
        self.undrawn(|| {
            self.write_line(&format!("{} [y/N]", printable_line(question)));
            io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer)
        })
        .map_err(AskError::Terminal)?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    /// Asks for a secret on the terminal itself, whatever the streams are. Nothing is echoed.
    pub fn ask_secret(&self, prompt: &str) -> Result<Secret, AskError> {
        if self.progress() == Progress::Events {
            return Err(AskError::NoTerminal);
        }
        let open = File::options().read(true).write(true).open("/dev/tty");
        let mut terminal = open.map_err(|_| AskError::NoTerminal)?;
        self.undrawn(|| ask_on(&mut terminal, prompt))
    }
}

/// Tells whether a person can be asked and can read the question.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

pub(super) fn ask_on(terminal: &mut File, prompt: &str) -> Result<Secret, AskError> {
    let handle = terminal.try_clone().map_err(AskError::Terminal)?;
    let silence = Silence::begin(handle.as_fd())?;
    write!(terminal, "{}: ", printable_line(prompt)).map_err(AskError::Terminal)?;
    let secret = read_secret(terminal);
    drop(silence);
    // The line break that was not echoed.
    writeln!(terminal).map_err(AskError::Terminal)?;
    secret
}

/// A terminal that neither echoes nor sends signals, until this is dropped.
///
/// Ctrl-C is read as a byte: a signal would end the process with the echo off.
struct Silence<'fd> {
    terminal: BorrowedFd<'fd>,
    before: Termios,
}

impl<'fd> Silence<'fd> {
    fn begin(terminal: BorrowedFd<'fd>) -> Result<Self, AskError> {
        let failed = |error: rustix::io::Errno| AskError::Terminal(error.into());
        let before = tcgetattr(terminal).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // There is no other way to mend a terminal that refuses its own settings.
        tcsetattr(self.terminal, OptionalActions::Flush, &self.before).ok();
    }
}

/// Reads one line, byte by byte, with the keys that correct it.
pub(super) fn read_secret(input: &mut impl Read) -> Result<Secret, AskError> {
    const END_OF_TEXT: u8 = 0x03;
    const END_OF_FILE: u8 = 0x04;
    const BACKSPACE: u8 = 0x08;
    const ERASE_LINE: u8 = 0x15;
    const DELETE: u8 = 0x7f;
    // All of it at once: a vector that grows would leave copies of the secret behind.
    let mut typed = Vec::with_capacity(MAX_SECRET);
    let mut byte = [0];
    loop {
        let [key] = match input.read(&mut byte).map_err(AskError::Terminal)? {
            0 => [END_OF_FILE],
            _ => byte,
        };
        match key {
            b'\n' | b'\r' => break,
            END_OF_TEXT | END_OF_FILE => return Err(AskError::Interrupted),
            BACKSPACE | DELETE => erase_letter(&mut typed),
            ERASE_LINE => typed.clear(),
            _ if typed.len() == MAX_SECRET => return Err(AskError::NotText),
            _ => typed.push(key),
        }
    }
    String::from_utf8(typed)
        .map(Secret::new)
        .map_err(|_| AskError::NotText)
}

/// Takes the last letter away, with all the bytes that it has in UTF-8.
fn erase_letter(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

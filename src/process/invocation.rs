//! What is to be run, as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bottle_contract::secret::Secret;

/// A program and all that it is given. `Display` prints a line that pastes into a shell.
///
/// Neither `args` nor `env` may hold a secret: other users can read both. [`Input::Secret`] is the
/// way in for one.
#[derive(Clone)]
pub struct Invocation {
    /// The program, as an absolute path: see [`find`](super::find).
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub args: Vec<OsString>,
    /// Variables on top of bottle's own environment.
    pub env: BTreeMap<OsString, OsString>,
    /// What it reads on standard input.
    pub stdin: Input,
}

/// What a program reads on standard input.
#[derive(Clone)]
pub enum Input {
    /// Nothing: the end comes at once.
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This text, which is never printed.
    Secret(Secret),
    /// What is left of this file.
    File(Arc<File>),
}

impl Invocation {
    /// Makes an invocation with nothing on standard input and no more variables.
    pub fn new<I>(program: impl Into<PathBuf>, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            stdin: Input::Null,
        }
    }

    /// Returns the invocation with this on standard input.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Input) -> Self {
        self.stdin = stdin;
        self
    }

    /// Returns the invocation with one more variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            // The name stays unquoted, since a shell reads a quoted one as a program.
            write!(out, "{}={} ", name.to_string_lossy(), quoted(value))?;
        }
        out.write_str(&quoted(self.program.as_os_str()))?;
        for arg in &self.args {
            write!(out, " {}", quoted(arg))?;
        }
        match &self.stdin {
            Input::Null => Ok(()),
            stdin @ (Input::Bytes(_) | Input::Secret(_) | Input::File(_)) => {
                write!(out, "  # reads {stdin}")
            }
        }
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Invocation({self})")
    }
}

impl fmt::Display for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("nothing"),
            Self::Bytes(bytes) => write!(out, "{} bytes", bytes.len()),
            Self::Secret(secret) => write!(out, "{secret}"),
            Self::File(_) => out.write_str("a file"),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Input({self})")
    }
}

/// Quotes one word for a POSIX shell, where it needs that.
fn quoted(word: &OsStr) -> String {
    const PLAIN: &str = "-_./:=@%+,";
    let word = word.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || PLAIN.contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

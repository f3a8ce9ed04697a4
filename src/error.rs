//! The error at the edge: what kind it is, what led to it, and what to do about it.

use std::fmt;
use std::io;

use crate::env::EnvError;
use crate::exit::Exit;
use crate::process::ProcessError;

/// The result of what a verb does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a verb was not done.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: anyhow::Error,
    hints: Vec<String>,
}

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The user can mend it: a manifest, a file, a choice.
    User,
    /// An engine, or another program, failed.
    Engine,
    /// A defect of bottle.
    Internal,
}

/// A part of an error, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What went wrong.
    Error,
    /// What led to it.
    Cause,
    /// What to do about it.
    Hint,
}

impl Error {
    /// Makes an error about the command line.
    pub fn usage(source: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Usage, source)
    }

    /// Makes an error that the user can mend.
    pub fn user(source: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::User, source)
    }

    /// Makes an error of an engine or another program.
    pub fn engine(source: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Engine, source)
    }

    /// Makes an error that is a defect of bottle.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Internal, source)
            .hint("this is a defect of bottle: please report it with the command that you ran")
    }

    fn new(kind: Kind, source: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            source: source.into(),
            hints: Vec::new(),
        }
    }

    /// Adds what was being done when it happened.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.source = self.source.context(context);
        self
    }

    /// Adds what to do about it. Hints are shown in the order in which they were added.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what to do about it, where that is known.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Returns whose move it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the chain of what went wrong, for a caller that looks for one cause.
    pub fn chain(&self) -> anyhow::Chain<'_> {
        self.source.chain()
    }

    /// Tells whether whoever read our output has gone, which is no reason to complain.
    pub fn is_broken_pipe(&self) -> bool {
        self.chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns the status for a verb that has no agent's status to pass on.
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::Usage => Exit::Usage,
            Kind::User | Kind::Engine | Kind::Internal => Exit::Failure,
        }
    }

    /// Returns the status for `run` and `exec`, whose other statuses are the agent's.
    pub fn exit_beside_agent(&self) -> Exit {
        match self.kind {
            Kind::Usage => Exit::Usage,
            Kind::User | Kind::Engine | Kind::Internal => Exit::Bottle,
        }
    }

    /// Returns what is shown, part by part.
    pub fn parts(&self) -> Vec<(Part, String)> {
        let mut parts: Vec<(Part, String)> = Vec::new();
        for cause in self.chain() {
            let text = cause.to_string();
            let part = match parts.last() {
                // A wrapper that only repeats what it wraps adds nothing.
                Some((_, last)) if *last == text => continue,
                Some(_) => Part::Cause,
                None => Part::Error,
            };
            parts.push((part, text));
        }
        parts.extend(self.hints.iter().map(|hint| (Part::Hint, hint.clone())));
        parts
    }
}

impl Part {
    /// Returns the word in front of it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Cause => "caused by",
            Self::Hint => "hint",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .parts()
            .iter()
            .map(|(part, text)| format!("{}: {text}", part.label()))
            .collect();
        out.write_str(&lines.join("\n"))
    }
}

impl From<ProcessError> for Error {
    fn from(error: ProcessError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::engine(error).maybe_hint(hint)
    }
}

impl From<EnvError> for Error {
    fn from(error: EnvError) -> Self {
        let hint = error.hint();
        Self::user(error).hint(hint)
    }
}

/// What fails on our own streams fails for the user to mend: a full disk, a closed pipe.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::user(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_chain_and_its_hints() {
        let missing = ProcessError::NotFound {
            program: "docker".to_owned(),
            hint: "install it".to_owned(),
        };
        let error = Error::from(missing)
            .context("could not look for bottles")
            .hint("look at `bottle doctor`");
        assert_eq!(
            error.to_string(),
            "error: could not look for bottles\n\
             caused by: the program `docker` was not found\n\
             hint: install it\n\
             hint: look at `bottle doctor`"
        );
        assert_eq!(error.kind(), Kind::Engine);
    }

    #[test]
    fn a_wrapper_that_repeats_is_left_out() {
        let error = Error::user(anyhow::anyhow!("same").context("same").context("other"));
        assert_eq!(error.to_string(), "error: other\ncaused by: same");
    }

    #[test]
    fn the_kind_and_the_verb_decide_the_status() {
        for (error, plain, beside) in [
            (Error::usage(anyhow::anyhow!("x")), Exit::Usage, Exit::Usage),
            (
                Error::user(anyhow::anyhow!("x")),
                Exit::Failure,
                Exit::Bottle,
            ),
            (
                Error::engine(anyhow::anyhow!("x")),
                Exit::Failure,
                Exit::Bottle,
            ),
            (
                Error::internal(anyhow::anyhow!("x")),
                Exit::Failure,
                Exit::Bottle,
            ),
        ] {
            assert_eq!((error.exit(), error.exit_beside_agent()), (plain, beside));
        }
    }

    #[test]
    fn a_reader_that_left_is_recognised() {
        let left = Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("printing");
        assert!(left.is_broken_pipe());
        assert!(!Error::from(io::Error::from(io::ErrorKind::NotFound)).is_broken_pipe());
    }
}

//! How a command fails, in Apple's words.
//!
//! The texts follow Apple's error types (§2.0): a plain error prints its message and its cause; what
//! is collected from several ids, and what `build` wraps, carries the code in front.

/// Apple's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Anything else.
    Unknown,
    /// The value makes no sense.
    InvalidArgument,
    /// The service failed.
    InternalError,
    /// The name is taken.
    Exists,
    /// There is no such thing.
    NotFound,
    /// Not in this state.
    InvalidState,
    /// Not at all.
    Unsupported,
    /// The connection broke.
    Interrupted,
}

impl Code {
    /// Returns the name that Apple prints.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalidArgument",
            Self::InternalError => "internalError",
            Self::Exists => "exists",
            Self::NotFound => "notFound",
            Self::InvalidState => "invalidState",
            Self::Unsupported => "unsupported",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a command ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An error of the runtime: status 1.
    Error {
        /// Its code.
        code: Code,
        /// Its message.
        message: String,
        /// What lies below it.
        cause: Option<Box<Self>>,
    },
    /// An error of another type, which prints just its text: status 1.
    Other(String),
    /// A `ValidationError`: status 64 and the usage.
    Validation(String),
    /// Several ids failed, each for its own reason: status 1.
    Several(Vec<Self>),
    /// An error that `build` wraps (§2.3): its code is printed, too.
    Wrapped(Box<Self>),
    /// The process's own status, silently.
    Status(u8),
}

/// What every command returns.
pub(crate) type Done = Result<(), Failure>;

impl Failure {
    /// Makes an error of the runtime.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Error {
            code,
            message: message.into(),
            cause: None,
        }
    }

    /// Makes an `invalidArgument`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// Makes a `notFound`.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Makes the error for what Apple's CLI does and the stand-in does not.
    pub(crate) fn lacking(what: &str) -> Self {
        Self::new(
            Code::Unsupported,
            format!("the stand-in for `container` lacks {what}"),
        )
    }

    /// Wraps this error as the cause of an `internalError`.
    #[must_use]
    pub(crate) fn because(self, message: impl Into<String>) -> Self {
        Self::Error {
            code: Code::InternalError,
            message: message.into(),
            cause: Some(Box::new(self)),
        }
    }

    /// Returns the status to end with.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Validation(_) => 64,
            Self::Status(status) => *status,
            Self::Error { .. } | Self::Other(_) | Self::Several(_) | Self::Wrapped(_) => 1,
        }
    }

    /// Returns what is printed after `Error: `, if anything is.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Status(_) => None,
            Self::Error { message, cause, .. } => {
                Some(with_cause(message.clone(), cause.as_deref()))
            }
            Self::Other(text) | Self::Validation(text) => Some(text.clone()),
            Self::Several(failures) => {
                let lines: Vec<String> = failures.iter().map(Self::described).collect();
                Some(lines.join("\n"))
            }
            Self::Wrapped(failure) => Some(failure.described()),
        }
    }

    /// Returns the text with the code in front, as `String(describing:)` gives it.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Error {
                code,
                message,
                cause,
            } => with_cause(
                format!("{}: \"{message}\"", code.as_str()),
                cause.as_deref(),
            ),
            Self::Other(_)
            | Self::Validation(_)
            | Self::Several(_)
            | Self::Wrapped(_)
            | Self::Status(_) => self.text().unwrap_or_default(),
        }
    }
}

fn with_cause(text: String, cause: Option<&Failure>) -> String {
    match cause {
        Some(cause) => format!("{text} (cause: \"{}\")", cause.described()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_apples() {
        let failure =
            Failure::missing("container with ID x not found").because("failed to delete container");
        assert_eq!(
            failure.text().as_deref(),
            Some(
                "failed to delete container (cause: \"notFound: \"container with ID x not found\"\")"
            )
        );
        assert_eq!(
            Failure::Several(vec![failure]).text().as_deref(),
            Some(
                "internalError: \"failed to delete container\" (cause: \"notFound: \"container with \
                 ID x not found\"\")"
            )
        );
        assert_eq!(Failure::Status(3).text(), None);
        assert_eq!(Failure::Status(3).status(), 3);
        assert_eq!(Failure::Validation("x".into()).status(), 64);
    }
}

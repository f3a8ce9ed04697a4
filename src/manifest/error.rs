//! The one error of this floor: what is wrong, where, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use super::place::{Place, Source};

/// Why a manifest cannot be used. Shows on one line; [`ManifestError::excerpt`] has the line of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct ManifestError(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    place: Option<Place>,
    message: String,
    remedy: Option<String>,
    excerpt: Option<String>,
}

impl ManifestError {
    /// Returns where the fault is, when it is at one place of a file.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// Returns the line of the file with carets under the fault, as three lines of text.
    pub fn excerpt(&self) -> Option<&str> {
        self.0.excerpt.as_deref()
    }

    /// Makes an error about a range of a file.
    pub(super) fn at(source: &Source, span: &Range<usize>, message: impl Into<String>) -> Self {
        let mut error = Self::new(message);
        error.0.place = Some(source.place(span));
        error.0.excerpt = Some(source.excerpt(span));
        error
    }

    /// Makes an error about a place whose file is no longer at hand.
    pub(super) fn at_place(place: &Place, message: impl Into<String>) -> Self {
        let mut error = Self::new(message);
        error.0.place = Some(place.clone());
        error
    }

    /// Makes an error about a whole file.
    pub(super) fn about(file: &Path, message: &str) -> Self {
        Self::new(format!("`{}` {message}", file.display()))
    }

    /// Makes an error that stands nowhere in a file.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            place: None,
            message: message.into(),
            remedy: None,
            excerpt: None,
        }))
    }

    /// Adds what to do about it.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }
}

impl std::error::Error for ManifestError {}

impl fmt::Debug for ManifestError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(out, "{place}: ")?;
        }
        out.write_str(&self.0.message)?;
        if let Some(remedy) = &self.0.remedy {
            write!(out, "; {remedy}")?;
        }
        Ok(())
    }
}

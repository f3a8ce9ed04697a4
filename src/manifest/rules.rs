//! Files of rules, as far as they are read before a bottle starts: their patterns are compiled by the
//! sidecar, which says what is wrong with them.

use serde::Deserialize;
use toml::{Spanned, Value};

use super::error::ManifestError;
use super::place::Source;

/// What a file must have, and what it may not.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    rules: Vec<Spanned<Rule>>,
    extend: Option<Spanned<Value>>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    id: Option<String>,
    required: Option<Spanned<Value>>,
}

/// Checks that a file is one of rules, and needs nothing that is not supported.
pub(super) fn check(source: &Source) -> Result<(), ManifestError> {
    let document: Document = toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', " ");
        ManifestError::at(source, &span, message)
            .remedy("a file of rules is in the format of gitleaks 8")
    })?;
    if let Some(extend) = &document.extend {
        return Err(
            ManifestError::at(source, &extend.span(), "`extend` is not supported")
                .remedy("name both files in `rules`"),
        );
    }
    for rule in &document.rules {
        if let Some(required) = &rule.as_ref().required {
            return Err(
                ManifestError::at(source, &required.span(), "`required` is not supported")
                    .remedy("remove it, or the rule"),
            );
        }
        let id = rule.as_ref().id.as_deref();
        if id.is_none_or(str::is_empty) {
            return Err(
                ManifestError::at(source, &rule.span(), "a rule has no `id`").remedy("add one"),
            );
        }
    }
    Ok(())
}

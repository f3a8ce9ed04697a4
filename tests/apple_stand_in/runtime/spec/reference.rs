//! References of images (§2.3).

use crate::runtime::failure::Failure;

/// A reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The registry, when one is named.
    pub(crate) registry: Option<String>,
    /// The path.
    pub(crate) path: String,
    /// `:tag` or `@digest`, with the sign.
    pub(crate) suffix: Option<String>,
}

impl Reference {
    /// Reads a reference.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = || Failure::invalid(format!("invalid reference: {text}"));
        let (front, digest) = match text.split_once('@') {
            Some((front, digest)) => (front, Some(format!("@{digest}"))),
            None => (text, None),
        };
        let slash = front.rfind('/').map_or(0, |index| index + 1);
        let colon = front.get(slash..).and_then(|last| last.find(':'));
        let (name, tag) = match colon {
            Some(index) => front.split_at(slash + index),
            None => (front, ""),
        };
        let suffix = digest.or_else(|| (!tag.is_empty()).then(|| tag.to_owned()));
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first.to_owned()), rest),
            Some(_) | None => (None, name),
        };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
        let tag_is_good = suffix.as_ref().is_none_or(|suffix| suffix.len() > 1);
        if path.is_empty() || !path.chars().all(allowed) || !tag_is_good {
            return Err(refused());
        }
        Ok(Self {
            registry,
            path: path.to_owned(),
            suffix,
        })
    }
}

fn is_registry(first: &str) -> bool {
    first.contains('.') || first.contains(':') || first == "localhost"
}

/// Brings a reference to its full form: `alpine` is `docker.io/library/alpine:latest`.
pub(crate) fn normalised(text: &str) -> Result<String, Failure> {
    let reference = Reference::parse(text)?;
    let suffix = reference.suffix.unwrap_or_else(|| ":latest".to_owned());
    let (registry, path) = match reference.registry {
        Some(registry) if registry != "docker.io" => (registry, reference.path),
        Some(_) | None if reference.path.contains('/') => ("docker.io".to_owned(), reference.path),
        Some(_) | None => (
            "docker.io".to_owned(),
            format!("library/{}", reference.path),
        ),
    };
    Ok(format!("{registry}/{path}{suffix}"))
}

/// Shortens a reference for people, as `image list` does.
pub(crate) fn displayed(text: &str) -> String {
    text.strip_prefix("docker.io/library/")
        .or_else(|| text.strip_prefix("docker.io/"))
        .unwrap_or(text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_normalised() {
        for (text, expected) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3", "docker.io/library/alpine:3"),
            ("me/tool", "docker.io/me/tool:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("localhost/bottle/agent:1", "localhost/bottle/agent:1"),
            ("r.test:5000/a:1", "r.test:5000/a:1"),
            ("a@sha256:00", "docker.io/library/a@sha256:00"),
        ] {
            assert_eq!(normalised(text).unwrap(), expected);
        }
        for bad in ["", "A", "a b", "a:", "r.test/"] {
            assert!(normalised(bad).is_err(), "{bad}");
        }
        assert_eq!(displayed("docker.io/library/alpine:3"), "alpine:3");
        assert_eq!(displayed("r.test/alpine:3"), "r.test/alpine:3");
    }
}

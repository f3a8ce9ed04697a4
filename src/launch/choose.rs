//! Which backend a bottle is made on, and why that one.

use crate::backends::{Backend, BackendError, Probe, Registry};
use crate::error::{Error, Result};

/// A backend that can be used here.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The backend.
    pub backend: &'a dyn Backend,
    /// What was found about it.
    pub probe: Probe,
    /// Why this one, for people.
    pub why: String,
}

/// Who named a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// `--backend`.
    Flag(String),
    /// `BOTTLE_BACKEND`.
    Variable(String),
    /// `default-backend` in the settings file.
    Settings(String),
    /// Nobody: the host's default is taken.
    Nobody,
}

impl Named {
    /// Takes the strongest of the three ways to name one.
    pub fn strongest(
        flag: Option<String>,
        variable: Option<String>,
        settings: Option<String>,
    ) -> Self {
        flag.map(Self::Flag)
            .or_else(|| variable.map(Self::Variable))
            .or_else(|| settings.map(Self::Settings))
            .unwrap_or(Self::Nobody)
    }

    /// Returns the name and who gave it.
    pub fn name(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Flag(name) => Some((name, "named by `--backend`")),
            Self::Variable(name) => Some((name, "named by `BOTTLE_BACKEND`")),
            Self::Settings(name) => Some((name, "named by `default-backend` in the settings file")),
            Self::Nobody => None,
        }
    }
}

/// Chooses a backend. One that was named and cannot be used is an error: there is no fallback.
pub fn choose<'a>(registry: &'a Registry, named: &Named) -> Result<Choice<'a>> {
    if let Some((name, who)) = named.name() {
        let backend = registry.named(name).map_err(Error::user)?;
        return usable(backend, backend.probe(), who.to_owned()).map_err(Into::into);
    }
    let mut passed = Vec::new();
    for backend in registry.all() {
        let probe = backend.probe();
        if probe.usable() {
            return Ok(usable(backend, probe, reason(&passed))?);
        }
        passed.push(probe);
    }
    Err(none_usable(&passed).into())
}

fn usable(backend: &dyn Backend, probe: Probe, why: String) -> Result<Choice<'_>, BackendError> {
    if probe.usable() {
        return Ok(Choice {
            backend,
            probe,
            why,
        });
    }
    Err(BackendError::Unusable {
        backend: backend.name(),
        problems: probe.problems,
    })
}

fn reason(passed: &[Probe]) -> String {
    let why = |probe: &Probe| {
        let problem = probe
            .problems
            .first()
            .map_or("", |problem| problem.what.as_str());
        format!("{}: {problem}", probe.backend)
    };
    match passed.iter().map(why).collect::<Vec<_>>().join("; ") {
        skipped if skipped.is_empty() => "the default on this system".to_owned(),
        skipped => format!("the first that answers; {skipped}"),
    }
}

fn none_usable(passed: &[Probe]) -> BackendError {
    let what = passed
        .iter()
        .flat_map(|probe| {
            probe
                .problems
                .iter()
                .map(move |problem| format!("{}: {}", probe.backend, problem.what))
        })
        .collect::<Vec<_>>()
        .join("; ");
    BackendError::Refused {
        what: format!("no backend can be used here: {what}"),
        hint: "`bottle doctor` names what is missing, and the command that mends it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable_and_that_over_the_settings() {
        let text = |text: &str| Some(text.to_owned());
        for (flag, variable, settings, expected) in [
            (text("a"), text("b"), text("c"), Some("a")),
            (None, text("b"), text("c"), Some("b")),
            (None, None, text("c"), Some("c")),
            (None, None, None, None),
        ] {
            let named = Named::strongest(flag, variable, settings);
            assert_eq!(named.name().map(|(name, _)| name), expected);
        }
    }

    #[test]
    fn a_named_backend_that_is_missing_is_an_error_and_never_a_fallback() {
        let registry = Registry::new(std::ffi::OsStr::new("/nonexistent"));
        let error = choose(&registry, &Named::Flag("docker".to_owned()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`docker` cannot be used"), "{error}");
        let error = choose(&registry, &Named::Flag("dcoker".to_owned()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no backend `dcoker`"), "{error}");
        let error = choose(&registry, &Named::Nobody).unwrap_err().to_string();
        assert!(
            error.contains("docker: ") && error.contains("podman: "),
            "{error}"
        );
    }
}

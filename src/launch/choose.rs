//! Which backend a bottle is made on, and why that one.

use crate::backends::{Backend, BackendError, Home, Probe, Registry};
use crate::error::{Error, Result};
use crate::process::Invocation;

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
///
/// `start` is asked when all that an engine lacks is to be started, with the call that does it; it
/// says whether it was made.
pub fn choose<'a>(
    registry: &'a Registry,
    named: &Named,
    start: &dyn Fn(&Invocation) -> Result<bool>,
) -> Result<Choice<'a>> {
    if let Some((name, who)) = named.name() {
        let backend = registry.named(name).map_err(Error::user)?;
        let probe = started(backend, backend.probe(), start)?;
        return usable(backend, probe, who.to_owned()).map_err(Into::into);
    }
    let mut passed = Vec::new();
    for backend in registry
        .all()
        .filter(|backend| backend.home() != Home::Elsewhere)
    {
        let probe = backend.probe();
        // This system's own engine is only to be started: another one would be another wall.
        if probe.usable() || probe.stopped && backend.home() == Home::Here {
            let probe = started(backend, probe, start)?;
            return Ok(usable(backend, probe, reason(&passed))?);
        }
        passed.push(probe);
    }
    Err(none_usable(&passed).into())
}

/// Looks again at an engine that was started meanwhile.
fn started(
    backend: &dyn Backend,
    probe: Probe,
    start: &dyn Fn(&Invocation) -> Result<bool>,
) -> Result<Probe> {
    let call = backend.start_call().filter(|_| probe.stopped);
    match call {
        Some(call) if start(&call)? => Ok(backend.probe()),
        Some(_) | None => Ok(probe),
    }
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
    use std::sync::Arc;

    use super::*;
    use crate::machine::Machine;

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

    fn nobody(_: &Invocation) -> Result<bool> {
        panic!("there is nothing to start")
    }

    fn registry(facts: &str) -> Registry {
        let machine = Arc::new(Machine::stated(facts.parse().unwrap()));
        Registry::new(std::ffi::OsStr::new("/nonexistent"), &machine, None)
    }

    #[test]
    fn only_what_is_at_home_here_is_looked_at_for_a_default() {
        let why = |facts| {
            choose(&registry(facts), &Named::Nobody, &nobody)
                .unwrap_err()
                .to_string()
        };
        assert!(!why("linux x86_64 namespaces=none").contains("macos-container"));
        assert!(why("macos 15.6 arm64").contains("macos-container: macOS 15.6 is too old"));
    }

    #[test]
    fn a_named_backend_that_is_missing_is_an_error_and_never_a_fallback() {
        let registry = registry("linux x86_64 namespaces=none");
        let error = choose(&registry, &Named::Flag("docker".to_owned()), &nobody)
            .unwrap_err()
            .to_string();
        assert!(error.contains("`docker` cannot be used"), "{error}");
        let error = choose(&registry, &Named::Flag("dcoker".to_owned()), &nobody)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no backend `dcoker`"), "{error}");
        let error = choose(&registry, &Named::Nobody, &nobody)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("docker: ") && error.contains("podman: "),
            "{error}"
        );
    }
}

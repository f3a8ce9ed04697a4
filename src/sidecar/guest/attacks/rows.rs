//! Rows of the report: a finding with its evidence, and the control beside it.

use std::fmt::Display;
use std::io;

use bottle_contract::attack::{Control, Finding, Tried};
use rustix::io::Errno;

/// What an attempt came to, with what was seen.
pub(super) type Seen = (Finding, String);

/// What a control came to: what it saw, or why it failed.
pub(super) type Checked = Result<String, String>;

pub(super) fn stopped(evidence: impl Display) -> Seen {
    (Finding::Stopped, evidence.to_string())
}

pub(super) fn through(evidence: impl Display) -> Seen {
    (Finding::Through, evidence.to_string())
}

pub(super) fn unclear(evidence: impl Display) -> Seen {
    (Finding::Unclear, evidence.to_string())
}

/// Puts a row together.
pub(super) fn row(id: &str, (finding, evidence): Seen, control: Checked) -> Tried {
    let (control, control_evidence) = match control {
        Ok(evidence) => (Control::Worked, evidence),
        Err(evidence) => (Control::Failed, evidence),
    };
    Tried {
        id: id.to_owned(),
        finding,
        evidence,
        control,
        control_evidence,
    }
}

/// Takes the worst of several findings, and keeps what belongs to it.
pub(super) fn worst(seen: impl IntoIterator<Item = Seen>) -> Seen {
    let mut by_kind = [Vec::new(), Vec::new(), Vec::new()];
    let [through, unclear, stopped] = &mut by_kind;
    for (finding, evidence) in seen {
        match finding {
            Finding::Through => through.push(evidence),
            Finding::Unclear => unclear.push(evidence),
            Finding::Stopped => stopped.push(evidence),
        }
    }
    let kinds = [Finding::Through, Finding::Unclear, Finding::Stopped];
    let found = kinds.into_iter().zip(by_kind);
    let first = found.into_iter().find(|(_, evidence)| !evidence.is_empty());
    match first {
        Some((finding, mut evidence)) => {
            evidence.dedup();
            (finding, evidence.join("; "))
        }
        None => (Finding::Stopped, "there is nothing to try".to_owned()),
    }
}

/// Judges a call that must be denied: only a denial is one. Any other error means that the kernel
/// went to work on it.
pub(super) fn must_be_denied<T>(what: &str, outcome: io::Result<T>) -> Seen {
    let Err(error) = outcome else {
        return through(format!("{what}: done"));
    };
    match Errno::from_io_error(&error) {
        Some(
            Errno::PERM
            | Errno::ACCESS
            | Errno::NOSYS
            | Errno::ROFS
            | Errno::NOENT
            | Errno::NXIO
            | Errno::NODEV,
        ) => stopped(format!("{what}: {error}")),
        _ => through(format!("{what}: the kernel took it ({error})")),
    }
}

/// The same for calls whose arguments are empty: a path that is not found means that it was looked for.
pub(super) fn must_be_refused<T>(what: &str, outcome: io::Result<T>) -> Seen {
    let refused = outcome.as_ref().err().and_then(Errno::from_io_error);
    match (refused, outcome) {
        (Some(Errno::PERM | Errno::ACCESS | Errno::NOSYS), Err(error)) => {
            stopped(format!("{what}: {error}"))
        }
        (_, Err(error)) => through(format!("{what}: the kernel took it ({error})")),
        (_, Ok(_)) => through(format!("{what}: done")),
    }
}

/// Says what a control saw.
pub(super) fn checked<T, E: Display>(what: &str, outcome: Result<T, E>) -> Checked {
    match outcome {
        Ok(_) => Ok(what.to_owned()),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_keeps_its_own_evidence() {
        let stopped = || stopped("a");
        assert_eq!(worst([stopped(), through("b"), unclear("c")]), through("b"));
        assert_eq!(worst([stopped(), unclear("c")]), unclear("c"));
        assert_eq!(
            worst([stopped(), stopped()]),
            (Finding::Stopped, "a".to_owned())
        );
    }

    #[test]
    fn only_a_denial_is_one() {
        let with = |code: Errno| Err::<(), _>(io::Error::from(code));
        let finding = |code| must_be_refused("x", with(code)).0;
        assert_eq!(finding(Errno::PERM), Finding::Stopped);
        assert_eq!(finding(Errno::NOSYS), Finding::Stopped);
        assert_eq!(finding(Errno::INVAL), Finding::Through);
        assert_eq!(finding(Errno::NOENT), Finding::Through);
        assert_eq!(must_be_refused("x", Ok(())).0, Finding::Through);
        assert_eq!(must_be_denied("x", with(Errno::NOENT)).0, Finding::Stopped);
        assert_eq!(must_be_denied("x", with(Errno::INVAL)).0, Finding::Through);
    }
}

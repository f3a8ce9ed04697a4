//! What a command has at hand.

use serde_json::Value;

use super::engine::Engine;
use super::failure::{Code, Done, Failure};
use super::json::{Slashes, compact, pretty};
use super::output::{emit, table};
use super::state::State;
use crate::argv::Parsed;
use crate::version::Version;

/// What a command has at hand.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The version that is stood in for.
    pub(crate) version: Version,
    /// The command line.
    pub(crate) parsed: &'a Parsed,
    /// The engine.
    pub(crate) engine: Engine,
    /// The state.
    pub(crate) state: State,
}

impl Context<'_> {
    /// Prints what an `inspect` found (§3.0).
    pub(crate) fn print_inspection(&self, items: Vec<Value>) {
        emit(&pretty(&Value::from(items), Slashes::of(self.version)));
    }

    /// Prints a list as `--format` says; `--quiet` counts for the table only (§3.0).
    pub(crate) fn print_list(
        &self,
        items: &[Value],
        header: &[&str],
        row: impl Fn(&Value) -> Vec<String>,
    ) -> Done {
        match self.parsed.value("format").unwrap_or("table") {
            "json" => {
                let items = Value::from(items.to_vec());
                emit(&compact(&items, Slashes::of(self.version)));
                Ok(())
            }
            "table" if self.parsed.flag("quiet") => {
                for item in items {
                    emit(row(item).first().map_or("", String::as_str));
                }
                Ok(())
            }
            "table" => {
                let header = header.iter().map(|&title| title.to_owned()).collect();
                let rows = std::iter::once(header).chain(items.iter().map(row));
                emit(&table(&rows.collect::<Vec<_>>()));
                Ok(())
            }
            other => Err(Failure::lacking(&format!("`--format {other}`"))),
        }
    }

    /// Refuses options that the stand-in does not carry out.
    pub(crate) fn refuse_options(&self, names: &[&str]) -> Done {
        let given = |name: &&&str| self.parsed.flag(name) || !self.parsed.values(name).is_empty();
        names
            .iter()
            .find(given)
            .map_or(Ok(()), |name| Err(Failure::lacking(&format!("`--{name}`"))))
    }

    /// Returns the ids that are given, each once.
    pub(crate) fn ids(&self, positional: &str) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for id in self.parsed.words(positional) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        ids
    }

    /// Returns the only value of a positional.
    pub(crate) fn word(&self, positional: &str) -> Result<&str, Failure> {
        self.parsed.word(positional).ok_or_else(|| {
            Failure::Validation(format!("Missing expected argument '<{positional}>'"))
        })
    }
}

/// Runs an action for each id, prints the ids that went well, and collects the failures (§2.0).
pub(crate) fn each(ids: &[String], action: impl Fn(&str) -> Done) -> Done {
    let mut failures = Vec::new();
    for id in ids {
        match action(id) {
            Ok(()) => emit(id),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failure::Several(failures))
}

/// Refuses no ids without `--all`, and ids beside it (§2.2, §2.4, §2.5).
pub(crate) fn ids_or_all(context: &Context<'_>, positional: &str, what: [&str; 2]) -> Done {
    let [many, one] = what;
    let given = !context.parsed.words(positional).is_empty();
    let message = match (given, context.parsed.flag("all")) {
        (false, false) => format!("no {many} specified and --all not supplied"),
        (true, true) => format!("explicitly supplied {one} conflict with the --all flag"),
        (true, false) | (false, true) => return Ok(()),
    };
    Err(Failure::new(Code::InvalidArgument, message))
}

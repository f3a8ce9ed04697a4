//! Why a command line is refused, in the parser's words.

use super::grammar::{Argument, Command, Kind};
use super::usage;
use super::value::Misfit;
use super::words::Name;

/// The status of a command line that the parser refuses.
pub(crate) const USAGE: u8 = 64;
/// Edit distances below this make a suggestion.
const SIMILAR: usize = 4;

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A word that is no option at all, such as `---x`.
    InvalidOption(String),
    /// An option without its value; the pack is the word that it is a letter of.
    MissingValue {
        /// The option.
        name: Name,
        /// The word.
        pack: Option<Name>,
    },
    /// A flag with a value.
    UnexpectedValue {
        /// The flag.
        name: Name,
        /// The value.
        value: String,
    },
    /// A value that does not fit.
    InvalidValue(String),
    /// A required positional is absent.
    Missing(String),
    /// An option that nobody knows.
    Unknown(Name),
    /// Words that nobody took.
    Unexpected(Vec<String>),
    /// A check of the command's own; the usage is printed as well.
    Validation(String),
    /// A check of the command's own that fails as the runtime does: without usage, and with the
    /// check's own status.
    Failure {
        /// What is wrong.
        what: String,
        /// The status.
        exit: u8,
    },
    /// The parser itself cannot go on.
    Internal,
}

impl Refusal {
    /// Says that a value does not fit an option.
    pub(crate) fn invalid(argument: &Argument, name: &Name, value: &str, why: Misfit) -> Self {
        let why = match why {
            Misfit::Because(why) => format!(": {why}"),
            Misfit::Type => allowed(argument),
        };
        // What help leaves out is not described here either.
        let value_name = if argument.hidden {
            String::new()
        } else {
            format!(" <{}>", argument.value_name)
        };
        Self::InvalidValue(format!(
            "The value '{value}' is invalid for '{name}{value_name}'{why}"
        ))
    }

    /// Says that a required positional is absent.
    pub(crate) fn missing(argument: &Argument) -> Self {
        Self::Missing(usage::required(argument))
    }

    /// Returns the status to end with.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Failure { exit, .. } => *exit,
            Self::InvalidOption(_)
            | Self::MissingValue { .. }
            | Self::UnexpectedValue { .. }
            | Self::InvalidValue(_)
            | Self::Missing(_)
            | Self::Unknown(_)
            | Self::Unexpected(_)
            | Self::Validation(_)
            | Self::Internal => USAGE,
        }
    }

    /// Returns all that is printed about it, for the command that it happened in.
    pub(crate) fn text(&self, command: &Command) -> String {
        let what = self.what(command);
        if let Self::Failure { .. } = self {
            return format!("Error: {what}");
        }
        format!("Error: {what}\n{}", usage::short(command))
    }

    fn what(&self, command: &Command) -> String {
        match self {
            Self::InvalidOption(word) => format!("Invalid option: {word}"),
            Self::MissingValue { name, pack: None } => missing_value(name, command),
            Self::MissingValue {
                name,
                pack: Some(pack),
            } => {
                let unknown = unknown(pack, command);
                let missing = missing_value(name, command);
                format!("{unknown}\n   or: {missing} in '{pack}'")
            }
            Self::UnexpectedValue { name, value } => {
                format!("The option '{name}' does not take any value, but '{value}' was specified.")
            }
            Self::InvalidValue(what) | Self::Validation(what) | Self::Failure { what, .. } => {
                what.clone()
            }
            Self::Missing(argument) => format!("Missing expected argument '{argument}'"),
            Self::Unknown(name) => unknown(name, command),
            Self::Unexpected(words) => unexpected(words),
            Self::Internal => {
                "Internal error. Invalid state while parsing command-line arguments.".to_owned()
            }
        }
    }
}

/// Lists the values of an enumeration, if Apple's does.
fn allowed(argument: &Argument) -> String {
    // The type of `--progress` and the format of `system property list`, the only one without
    // tables, do not say their values.
    let says = argument.key() == "format" && argument.all_values.iter().any(|one| one == "table");
    let quoted: Vec<String> = argument
        .all_values
        .iter()
        .map(|value| format!("'{value}'"))
        .collect();
    let list = match quoted.split_last() {
        Some((last, [first])) => format!("{first} and {last}"),
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => return String::new(),
    };
    if says {
        format!(". Please provide one of {list}.")
    } else {
        String::new()
    }
}

fn missing_value(name: &Name, command: &Command) -> String {
    match command.named(name) {
        Some(argument) if !argument.hidden => {
            format!("Missing value for '{name} <{}>'", argument.value_name)
        }
        Some(_) | None => format!("Missing value for '{name}'"),
    }
}

fn unknown(name: &Name, command: &Command) -> String {
    match suggestion(name, command) {
        Some(near) => format!("Unknown option '{name}'. Did you mean '{near}'?"),
        None => format!("Unknown option '{name}'"),
    }
}

/// Finds the nearest long name of a command, the first one of several.
fn suggestion<'a>(name: &Name, command: &'a Command) -> Option<&'a str> {
    if let Name::Short(_) = name {
        return None;
    }
    let typed = name.to_string();
    command
        .arguments
        .iter()
        .filter(|argument| !argument.hidden && argument.kind != Kind::Positional)
        .flat_map(|argument| &argument.names)
        .filter(|known| known.starts_with("--"))
        .map(|known| (distance(known, &typed), known.as_str()))
        .filter(|(distance, _)| *distance < SIMILAR)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Counts the letters to insert, remove or replace to make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        let pairs = row.iter().zip(row.iter().skip(1)).zip(&other);
        for ((diagonal, above), known) in pairs {
            let replaced = diagonal + usize::from(*known != letter);
            let left = next.last().copied().unwrap_or_default();
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn unexpected(words: &[String]) -> String {
    match words {
        [word] => format!("Unexpected argument '{word}'"),
        words => format!(
            "{} unexpected arguments: '{}'",
            words.len(),
            words.join("', '")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_are_counted() {
        for (one, other, expected) in [
            ("kitten", "sitting", 3),
            ("--cpus", "--bogus", 3),
            ("", "abc", 3),
            ("same", "same", 0),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}

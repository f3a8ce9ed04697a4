//! The process: its environment and its user (§2.1).

use std::collections::BTreeMap;

use crate::runtime::failure::Failure;

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// A text that the guest looks up.
    Raw(String),
    /// Numbers.
    Id {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
}

impl User {
    /// Returns the user as the engines take it.
    pub(crate) fn argument(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Id { uid, gid } => format!("{uid}:{gid}"),
        }
    }
}

/// Chooses the user, and the groups beside it, from `--user`, `--uid` and `--gid`.
pub(crate) fn user(
    name: Option<&str>,
    uid: Option<u32>,
    gid: Option<u32>,
    fallback: User,
) -> (User, Vec<u32>) {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        return (User::Raw(name.to_owned()), Vec::new());
    }
    match (uid, gid) {
        (Some(uid), Some(gid)) => (User::Id { uid, gid }, Vec::new()),
        (Some(uid), None) => (User::Raw(uid.to_string()), Vec::new()),
        (None, Some(gid)) => (fallback, vec![gid]),
        (None, None) => (fallback, Vec::new()),
    }
}

/// Merges environments: the image's, then the files' and the command line's. The last one of a key
/// wins; Apple keeps no order.
pub(crate) fn merged_environment(image: &[String], own: &[String]) -> Vec<String> {
    let mut merged = BTreeMap::new();
    for entry in image.iter().chain(own) {
        let key = entry.split_once('=').map_or(entry.as_str(), |(key, _)| key);
        merged.insert(key, entry);
    }
    merged.into_values().cloned().collect()
}

/// Collects what `--env-file` and `--env` say, in this order.
pub(crate) fn own_environment(
    files: &[String],
    variables: &[String],
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Failure> {
    let mut entries = Vec::new();
    for path in files {
        let content = std::fs::read(path).map_err(|error| {
            let cause = Failure::Other(error.to_string());
            Failure::Error {
                code: crate::runtime::failure::Code::InvalidArgument,
                message: format!("failed to read envfile at {path}"),
                cause: Some(Box::new(cause)),
            }
        })?;
        let content = String::from_utf8(content).map_err(|_| {
            Failure::invalid(format!("env file {path} contains invalid utf8 bytes"))
        })?;
        for line in content.lines() {
            entries.extend(file_line(line, inherited)?);
        }
    }
    for variable in variables {
        // A bare name is copied from the caller, and dropped when the caller has no such variable.
        if variable.contains('=') {
            entries.push(variable.clone());
        } else if let Some(value) = inherited(variable) {
            entries.push(format!("{variable}={value}"));
        }
    }
    Ok(entries)
}

fn file_line(
    line: &str,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Failure> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (line, None),
    };
    if name.contains([' ', '\t']) {
        return Err(Failure::invalid(format!(
            "variable '{name}' contains whitespaces"
        )));
    }
    if name.is_empty() {
        return Err(Failure::invalid(format!(
            "no variable name on line '{line}'"
        )));
    }
    let value = value.or_else(|| inherited(name));
    Ok(value.map(|value| format!("{name}={value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_chosen() {
        let root = User::Id { uid: 0, gid: 0 };
        let chosen = |name, uid, gid| user(name, uid, gid, root.clone());
        assert_eq!(chosen(Some("me"), Some(1), None).0, User::Raw("me".into()));
        assert_eq!(
            chosen(None, Some(1), Some(2)).0,
            User::Id { uid: 1, gid: 2 }
        );
        assert_eq!(chosen(None, Some(1), None).0, User::Raw("1".into()));
        assert_eq!(chosen(None, None, Some(2)), (root.clone(), vec![2]));
        assert_eq!(chosen(Some(""), None, None).0, root);
    }

    #[test]
    fn environments_are_merged() {
        let strings = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let merged = merged_environment(&strings(&["A=1", "B=1"]), &strings(&["B=2", "C="]));
        assert_eq!(merged, ["A=1", "B=2", "C="]);
        let caller = |name: &str| (name == "HAVE").then(|| "x".to_owned());
        let own = own_environment(&[], &strings(&["HAVE", "HAVE_NOT", "E="]), &caller).unwrap();
        assert_eq!(own, ["HAVE=x", "E="]);
    }

    #[test]
    fn lines_of_a_file() {
        let caller = |name: &str| (name == "HAVE").then(|| "x".to_owned());
        let line = |text: &str| file_line(text, &caller);
        assert_eq!(line("# c").unwrap(), None);
        assert_eq!(line("  A=1 2").unwrap().as_deref(), Some("A=1 2"));
        assert_eq!(line("HAVE").unwrap().as_deref(), Some("HAVE=x"));
        assert_eq!(line("HAVE_NOT").unwrap(), None);
        assert!(line("A B=1").is_err());
        assert!(line("=1").is_err());
    }
}

//! A bug report: one text with all that tells what happened, for a person to read before it is sent.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bottle_contract::audit::{NEWEST, number_in, numbered};
use bottle_contract::id::{BottleId, Role};

use super::logs;
use super::redact::Redactor;
use crate::backends::Backend;
use crate::state::BottleDir;

/// The most of one log or one file of the audit that goes in; its end tells most.
const MOST: u64 = 1 << 20;

/// The sections of a report, each with its title.
#[derive(Debug, Default)]
pub struct Report {
    sections: Vec<(String, String)>,
}

impl Report {
    /// Adds a section.
    pub fn add(&mut self, title: impl Into<String>, text: impl Into<String>) {
        self.sections.push((title.into(), text.into()));
    }

    /// Adds what agent and sidecar have printed: as the backend has it, or as it was saved.
    pub fn add_logs(&mut self, backend: Option<&dyn Backend>, id: &BottleId, dir: &BottleDir) {
        for (role, path) in [
            (Role::Agent, dir.agent_log()),
            (Role::Sidecar, dir.sidecar_log()),
        ] {
            let asked = backend.map(|backend| logs::read(backend, id, role));
            let text = match asked {
                Some(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Err(_)) | None => tail(&path).unwrap_or_else(|error| none(&error)),
            };
            self.add(format!("log of the {role}"), text);
        }
    }

    /// Adds the audit log, file by file, the oldest first.
    pub fn add_audit(&mut self, dir: &BottleDir) {
        let folder = dir.audit_dir();
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut numbers: Vec<u64> = names.filter_map(|name| number_in(&name)).collect();
        numbers.sort_unstable();
        let names = numbers.into_iter().map(numbered);
        for name in names.chain([NEWEST.to_owned()]) {
            let text = tail(&folder.join(&name)).unwrap_or_else(|error| none(&error));
            self.add(format!("audit: {name}"), text);
        }
    }

    /// Lists what is inside: a title and a number of lines each.
    pub fn contents(&self) -> Vec<(&str, usize)> {
        self.sections
            .iter()
            .map(|(title, text)| (title.as_str(), text.lines().count()))
            .collect()
    }

    /// Returns the whole, without what must not stand in it.
    pub fn text(&self, redactor: &Redactor) -> String {
        let parts: Vec<String> = self
            .sections
            .iter()
            .map(|(title, text)| format!("===== {title}\n{}\n", text.trim_end()))
            .collect();
        redactor.text(&parts.join("\n"))
    }
}

fn none(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "(there is none)".to_owned()
    } else {
        format!("(it cannot be read: {error})")
    }
}

/// Reads the end of a file, from the beginning of a line.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(MOST);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, rest)) if skipped > 0 => {
            format!("(the first {skipped} bytes are left out)\n{rest}")
        }
        Some(_) | None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::write_atomic;

    #[test]
    fn only_the_end_of_a_long_file_goes_in_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        write_atomic(&path, b"one\ntwo\n").unwrap();
        assert_eq!(tail(&path).unwrap(), "one\ntwo\n");
        let long = "0123456789abcde\n".repeat(100_000);
        write_atomic(&path, long.as_bytes()).unwrap();
        let text = tail(&path).unwrap();
        assert!(text.starts_with("(the first "), "{}", &text[..80]);
        assert!(text.len() < 1_100_000 && text.ends_with("abcde\n"));
        let missing = tail(&folder.path().join("none")).unwrap_err();
        assert_eq!(none(&missing), "(there is none)");
    }
}

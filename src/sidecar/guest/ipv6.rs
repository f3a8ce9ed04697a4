//! IPv6 off, from inside: an engine need not have an option for it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::files;

/// The switches: for the interfaces that are there, and for those to come.
const SWITCHES: [&str; 2] = [
    "/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "/proc/sys/net/ipv6/conf/default/disable_ipv6",
];

/// Switches IPv6 off where it is on, and returns why it stays on when that failed.
///
/// Root may write these settings without any capability, unless the engine mounted them read-only.
pub(super) fn switch_off(root: &Path) -> Option<String> {
    let problems: Vec<String> = SWITCHES
        .iter()
        .filter_map(|switch| throw(&files::under(root, switch)).err())
        .collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn throw(switch: &Path) -> Result<(), String> {
    let what = |error: std::io::Error| format!("cannot write `{}`: {error}", switch.display());
    match fs::read(switch) {
        Ok(bytes) if bytes.trim_ascii() == b"1" => return Ok(()),
        // A kernel without IPv6.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(switch)
        .map_err(what)?;
    file.write_all(b"1").map_err(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the switches with this text, and returns what came of switching off, and their text after.
    fn check(before: [Option<&str>; 2]) -> (Option<String>, [Option<String>; 2]) {
        let root = tempfile::tempdir().unwrap();
        let paths = SWITCHES.map(|switch| files::under(root.path(), switch));
        for (path, text) in paths.iter().zip(before) {
            if let Some(text) = text {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                files::replace(path, text.as_bytes(), 0o644).unwrap();
            }
        }
        let why = switch_off(root.path());
        (why, paths.map(|path| fs::read_to_string(path).ok()))
    }

    #[test]
    fn what_is_on_is_switched_off_and_the_rest_is_left_alone() {
        let text = |text: &str| Some(text.to_owned());
        for (before, after) in [
            ([Some("0"), Some("0")], [text("1"), text("1")]),
            ([Some("1\n"), Some("0")], [text("1\n"), text("1")]),
            ([Some("1\n"), Some("1\n")], [text("1\n"), text("1\n")]),
            ([None, None], [None, None]),
        ] {
            assert_eq!(check(before), (None, after));
        }
    }

    #[test]
    fn a_switch_that_cannot_be_written_is_told() {
        // A folder in the switch's place: even root cannot write that.
        let root = tempfile::tempdir().unwrap();
        let [first, second] = SWITCHES.map(|switch| files::under(root.path(), switch));
        fs::create_dir_all(&first).unwrap();
        fs::create_dir_all(second.parent().unwrap()).unwrap();
        files::replace(&second, b"0\n", 0o644).unwrap();
        let why = switch_off(root.path()).unwrap();
        let told = format!("cannot write `{}`: ", first.display());
        assert!(why.starts_with(&told), "{why}");
        // One that fails does not keep the other on.
        assert!(fs::read(&second).unwrap().starts_with(b"1"));
        fs::remove_dir(&first).unwrap();
        assert_eq!(switch_off(root.path()), None);
    }
}

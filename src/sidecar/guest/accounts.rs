//! Reads and extends `/etc/passwd` and `/etc/group`, as bytes: an image may hold any encoding.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The name of the user and group that are added.
const NAME: &str = "agent";

/// Returns the home folder that `passwd` names for a user.
pub(super) fn home_of(passwd: &[u8], uid: u32) -> Option<PathBuf> {
    let entry = entries(passwd).find(|fields| number_in(fields) == Some(uid))?;
    let home = entry.get(5).filter(|home| home.starts_with(b"/"))?;
    Some(PathBuf::from(OsStr::from_bytes(home)))
}

/// Finds the numbers of `user` or `user:group`, each a name or a number; a user brings its own group.
///
/// A number that nobody has is its own group's number too, as engines read it. `None`: no such name.
pub(super) fn numbers(spec: &str, passwd: &[u8], group: &[u8]) -> Option<(u32, u32)> {
    let (user, wanted_group) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (spec, None),
    };
    let number: Option<u32> = user.parse().ok();
    let entry = entries(passwd).find(|fields| match number {
        Some(number) => number_in(fields) == Some(number),
        None => fields.first() == Some(&user.as_bytes()),
    });
    let uid = number.or_else(|| number_in(entry.as_ref()?))?;
    let gid = match wanted_group {
        Some(name) => group_number(name, group)?,
        None => entry
            .and_then(|fields| number_of(fields.get(3)?))
            .unwrap_or(uid),
    };
    Some((uid, gid))
}

fn group_number(name: &str, group: &[u8]) -> Option<u32> {
    let named = || entries(group).find(|fields| fields.first() == Some(&name.as_bytes()));
    name.parse().ok().or_else(|| number_in(&named()?))
}

/// Returns `passwd` with an entry for the user, or nothing when it has one.
pub(super) fn with_user(
    passwd: &[u8],
    uid: u32,
    gid: u32,
    home: &str,
    shell: &str,
) -> Option<Vec<u8>> {
    let name = free_name(passwd, uid)?;
    Some(with_line(
        passwd,
        &format!("{name}:x:{uid}:{gid}::{home}:{shell}"),
    ))
}

/// Returns `group` with an entry for the group, or nothing when it has one.
pub(super) fn with_group(group: &[u8], gid: u32) -> Option<Vec<u8>> {
    let name = free_name(group, gid)?;
    Some(with_line(group, &format!("{name}:x:{gid}:")))
}

/// Finds a name for a number that has none; nothing when the number has one.
fn free_name(text: &[u8], number: u32) -> Option<String> {
    if entries(text).any(|fields| number_in(&fields) == Some(number)) {
        return None;
    }
    let taken = |name: &str| entries(text).any(|fields| fields.first() == Some(&name.as_bytes()));
    let mut name = NAME.to_owned();
    if taken(&name) {
        name = format!("{NAME}-{number}");
    }
    while taken(&name) {
        name.push('-');
    }
    Some(name)
}

fn entries(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|byte| *byte == b':').collect())
}

/// The third field of both files: the user's or the group's number.
fn number_in(fields: &[&[u8]]) -> Option<u32> {
    number_of(fields.get(2)?)
}

fn number_of(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn with_line(text: &[u8], line: &str) -> Vec<u8> {
    let mut text = text.to_vec();
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PASSWD: &[u8] =
        b"root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:\xff:/home/node:/bin/bash";

    #[test]
    fn a_user_is_added_once() {
        let added = with_user(PASSWD, 1001, 100, "/home/agent", "/bin/sh").unwrap();
        let expected = [PASSWD, b"\nagent:x:1001:100::/home/agent:/bin/sh\n"].concat();
        assert_eq!(added, expected);
        assert_eq!(with_user(&added, 1001, 100, "/home/agent", "/bin/sh"), None);
        assert_eq!(
            with_user(PASSWD, 1000, 1000, "/home/agent", "/bin/sh"),
            None
        );
        assert_eq!(
            with_user(b"", 7, 8, "/h", "/s").unwrap(),
            b"agent:x:7:8::/h:/s\n"
        );
    }

    #[test]
    fn a_user_is_found_by_name_or_number() {
        let passwd = b"root:x:0:0::/root:/bin/sh\nnode:x:1000:100::/home/node:/bin/sh\n";
        let group = b"users:x:100:\nwheel:x:10:\n";
        for (spec, expected) in [
            ("node", Some((1000, 100))),
            ("1000", Some((1000, 100))),
            ("node:wheel", Some((1000, 10))),
            ("node:5", Some((1000, 5))),
            ("7:8", Some((7, 8))),
            ("7", Some((7, 7))),
            ("nobody", None),
            ("node:nogroup", None),
            ("", None),
        ] {
            assert_eq!(numbers(spec, passwd, group), expected, "{spec}");
        }
    }

    #[test]
    fn a_taken_name_is_not_given_twice() {
        let text = b"agent:x:5:\nagent-9:x:6:\n";
        assert_eq!(
            with_group(text, 9).unwrap(),
            [&text[..], b"agent-9-:x:9:\n"].concat()
        );
        assert_eq!(
            with_group(text, 8).unwrap(),
            [&text[..], b"agent-8:x:8:\n"].concat()
        );
        assert_eq!(with_group(text, 6), None);
    }

    #[test]
    fn the_home_folder_is_found_by_number() {
        assert_eq!(
            home_of(PASSWD, 1000).as_deref(),
            Some(Path::new("/home/node"))
        );
        assert_eq!(home_of(PASSWD, 7), None);
        assert_eq!(home_of(b"x:x:7:7", 7), None);
        assert_eq!(home_of(b"x:x:7:7:::", 7), None);
        assert_eq!(home_of(b"#x:x:7:7::/h:\n", 7), None);
    }
}

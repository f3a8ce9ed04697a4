//! What an agent runs on: image references, build arguments, and the user inside.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::read::Text;

/// The user that the agent runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserSpec {
    /// The superuser of the container.
    Root,
    /// A user by number, and a group where one is named.
    Ids {
        /// The user.
        uid: u32,
        /// The group.
        gid: Option<u32>,
    },
}

/// A reference to an image, as an engine takes it.
#[derive(Clone, Debug)]
pub(crate) struct ImageReference(pub(crate) String);

/// The name of a build argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ArgName(pub(crate) String);

impl FromStr for UserSpec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "the user is `root`, a number, or two numbers such as `1000:1000`";
        if text == "root" {
            return Ok(Self::Root);
        }
        let (uid, gid) = match text.split_once(':') {
            Some((uid, gid)) => (uid, Some(number(gid).ok_or(SHAPE)?)),
            None => (text, None),
        };
        let uid = number(uid).ok_or(SHAPE)?;
        if uid == 0 {
            // The word is easier to see in a review than a digit.
            return Err("user 0 is root; write `root`");
        }
        Ok(Self::Ids { uid, gid })
    }
}

/// Reads a user or group number; the largest one means "none" to the kernel.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| plain && *number != u32::MAX)
}

impl FromStr for ImageReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The characters of OCI references; each engine checks the grammar itself.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@[]".contains(&byte);
        if text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.len() <= 512
            && text.bytes().all(allowed)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err("an image reference looks like `docker.io/library/debian:bookworm-slim`")
        }
    }
}

impl FromStr for ArgName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.parse::<super::env::HostVariable>();
        name.map(|name| Self(name.0))
            .map_err(|_| "a build argument's name has letters, digits and `_`")
    }
}

impl Text for UserSpec {
    const EXPECTED: &'static str = "a user in quotes, such as \"1000:1000\"";
    const PATTERN: Option<&'static str> = Some("^(root|[0-9]+(:[0-9]+)?)$");
}

impl Text for ImageReference {
    const EXPECTED: &'static str = "an image reference in quotes";
}

impl Text for ArgName {
    const EXPECTED: &'static str = "the name of a build argument";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z_][A-Za-z0-9_]*$");
}

impl Serialize for UserSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for UserSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => out.write_str("root"),
            Self::Ids { uid, gid: None } => write!(out, "{uid}"),
            Self::Ids {
                uid,
                gid: Some(gid),
            } => write!(out, "{uid}:{gid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_root_or_numbers() {
        for good in ["root", "1000", "1000:1000", "1:0"] {
            assert_eq!(good.parse::<UserSpec>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "0",
            "0:0",
            "agent",
            "1000:",
            ":1",
            "+1",
            "-1",
            "1:2:3",
            "4294967295",
            "Root",
        ] {
            assert!(bad.parse::<UserSpec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_is_never_an_option() {
        for good in [
            "debian",
            "docker.io/library/debian:bookworm-slim",
            "localhost:5000/a/b@sha256:00ff",
        ] {
            assert!(good.parse::<ImageReference>().is_ok(), "{good}");
        }
        for bad in ["", "-v", "--privileged", "a b", "a\n", "a;b", "ä"] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }
}

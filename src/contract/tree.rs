//! A tree of files as data: what a workspace was when it was copied in, and what of it an agent changed.
//!
//! Names are bytes, and an agent chooses them. So a path is checked when it is made or read, and is
//! written with everything escaped that is no plain text: one line stays one line, and commands nobody.

use std::fmt::{self, Write as _};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The format of a base. A reader of another one takes it for none.
pub const FORMAT: u32 = 1;
/// The longest path, in bytes: Linux takes no longer one in a call.
pub const PATH_BYTES: usize = 4096;
/// The longest line of these messages: two paths of which every byte is escaped, and what stands around.
pub const LINE_BYTES: usize = 32 << 10;

/// Bytes that are mostly text. Shown, and written, without anything that commands a terminal.
///
/// What is no plain text is `%` and two hexadecimal digits for each byte, and so is `%` itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawText(Vec<u8>);

/// The path of something in a tree, seen from its top: never empty, never leading out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TreePath(RawText);

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Node {
    /// A folder.
    Folder {
        /// Its permissions.
        mode: u32,
    },
    /// A file.
    #[serde(rename = "file")]
    Plain {
        /// Its permissions.
        mode: u32,
        /// Its length in bytes.
        size: u64,
        /// The SHA-256 of its content in hex, where it was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// A symbolic link.
    Link {
        /// Where it points.
        target: RawText,
    },
    /// A pipe, a socket or a device.
    Special,
}

/// The first line of a base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseHead {
    /// See [`FORMAT`].
    pub format: u32,
    /// The folder on the host.
    pub source: RawText,
    /// The folder in the bottle.
    pub workdir: String,
    /// When everything was there, by the bottle's clock.
    pub stamp: Stamp,
    /// What was there before.
    pub prior: Prior,
    /// Where the copy lies.
    pub lies: Lies,
    /// The commit that was checked out on the host, where that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What was in a work folder before anything was copied into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Nothing: whatever is not of the host's is new.
    Nothing,
    /// Something of the image's, which is told from what is new by its times.
    Image,
}

/// Where a copy lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lies {
    /// Where it stays when the bottle stops.
    Disk,
    /// Where it goes with it.
    Memory,
}

/// A moment, by the clock of the kernel that a bottle runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Whole seconds.
    pub seconds: i64,
    /// What is beyond them.
    pub nanos: i64,
}

/// A further line of a base: something that was there when the agent began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseEntry {
    /// Where.
    pub path: TreePath,
    /// What.
    pub node: Node,
    /// When it was last written, in seconds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Origin::is_host")]
    pub origin: Origin,
}

/// Where something in a base came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It was copied from the host.
    #[default]
    Host,
    /// It is a folder of the image's: the host does not know it.
    Image,
}

/// What `guest tar-in DIR tell` prints, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalLine {
    /// This folder was there before.
    Before(BaseEntry),
    /// Everything is there. The last line.
    Done {
        /// When.
        stamp: Stamp,
        /// What was there before.
        prior: Prior,
    },
}

/// What `guest changes DIR` prints, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeLine {
    /// Something is not as it was.
    Changed(Change),
    /// Something could not be looked at.
    Unread {
        /// Where.
        path: RawText,
        /// Why.
        why: String,
    },
    /// That was all. The last line.
    Done,
    /// There is more than is told at once, and nothing is known of the rest. The last line.
    Cut,
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub path: TreePath,
    /// What is there now; `None` when nothing is.
    pub now: Option<Node>,
}

/// A file that `guest take DIR` is asked for, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Where.
    pub path: TreePath,
    /// The most bytes that it may have.
    pub most: u64,
}

/// What `guest take DIR` answers to each, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakeLine {
    /// So many bytes follow.
    #[serde(rename = "file")]
    Content {
        /// Its permissions.
        mode: u32,
        /// How many bytes.
        size: u64,
    },
    /// Nothing follows.
    Gone {
        /// Why.
        why: String,
    },
}

/// Why bytes are no path in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It is empty, absolute, or has an empty part, a `.` or a `..`.
    #[error("a path in a tree has only names between its slashes")]
    Shape,
    /// It has a byte that no path can have.
    #[error("a path holds no zero byte")]
    Zero,
    /// It is too long.
    #[error("a path has at most {PATH_BYTES} bytes")]
    Long,
}

impl RawText {
    /// Takes any bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes as they are.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn unescaped(text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut left = text.as_bytes();
        while let Some((first, rest)) = left.split_first() {
            if *first == b'%' {
                let (digits, rest) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                left = rest;
            } else {
                bytes.push(*first);
                left = rest;
            }
        }
        Some(Self(bytes))
    }
}

impl TreePath {
    /// Checks a path, given as bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        if bytes.len() > PATH_BYTES {
            return Err(PathError::Long);
        }
        if bytes.contains(&0) {
            return Err(PathError::Zero);
        }
        let odd = |part: &[u8]| matches!(part, b"" | b"." | b"..");
        if bytes.split(|byte| *byte == b'/').any(odd) {
            return Err(PathError::Shape);
        }
        Ok(Self(RawText(bytes)))
    }

    /// Returns the bytes as they are.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Returns the names on the way, from the top.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.as_bytes().split(|byte| *byte == b'/')
    }

    /// Returns the last name.
    pub fn name(&self) -> &[u8] {
        self.parts().next_back().unwrap_or_default()
    }

    /// Returns how many folders are above it.
    pub fn depth(&self) -> usize {
        self.parts().count().saturating_sub(1)
    }

    /// Returns the paths of the folders that it lies in, from the top.
    pub fn folders(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.as_bytes();
        let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.filter_map(move |(at, _)| bytes.get(..at))
    }

    /// Tells whether it is this path, or lies below it.
    pub fn is_within(&self, folder: &[u8]) -> bool {
        match self.as_bytes().strip_prefix(folder) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"/"),
            None => false,
        }
    }
}

impl Origin {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that serde calls"
    )]
    fn is_host(&self) -> bool {
        *self == Self::Host
    }
}

impl Node {
    /// Returns its permissions, where it has any of its own.
    pub fn mode(&self) -> Option<u32> {
        match self {
            Self::Folder { mode } | Self::Plain { mode, .. } => Some(*mode),
            Self::Link { .. } | Self::Special => None,
        }
    }
}

/// Writes a digest in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Tells whether a letter shows nothing, turns the line round, or commands a terminal.
///
/// These are Unicode's default ignorable letters, and what separates or annotates lines. The two that only
/// choose between the plain and the coloured shape of a sign are left out.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            u32::from(letter),
            0xAD | 0x34F
                | 0x61C
                | 0x115F..=0x1160
                | 0x17B4..=0x17B5
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFE00..=0xFE0D
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0x1BCA0..=0x1BCA3
                | 0x1D173..=0x1D17A
                | 0xE0000..=0xE0FFF
        )
}

impl fmt::Display for RawText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                if letter == '%' || is_hidden(letter) {
                    let mut bytes = [0; 4];
                    for byte in letter.encode_utf8(&mut bytes).as_bytes() {
                        write!(out, "%{byte:02X}")?;
                    }
                } else {
                    write!(out, "{letter}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(out, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Serialize for RawText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::unescaped(&text).ok_or_else(|| D::Error::custom("a `%` without two digits"))
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(RawText::deserialize(deserializer)?.0).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_has_only_names_between_its_slashes() {
        for good in ["a", "a/b", "..a/.b", "-rf", "a\nb", "a b/ c", "%41"] {
            assert!(TreePath::new(good).is_ok(), "{good}");
        }
        assert!(TreePath::new(vec![0xFF, b'/', 0x1B]).is_ok());
        for (bad, why) in [
            ("", PathError::Shape),
            ("/a", PathError::Shape),
            ("a/", PathError::Shape),
            ("a//b", PathError::Shape),
            (".", PathError::Shape),
            ("a/../b", PathError::Shape),
            ("a/./b", PathError::Shape),
            ("..", PathError::Shape),
            ("a\0", PathError::Zero),
        ] {
            assert_eq!(TreePath::new(bad), Err(why), "{bad}");
            let json = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<TreePath>(&json).is_err(), "{bad}");
        }
        assert_eq!(
            TreePath::new("a".repeat(PATH_BYTES + 1)),
            Err(PathError::Long)
        );
        // What is escaped is checked as it will be used.
        assert!(serde_json::from_str::<TreePath>("\"%2e%2e/a\"").is_err());
        assert!(serde_json::from_str::<TreePath>("\"a%2e%2e/a\"").is_ok());
    }

    #[test]
    fn what_commands_a_terminal_is_escaped() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(RawText::new(bytes).to_string(), expected);
        };
        check(b"plain name", "plain name");
        check("grün".as_bytes(), "grün");
        check(b"a\nb\x1b[2J", "a%0Ab%1B[2J");
        check(b"100%", "100%25");
        check(&[b'a', 0xFF], "a%FF");
        check("a\u{202e}b".as_bytes(), "a%E2%80%AEb");
        check("\u{9b}2J".as_bytes(), "%C2%9B2J");
        check("a\u{3164}".as_bytes(), "a%E3%85%A4");
        check("a\u{e0100}".as_bytes(), "a%F3%A0%84%80");
        check("\u{2764}\u{fe0f}".as_bytes(), "\u{2764}\u{fe0f}");
    }

    #[test]
    fn a_path_lies_within_its_folders_and_not_within_their_namesakes() {
        let path = TreePath::new("a/b/c").unwrap();
        for (folder, expected) in [
            ("a", true),
            ("a/b", true),
            ("a/b/c", true),
            ("a/bb", false),
            ("b", false),
            ("a/b/c/d", false),
        ] {
            assert_eq!(path.is_within(folder.as_bytes()), expected, "{folder}");
        }
        assert_eq!((path.name(), path.depth()), (&b"c"[..], 2));
        let folders: Vec<&[u8]> = path.folders().collect();
        assert_eq!(folders, [&b"a"[..], b"a/b"]);
    }

    proptest! {
        #[test]
        fn every_name_is_one_harmless_line_and_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = RawText::new(bytes);
            let shown = text.to_string();
            prop_assert!(!shown.contains(is_hidden), "{shown:?}");
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<RawText>(&json).unwrap(), text);
        }
    }
}

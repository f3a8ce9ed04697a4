//! Names, paths and commands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use bottle_contract::id::Name;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::env::MAX_STRING;
use super::read::{At, Read, Text};

/// One name, or a list of them.
#[derive(Clone, Debug)]
pub(crate) struct Names(pub(crate) Vec<(Name, Option<Range<usize>>)>);

/// A word of a command, or a value of a variable: what the kernel takes as one string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) String);

/// A command with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Command(pub(crate) Vec<String>);

/// What the agent is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Prompt(pub(crate) String);

/// A path on the host, relative to the file in which it stands.
#[derive(Clone, Debug)]
pub(crate) struct FilePath(pub(crate) PathBuf);

/// A folder inside the bottle.
#[derive(Clone, Debug)]
pub(crate) struct Workdir(pub(crate) String);

impl FromStr for Word {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('\0') {
            return Err("the text has a NUL character");
        }
        if text.len() > MAX_STRING {
            return Err(
                "the text is longer than 128 KiB, the most that a program takes as one word",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Prompt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err("the prompt is empty");
        }
        text.parse::<Word>().map(|word| Self(word.0))
    }
}

impl FromStr for FilePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("the path is empty");
        }
        if text.contains('\0') {
            return Err("the path has a NUL character");
        }
        if text.starts_with('~') {
            return Err("`~` is not expanded; write the whole path, or one relative to this file");
        }
        Ok(Self(PathBuf::from(text)))
    }
}

impl FromStr for Workdir {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.starts_with('/') {
            return Err("a folder in the bottle is absolute, such as `/workspace`");
        }
        if text.contains('\0') || text.split('/').any(|part| part == "." || part == "..") {
            return Err("a folder in the bottle has no `.`, no `..` and no NUL character");
        }
        if text.contains([':', ',']) {
            return Err(
                "a folder in the bottle has no `:` and no `,`: engines cannot mount one that has",
            );
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        match parts.first() {
            None => Err("the work does not start at `/`; name a folder, such as `/workspace`"),
            Some(&(".bottle" | "proc" | "sys" | "dev")) => {
                Err("this folder belongs to the system or to bottle; name another one")
            }
            Some(_) => Ok(Self(format!("/{}", parts.join("/")))),
        }
    }
}

impl Text for Word {
    const EXPECTED: &'static str = "text in quotes";
}

impl Text for Prompt {
    const EXPECTED: &'static str = "a prompt in quotes";
}

impl Text for FilePath {
    const EXPECTED: &'static str = "a path in quotes";
}

impl Text for Workdir {
    const EXPECTED: &'static str = "a folder in quotes, such as \"/workspace\"";
    const PATTERN: Option<&'static str> = Some("^/");
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name in quotes, or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Names, E> {
        let name = text.parse().map_err(E::custom)?;
        Ok(Names(vec![(name, None)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
        let mut names: Vec<(Name, Option<Range<usize>>)> = Vec::new();
        while let Some(At {
            value: Read(name),
            span,
        }) = list.next_element::<At<Read<Name>>>()?
        {
            if names.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!(
                    "`{name}` stands in the list twice"
                )));
            }
            names.push((name, Some(span)));
        }
        Ok(Names(names))
    }
}

impl JsonSchema for Names {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = Read::<Name>::json_schema(generator);
        json_schema!({
            "anyOf": [name, { "type": "array", "items": name, "uniqueItems": true }]
        })
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommandVisitor)
    }
}

struct CommandVisitor;

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = Command;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of words, such as [\"claude\", \"-p\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Command, A::Error> {
        let mut words = Vec::new();
        while let Some(Read(Word(word))) = list.next_element()? {
            words.push(word);
        }
        if words.first().is_none_or(String::is_empty) {
            return Err(A::Error::custom("the command names no program"));
        }
        Ok(Command(words))
    }
}

impl JsonSchema for Command {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_folder_is_absolute_and_not_the_systems() {
        for (text, expected) in [
            ("/workspace", Some("/workspace")),
            ("//a//b/", Some("/a/b")),
            ("/process", Some("/process")),
            ("/", None),
            ("", None),
            ("work", None),
            ("/a/../b", None),
            ("/.bottle/run", None),
            ("/proc/1", None),
            ("/dev", None),
        ] {
            let got = text.parse::<Workdir>().ok().map(|folder| folder.0);
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_path_is_taken_as_it_stands() {
        assert!("../a b".parse::<FilePath>().is_ok());
        for bad in ["", "a\0b", "~/a", "~"] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_prompt_fits_into_one_word_of_a_command() {
        assert!("x".repeat(MAX_STRING).parse::<Prompt>().is_ok());
        for bad in ["", "  \n", "a\0", &"x".repeat(MAX_STRING + 1)] {
            assert!(bad.parse::<Prompt>().is_err());
        }
    }
}

//! The words of a command line, split into options, values and the terminator.
//!
//! A word such as `-it` is one element for the whole and one for each letter: a command may know
//! the letters, and whatever it does not know is left over and refused at the end.

use std::collections::BTreeSet;
use std::fmt;

/// The name of an option as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `--name`
    Long(String),
    /// `-n`
    Short(char),
    /// `-name`: several letters, or a name that nobody has.
    Pack(String),
}

impl Name {
    /// Reads a name with its dashes.
    pub(crate) fn read(text: &str) -> Self {
        if let Some(long) = text.strip_prefix("--") {
            return Self::Long(long.to_owned());
        }
        let rest = text.strip_prefix('-').unwrap_or(text);
        Self::after_one_dash(rest)
    }

    /// Reads a name whose one dash is gone.
    fn after_one_dash(rest: &str) -> Self {
        let mut letters = rest.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Self::Short(letter),
            (None | Some(_), _) => Self::Pack(rest.to_owned()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long(name) => write!(f, "--{name}"),
            Self::Short(letter) => write!(f, "-{letter}"),
            Self::Pack(name) => write!(f, "-{name}"),
        }
    }
}

/// What an element is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// An option, with the value that was joined by `=`.
    Option(Name, Option<String>),
    /// A word without a dash in front, a lone dash, or anything after the terminator.
    Value(String),
    /// The first `--`.
    Terminator,
}

/// The place of an element: the word, and the letter within it.
///
/// The whole word (no letter) sorts before its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which word.
    pub(crate) word: usize,
    /// Which letter of a pack; none for the whole word.
    pub(crate) letter: Option<usize>,
}

/// A word, or a letter of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// What it is.
    pub(crate) content: Content,
    /// Where it stands.
    pub(crate) place: Place,
}

impl Element {
    /// Tells whether this is a whole word and no letter of one.
    pub(crate) fn is_whole(&self) -> bool {
        self.place.letter.is_none()
    }

    /// Tells whether this is a value.
    pub(crate) fn is_value(&self) -> bool {
        matches!(self.content, Content::Value(_))
    }
}

/// A command line, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    elements: Vec<Element>,
    words: Vec<String>,
}

impl Split {
    /// Splits words; the error is what is wrong with one of them.
    pub(crate) fn new(words: &[String]) -> Result<Self, String> {
        let mut elements = Vec::new();
        let mut ended = false;
        for (word, text) in words.iter().enumerate() {
            if ended {
                elements.push(whole(word, Content::Value(text.clone())));
                continue;
            }
            let parts = split(word, text)?;
            ended = parts
                .first()
                .is_some_and(|part| part.content == Content::Terminator);
            elements.extend(parts);
        }
        Ok(Self {
            elements,
            words: words.to_vec(),
        })
    }

    /// Returns what is left.
    pub(crate) fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Returns how many words there were at first.
    pub(crate) fn words(&self) -> usize {
        self.words.len()
    }

    /// Returns how many words are left, wholly or in part.
    pub(crate) fn words_left(&self) -> usize {
        let left: BTreeSet<usize> = self.elements.iter().map(|one| one.place.word).collect();
        left.len()
    }

    /// Returns the word at a place as it was typed.
    pub(crate) fn typed(&self, place: Place) -> &str {
        self.words.get(place.word).map_or("", String::as_str)
    }

    /// Takes the first element.
    pub(crate) fn pop(&mut self) -> Option<Element> {
        (!self.elements.is_empty()).then(|| self.elements.remove(0))
    }

    /// Takes the whole word after a place, if it is a value.
    pub(crate) fn pop_value_after(&mut self, place: Place) -> Option<(Place, String)> {
        let position = self
            .elements
            .iter()
            .position(|element| element.place > place && element.is_whole())?;
        let element = self.elements.get(position)?;
        let Content::Value(value) = &element.content else {
            return None;
        };
        let taken = (element.place, value.clone());
        self.elements.remove(position);
        Some(taken)
    }

    /// Removes what stands at places: a whole word goes with its letters, and a letter takes the
    /// whole along but not the other letters.
    pub(crate) fn remove(&mut self, places: &[Place]) {
        for place in places {
            self.elements.retain(|element| {
                let same_word = element.place.word == place.word;
                let goes = place.letter.is_none()
                    || element.is_whole()
                    || element.place.letter == place.letter;
                !(same_word && goes)
            });
        }
    }

    /// Tells whether one of these names is left, joined to a value or not.
    pub(crate) fn has(&self, names: &[Name]) -> bool {
        self.elements.iter().any(
            |element| matches!(&element.content, Content::Option(name, _) if names.contains(name)),
        )
    }
}

/// Makes an element of a whole word.
fn whole(word: usize, content: Content) -> Element {
    let place = Place { word, letter: None };
    Element { content, place }
}

/// Splits one word before the terminator.
fn split(word: usize, text: &str) -> Result<Vec<Element>, String> {
    let rest = text.trim_start_matches('-');
    let dashes = text.len() - rest.len();
    match (dashes, rest.is_empty()) {
        (0, _) | (1, true) => Ok(vec![whole(word, Content::Value(text.to_owned()))]),
        (1, false) => one_dash(word, rest),
        (2, true) => Ok(vec![whole(word, Content::Terminator)]),
        (2, false) => Ok(vec![two_dashes(word, text)]),
        (3.., _) => Err(text.to_owned()),
    }
}

/// Splits `--name` and `--name=value`; an empty value after the sign is no value at all.
fn two_dashes(word: usize, text: &str) -> Element {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let value = (!value.is_empty()).then(|| value.to_owned());
    whole(word, Content::Option(Name::read(name), value))
}

/// Splits `-n`, `-n=value`, and `-name`, which is also its letters.
fn one_dash(word: usize, rest: &str) -> Result<Vec<Element>, String> {
    if let Some((name, value)) = rest.split_once('=') {
        if name.is_empty() {
            return Err(format!("-{rest}"));
        }
        let name = Name::after_one_dash(name);
        let value = Some(value.to_owned());
        return Ok(vec![whole(word, Content::Option(name, value))]);
    }
    let name = Name::after_one_dash(rest);
    let is_pack = matches!(name, Name::Pack(_));
    let mut elements = vec![whole(word, Content::Option(name, None))];
    if is_pack {
        elements.extend(rest.chars().enumerate().map(|(at, letter)| Element {
            content: Content::Option(Name::Short(letter), None),
            place: Place {
                word,
                letter: Some(at),
            },
        }));
    }
    Ok(elements)
}

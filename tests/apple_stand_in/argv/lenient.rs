//! One command's look at the words: it takes what it knows and leaves the rest.

use super::grammar::{Argument, Command, Grammar, Kind};
use super::refusal::Refusal;
use super::value;
use super::words::{Content, Name, Place, Split};

/// What a command found.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// Each argument with its value, in the order of the command line; a flag has none.
    pub(crate) values: Vec<(&'a Argument, Option<String>)>,
    /// What was used, and is gone once the command is read.
    pub(crate) used: Vec<Place>,
}

impl Found<'_> {
    /// Tells whether an argument was given.
    pub(crate) fn has(&self, argument: &Argument) -> bool {
        self.values
            .iter()
            .any(|(found, _)| found.key() == argument.key() && found.kind == argument.kind)
    }

    /// Lists the values of the argument with a key.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(move |(argument, _)| argument.key() == key)
            .filter_map(|(_, value)| value.as_deref())
    }

    /// Tells whether the argument with a key was given.
    pub(crate) fn gives(&self, key: &str) -> bool {
        self.values
            .iter()
            .any(|(argument, _)| argument.key() == key)
    }
}

/// Reads the words as one command; none of them is removed.
pub(crate) fn look<'a>(
    grammar: &'a Grammar,
    command: &'a Command,
    split: &Split,
) -> Result<Found<'a>, Refusal> {
    let mut look = Look {
        grammar,
        command,
        left: split.clone(),
        taken: Vec::new(),
        found: Found {
            values: Vec::new(),
            used: Vec::new(),
        },
    };
    look.options()?;
    let mut rest = split.clone();
    rest.remove(&look.taken);
    look.positionals(&rest);
    Ok(look.found)
}

struct Look<'a> {
    grammar: &'a Grammar,
    command: &'a Command,
    left: Split,
    /// What is no positional, although not all of it counts as used.
    taken: Vec<Place>,
    found: Found<'a>,
}

/// Whether to look at the words behind.
enum Next {
    Go,
    Stop,
}

impl Look<'_> {
    /// Takes the options and flags, up to where everything is passed through.
    fn options(&mut self) -> Result<(), Refusal> {
        while let Some(element) = self.left.pop() {
            let next = match element.content {
                Content::Value(word) => self.value(&word),
                Content::Option(name, value) => self.option(&name, value, element.place)?,
                // It may be a positional's value later.
                Content::Terminator => Next::Go,
            };
            if let Next::Stop = next {
                break;
            }
        }
        Ok(())
    }

    /// Tells whether the first positional, or an unknown option, ends the options.
    fn captures(&self) -> bool {
        self.command.passes_through() || self.grammar.fallback(self.command).is_some()
    }

    fn value(&self, word: &str) -> Next {
        let subcommand = self.grammar.subcommand(self.command, word);
        let goes_on = match subcommand {
            Some(subcommand) if subcommand.passes_through() => false,
            // The root looks for its own options behind the names of subcommands.
            Some(_) if self.grammar.fallback(self.command).is_some() => true,
            Some(_) | None => !self.captures(),
        };
        if goes_on { Next::Go } else { Next::Stop }
    }

    fn option(
        &mut self,
        name: &Name,
        value: Option<String>,
        place: Place,
    ) -> Result<Next, Refusal> {
        let Some(argument) = self.command.named(name) else {
            // The letters of a pack come next: one of them may be known.
            let is_pack = matches!(name, Name::Pack(_)) && value.is_none();
            let stops = self.captures() && !is_pack;
            return Ok(if stops { Next::Stop } else { Next::Go });
        };
        let mut places = vec![place];
        let value = match argument.kind {
            Kind::Flag => flag(name, value)?,
            Kind::Option => {
                let value = match value {
                    Some(value) => value,
                    None => self.word_after(name, place, &mut places)?,
                };
                value::check(argument, &value)
                    .map_err(|why| Refusal::invalid(argument, name, &value, why))?;
                Some(value)
            }
            Kind::Positional => return Ok(Next::Go),
        };
        self.left.remove(&places);
        self.taken.extend(&places);
        // The root has read the logging options already, and its answer stands: a command
        // recognizes `--debug` but never uses it, so that it is left over.
        if self.command.is_root() || argument.key() != "debug" {
            self.found.values.push((argument, value));
            self.found.used.extend(&places);
        }
        Ok(Next::Go)
    }

    /// Takes the word behind an option as its value.
    fn word_after(
        &mut self,
        name: &Name,
        place: Place,
        places: &mut Vec<Place>,
    ) -> Result<String, Refusal> {
        if let Some((at, value)) = self.left.pop_value_after(place) {
            places.push(at);
            return Ok(value);
        }
        let pack = place
            .letter
            .is_some()
            .then(|| Name::read(self.left.typed(place)));
        Err(Refusal::MissingValue {
            name: name.clone(),
            pack,
        })
    }

    /// Gives the words that are left to the positionals, in the order of their declaration.
    fn positionals(&mut self, rest: &Split) {
        let mut words = rest.elements().iter().filter(|element| element.is_whole());
        let positionals = self
            .command
            .arguments
            .iter()
            .filter(|argument| argument.kind == Kind::Positional);
        for argument in positionals {
            loop {
                let next = words.find(|element| argument.captures() || element.is_value());
                let Some(element) = next else { return };
                let value = rest.typed(element.place).to_owned();
                self.found.values.push((argument, Some(value)));
                self.found.used.push(element.place);
                if !argument.is_repeating {
                    break;
                }
            }
        }
    }
}

/// Checks that a flag has no value.
fn flag(name: &Name, value: Option<String>) -> Result<Option<String>, Refusal> {
    match value {
        None => Ok(None),
        Some(value) => Err(Refusal::UnexpectedValue {
            name: name.clone(),
            value,
        }),
    }
}

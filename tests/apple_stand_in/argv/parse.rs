//! From words to a verdict.
//!
//! The commands are read from the root down. Each takes from all words what it knows, checks
//! itself, and hands over to the subcommand that the first word left names. What is left when
//! there is no further command is refused, but a call for help among it wins.

use super::grammar::{Argument, Command, DEFAULT, Grammar, HELP, Kind};
use super::lenient::{Found, look};
use super::parsed::{Outcome, Parsed};
use super::plugin::{self, Service};
use super::refusal::Refusal;
use super::release::version_line;
use super::surroundings::{Machine, Surroundings};
use super::usage;
use super::validate;
use super::words::{Content, Name, Split};
use crate::version::Version;

/// The status when the embedded data cannot be read.
const SOFTWARE: u8 = 70;

/// Judges the words after the program's name, on this machine and with the service up.
pub fn parse(version: Version, words: &[String]) -> Outcome {
    parse_in(version, words, &Machine, Service::Up)
}

/// Judges the words after the program's name, anywhere.
pub fn parse_in(
    version: Version,
    words: &[String],
    surroundings: &dyn Surroundings,
    service: Service,
) -> Outcome {
    let judged = Grammar::of(version).and_then(|grammar| {
        let root = grammar.root()?;
        let descent = Descent {
            version,
            grammar,
            surroundings,
            service,
            command: root,
            parsed: Parsed::default(),
        };
        Ok(descent.judge(words))
    });
    judged.unwrap_or_else(|error| Outcome::Refused {
        exit: SOFTWARE,
        message: format!("the grammar of {} is broken: {error}", version.as_str()),
    })
}

/// The way from the root to the command that is meant.
struct Descent<'a> {
    version: Version,
    grammar: &'a Grammar,
    surroundings: &'a dyn Surroundings,
    service: Service,
    command: &'a Command,
    parsed: Parsed,
}

/// Why the way ends before its end.
enum End {
    Help(String),
    Refusal(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl<'a> Descent<'a> {
    fn judge(mut self, words: &[String]) -> Outcome {
        match self.descend(words) {
            Ok(()) => self.arrive(),
            Err(End::Help(message)) => Outcome::Help { message },
            Err(End::Refusal(refusal)) => refused(&refusal, self.command),
        }
    }

    fn descend(&mut self, words: &[String]) -> Result<(), End> {
        if words.first().is_some_and(|word| word == "---completion") {
            return Err(Refusal::Internal.into());
        }
        let mut split = Split::new(words).map_err(Refusal::InvalidOption)?;
        completion_script(&split)?;
        loop {
            self.read(&mut split)?;
            let Some(next) = self.next(&mut split) else {
                break;
            };
            self.command = next;
        }
        self.built_in(&split)?;
        leftover(&split)?;
        Ok(())
    }

    /// Reads the current command's own arguments.
    fn read(&mut self, split: &mut Split) -> Result<(), End> {
        let found = look(self.grammar, self.command, split)?;
        if let Err(refusal) = self.complete(&found) {
            self.built_in(split)?;
            return Err(refusal.into());
        }
        split.remove(&found.used);
        if let Err(refusal) = validate::command(self.command, &found, self.surroundings) {
            self.built_in(split)?;
            return Err(refusal.into());
        }
        for (argument, value) in found.values {
            self.keep(argument, value);
        }
        Ok(())
    }

    /// Checks that no required argument is absent, and the groups of options before that.
    fn complete(&self, found: &Found<'_>) -> Result<(), Refusal> {
        validate::group(self.command, found)?;
        let mut required = self
            .command
            .arguments
            .iter()
            .filter(|argument| !argument.is_optional);
        match required.find(|argument| !found.has(argument)) {
            Some(argument) => Err(Refusal::missing(argument)),
            None => Ok(()),
        }
    }

    fn keep(&mut self, argument: &Argument, value: Option<String>) {
        let key = argument.key().to_owned();
        let values = match argument.kind {
            Kind::Flag => {
                // Of a switch and its opposite, the last wins.
                if let Some(opposite) = opposite(&key) {
                    self.parsed.flags.remove(&opposite);
                }
                self.parsed.flags.insert(key);
                return;
            }
            Kind::Option => self.parsed.options.entry(key),
            Kind::Positional => self.parsed.positionals.entry(key),
        };
        values.or_default().extend(value);
    }

    /// Finds the command that goes on, and takes its name from the words.
    fn next(&self, split: &mut Split) -> Option<&'a Command> {
        let first = split.elements().first();
        let named = first.and_then(|element| match &element.content {
            Content::Value(word) => self
                .grammar
                .subcommand(self.command, word)
                .map(|command| (command, element.place)),
            Content::Option(..) | Content::Terminator => None,
        });
        if let Some((command, place)) = named {
            split.remove(&[place]);
            return Some(command);
        }
        let fallback = self.grammar.fallback(self.command)?;
        // A call for help goes to the root only when it is all there is.
        let is_call = self.grammar.is_alone(split) && self.built_in(split).is_err();
        (!is_call).then_some(fallback)
    }

    /// Ends the way if help or the version is asked for in what is left.
    fn built_in(&self, split: &Split) -> Result<(), End> {
        let long = |name: &str| Name::Long(name.to_owned());
        if split.has(&[Name::Short('h'), long("help"), long("help-hidden")]) {
            return Err(End::Help(usage::help(self.command)));
        }
        if split.has(&[long("experimental-dump-help")]) {
            return Err(End::Help(self.grammar.dump().trim_end().to_owned()));
        }
        if split.has(&[long("version")]) {
            return Err(End::Help(version_line(self.version)));
        }
        Ok(())
    }

    /// Answers for the command at the end of the way.
    fn arrive(mut self) -> Outcome {
        if !self.command.is_root() && self.command.subcommands().is_empty() {
            match self.command.name() {
                DEFAULT => return self.fall_back(),
                HELP => return self.help(),
                _ => {}
            }
            self.command.words().clone_into(&mut self.parsed.command);
            return Outcome::Accepted(self.parsed);
        }
        help(self.command)
    }

    /// Answers for what no command takes: the name of a plugin, or a mistake.
    fn fall_back(&self) -> Outcome {
        let Ok(root) = self.grammar.root() else {
            return help(self.command);
        };
        let refusal = match self.parsed.word("remaining") {
            None => return help(root),
            Some("") => Refusal::Validation("unknown argument ''".to_owned()),
            Some(word) if word.starts_with('-') => {
                Refusal::Validation(format!("unknown option '{word}'"))
            }
            Some(word) => Refusal::Validation(plugin::missing(word, self.service)),
        };
        refused(&refusal, root)
    }

    /// Answers `help COMMAND…`.
    fn help(&self) -> Outcome {
        let Ok(root) = self.grammar.root() else {
            return help(self.command);
        };
        let path = self.parsed.words("subcommand-path");
        let target = path.iter().try_fold(root, |command, word| {
            // The default command has no name that could be asked for.
            self.grammar
                .subcommand(command, word)
                .filter(|found| found.name() != DEFAULT)
        });
        if let Some(target) = target {
            return help(target);
        }
        let what = format!("unknown command '{}'", path.join(" "));
        refused(&Refusal::Validation(what), root)
    }
}

fn help(command: &Command) -> Outcome {
    let message = usage::help(command);
    Outcome::Help { message }
}

fn refused(refusal: &Refusal, command: &Command) -> Outcome {
    Outcome::Refused {
        exit: refusal.exit(),
        message: refusal.text(command),
    }
}

/// Returns the opposite of a switch that has one.
fn opposite(key: &str) -> Option<String> {
    let enable = key.strip_prefix("disable-").map(|rest| ("enable", rest));
    let disable = key.strip_prefix("enable-").map(|rest| ("disable", rest));
    enable
        .or(disable)
        .map(|(word, rest)| format!("{word}-{rest}"))
}

/// Ends the way if a script for a shell's completion is asked for, anywhere.
fn completion_script(split: &Split) -> Result<(), End> {
    let asked = Name::Long("generate-completion-script".to_owned());
    let mut shell = None;
    let mut bare = false;
    for element in split.elements() {
        let Content::Option(name, value) = &element.content else {
            continue;
        };
        if *name != asked {
            continue;
        }
        let next = || split.clone().pop_value_after(element.place);
        shell = value.clone().or_else(|| next().map(|(_, value)| value));
        if shell.is_none() {
            bare = true;
            break;
        }
    }
    match shell.as_deref() {
        None if !bare => Ok(()),
        None | Some("bash" | "zsh" | "fish") => Err(End::Help(String::new())),
        Some(shell) => Err(Refusal::Validation(format!(
            "Can't generate completion scripts for '{shell}'.\nPlease use \
             --generate-completion-script=<shell> with one of:\n    zsh bash fish"
        ))
        .into()),
    }
}

/// Refuses what nobody took: an option, if there is one, or else all the words.
fn leftover(split: &Split) -> Result<(), Refusal> {
    let elements = split.elements();
    let only_terminator = matches!(
        elements,
        [element] if element.content == Content::Terminator
    );
    if elements.is_empty() || only_terminator {
        return Ok(());
    }
    let unknown = elements.iter().find_map(|element| match &element.content {
        Content::Option(name, _) => Some(name.clone()),
        Content::Value(_) | Content::Terminator => None,
    });
    Err(match unknown {
        Some(name) => Refusal::Unknown(name),
        None => Refusal::Unexpected(
            elements
                .iter()
                .map(|element| split.typed(element.place).to_owned())
                .collect(),
        ),
    })
}

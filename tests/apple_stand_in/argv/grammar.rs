//! Apple's own argument definitions, read from the embedded data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::words::{Name, Split};
use crate::version::Version;

/// The name of the program, and of the root of the tree of commands.
pub(crate) const ROOT: &str = "container";
/// The hidden command that takes whatever no other command takes, and looks for a plugin.
pub(crate) const DEFAULT: &str = "default-command";
/// Apple's own help command.
pub(crate) const HELP: &str = "help";

const V1_0_0: &str = include_str!("grammar/container-1.0.0.json");
const V1_1_0: &str = include_str!("grammar/container-1.1.0.json");
const V1_2_2: &str = include_str!("grammar/container-1.2.2.json");

/// All commands of one version.
#[derive(Clone, Debug)]
pub(crate) struct Grammar {
    commands: BTreeMap<String, Command>,
    dump: &'static str,
    parser: String,
}

/// A command.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Command {
    #[serde(skip)]
    path: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    subcommands: Vec<String>,
    /// The arguments, in the order of their declaration.
    pub(crate) arguments: Vec<Argument>,
    /// What is checked once all arguments are read.
    pub(crate) validate: Option<Validation>,
}

/// An argument of a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Argument {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its names with their dashes; a positional has none.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// What its value is called.
    pub(crate) value_name: String,
    /// Whether it may be absent.
    pub(crate) is_optional: bool,
    /// Whether it may be given several times.
    pub(crate) is_repeating: bool,
    /// Whether help and suggestions leave it out.
    #[serde(default)]
    pub(crate) hidden: bool,
    /// What its values are.
    pub(crate) value_type: Option<ValueType>,
    /// The values of an enumeration.
    #[serde(default)]
    pub(crate) all_values: Vec<String>,
    parsing_strategy: Option<ParsingStrategy>,
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    /// A switch.
    Flag,
    /// A name with a value.
    Option,
    /// A value by its place.
    Positional,
}

/// What the values of an option are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ValueType {
    /// Anything.
    String,
    /// One of a list.
    Enum,
    /// A whole number in 32 bits.
    Int32,
    /// A whole number in 64 bits.
    Int64,
    /// A whole number without a sign in 32 bits.
    Uint32,
    /// A number.
    Double,
    /// An IPv4 network.
    Cidrv4,
    /// An IPv6 network.
    Cidrv6,
}

/// How a positional takes its values, where it is not the usual way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ParsingStrategy {
    /// Everything from the first positional or unknown option on.
    CaptureForPassthrough,
}

/// What a command checks once its arguments are read.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Validation {
    /// The check.
    pub(crate) rule: Rule,
    /// The status that a failure ends with.
    pub(crate) exit: u8,
}

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// Either some names or `--all`.
    IdsXorAll,
    /// No `--dns…` beside `--no-dns`.
    NoDnsExcludesDnsFlags,
    /// What `build` finds out before it starts.
    BuildContextDockerfileTagSecretSsh,
    /// The duration of `system logs --last`.
    LastDuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    argument_parser: String,
    commands: BTreeMap<String, Command>,
}

/// A version's grammar, or what is wrong with the embedded data.
type Read = Result<Grammar, String>;

static GRAMMAR_1_2_2: LazyLock<Read> = LazyLock::new(|| Grammar::read(V1_2_2));
static GRAMMAR_1_1_0: LazyLock<Read> = LazyLock::new(|| older(V1_1_0));
static GRAMMAR_1_0_0: LazyLock<Read> = LazyLock::new(|| older(V1_0_0));

/// Reads the data of a version before 1.2.
///
/// Its parser library leaves two things out when it is asked for its definitions, although the
/// commands have had them all along: the aliases, and which groups of options are hidden.
fn older(text: &'static str) -> Read {
    let mut grammar = Grammar::read(text)?;
    let newest = GRAMMAR_1_2_2.as_ref().map_err(Clone::clone)?;
    for (path, command) in &mut grammar.commands {
        let Some(known) = newest.commands.get(path) else {
            continue;
        };
        command.aliases.clone_from(&known.aliases);
        for argument in &mut command.arguments {
            let same = |other: &&Argument| other.names == argument.names;
            argument.hidden = known
                .arguments
                .iter()
                .find(same)
                .is_some_and(|one| one.hidden);
        }
    }
    Ok(grammar)
}

impl Grammar {
    /// Returns the grammar of a version.
    pub(crate) fn of(version: Version) -> Result<&'static Self, String> {
        let read = match version {
            Version::V0_12_3 | Version::V1_0_0 => &GRAMMAR_1_0_0,
            Version::V1_1_0 => &GRAMMAR_1_1_0,
            Version::V1_2_2 | Version::V1_5_0 => &GRAMMAR_1_2_2,
        };
        read.as_ref().map_err(Clone::clone)
    }

    fn read(dump: &'static str) -> Read {
        let data: Data = serde_json::from_str(dump).map_err(|error| error.to_string())?;
        let mut commands = data.commands;
        // The data leaves the help command out; it takes its words as the default command does.
        if let Some(default) = commands.get(&format!("{ROOT} {DEFAULT}")) {
            let mut help = default.clone();
            for argument in &mut help.arguments {
                if argument.kind == Kind::Positional {
                    "subcommand-path".clone_into(&mut argument.value_name);
                }
            }
            commands.insert(format!("{ROOT} {HELP}"), help);
        }
        for (path, command) in &mut commands {
            command.path.clone_from(path);
        }
        let parser = data.argument_parser;
        Ok(Self {
            commands,
            dump,
            parser,
        })
    }

    /// Returns the root of the tree.
    pub(crate) fn root(&self) -> Result<&Command, String> {
        let root = self.commands.get(ROOT);
        root.ok_or_else(|| format!("the grammar has no `{ROOT}`"))
    }

    /// Returns the embedded data as it is.
    pub(crate) fn dump(&self) -> &'static str {
        self.dump
    }

    /// Tells whether a call for help is the only word of the root, so that the root answers it.
    ///
    /// Up to 1.7 the parser library counts the words as they were typed; since 1.8 it counts what
    /// the root has left of them.
    pub(crate) fn is_alone(&self, split: &Split) -> bool {
        if self.parser.starts_with("1.7.") {
            split.words() == 1
        } else {
            split.words_left() == 1
        }
    }

    /// Finds the subcommand of a command by its name or an alias.
    pub(crate) fn subcommand(&self, command: &Command, word: &str) -> Option<&Command> {
        let default = command.is_root().then_some(DEFAULT);
        default
            .into_iter()
            .chain(command.subcommands.iter().map(String::as_str))
            .filter_map(|name| self.commands.get(&format!("{} {name}", command.path)))
            .find(|sub| sub.name() == word || sub.aliases.iter().any(|alias| alias == word))
    }

    /// Returns the command that the root falls back to.
    pub(crate) fn fallback(&self, command: &Command) -> Option<&Command> {
        let default = self.commands.get(&format!("{ROOT} {DEFAULT}"));
        default.filter(|_| command.is_root())
    }
}

impl Command {
    /// Returns the words that lead here, the program's name first.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the last word of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit(' ').next().unwrap_or(&self.path)
    }

    /// Returns the path without the program's name.
    pub(crate) fn words(&self) -> &str {
        self.path
            .strip_prefix(ROOT)
            .map_or("", |rest| rest.trim_start())
    }

    /// Lists the names of the subcommands.
    pub(crate) fn subcommands(&self) -> &[String] {
        &self.subcommands
    }

    /// Tells whether this is the root of the tree.
    pub(crate) fn is_root(&self) -> bool {
        self.path == ROOT
    }

    /// Tells whether everything from the first positional on is passed through.
    pub(crate) fn passes_through(&self) -> bool {
        self.arguments.iter().any(Argument::captures)
    }

    /// Finds the argument with a name.
    pub(crate) fn named(&self, name: &Name) -> Option<&Argument> {
        self.arguments.iter().find(|argument| argument.has(name))
    }
}

impl Argument {
    /// Tells whether this takes everything that is left.
    pub(crate) fn captures(&self) -> bool {
        self.parsing_strategy == Some(ParsingStrategy::CaptureForPassthrough)
    }

    /// Tells whether this has a name.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.names.iter().any(|own| Name::read(own) == *name)
    }

    /// Returns the name to print: the first long one, or the letter.
    pub(crate) fn preferred_name(&self) -> Option<&str> {
        self.names
            .iter()
            .find(|name| name.starts_with("--"))
            .or(self.names.first())
            .map(String::as_str)
    }

    /// Returns the name by which the parsed command line holds this: the same without dashes, and
    /// a positional's own.
    pub(crate) fn key(&self) -> &str {
        self.preferred_name()
            .map_or(&self.value_name, |name| name.trim_start_matches('-'))
    }
}

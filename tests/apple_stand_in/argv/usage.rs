//! How a command is used, in the parser's words.

use std::fmt::Write as _;

use super::grammar::{Argument, Command, Kind};

/// More arguments than this are not all named.
const NAMED: usize = 12;

/// Returns what stands below an error: one line of usage, and where to read more.
pub(crate) fn short(command: &Command) -> String {
    format!(
        "Usage: {}\n  See '{} --help' for more information.",
        line(command),
        command.path()
    )
}

/// Returns the help of a command; Apple's descriptions are not in the data.
pub(crate) fn help(command: &Command) -> String {
    let mut text = format!("USAGE: {}\n", line(command));
    let sections = [
        ("ARGUMENTS", Kind::Positional),
        ("OPTIONS", Kind::Option),
        ("OPTIONS", Kind::Flag),
    ];
    let mut last = "";
    for (title, kind) in sections {
        for argument in visible(command).filter(|argument| argument.kind == kind) {
            if title != last {
                push(&mut text, format_args!("\n{title}:\n"));
                last = title;
            }
            push(&mut text, format_args!("  {}\n", label(argument)));
        }
    }
    if last != "OPTIONS" {
        text.push_str("\nOPTIONS:\n");
    }
    text.push_str("  --version\n  -h, --help\n");
    if !command.subcommands().is_empty() {
        text.push_str("\nSUBCOMMANDS:\n");
        for name in command.subcommands() {
            push(&mut text, format_args!("  {name}\n"));
        }
    }
    text.trim_end().to_owned()
}

/// Returns how a required argument is named when it is absent.
pub(crate) fn required(argument: &Argument) -> String {
    let name = format!("<{}>", argument.value_name);
    if argument.is_repeating {
        format!("{name} ...")
    } else {
        name
    }
}

/// Returns the line of usage without its title.
fn line(command: &Command) -> String {
    let path = command.path();
    let all: Vec<&Argument> = visible(command).collect();
    let arguments = if all.len() <= NAMED {
        join(&all)
    } else {
        let needed: Vec<&Argument> = all
            .into_iter()
            .filter(|argument| argument.kind == Kind::Positional || !argument.is_optional)
            .collect();
        match needed.len() {
            1..=NAMED => format!(" [<options>]{}", join(&needed)),
            _ => " <options>".to_owned(),
        }
    };
    let subcommand = if command.subcommands().is_empty() {
        ""
    } else {
        " <subcommand>"
    };
    format!("{path}{arguments}{subcommand}")
}

fn join(arguments: &[&Argument]) -> String {
    let mut text = String::new();
    for argument in arguments {
        text.push(' ');
        text.push_str(&synopsis(argument));
    }
    text
}

fn visible(command: &Command) -> impl Iterator<Item = &Argument> {
    command.arguments.iter().filter(|argument| !argument.hidden)
}

fn synopsis(argument: &Argument) -> String {
    let value = &argument.value_name;
    let name = argument.preferred_name().unwrap_or_default();
    let mut synopsis = match argument.kind {
        Kind::Flag => name.to_owned(),
        Kind::Option => format!("{name} <{value}>"),
        Kind::Positional => format!("<{value}>"),
    };
    if argument.is_repeating {
        synopsis.push_str(" ...");
    }
    if argument.is_optional {
        format!("[{synopsis}]")
    } else {
        synopsis
    }
}

/// Returns an argument with all its names, the letters first.
fn label(argument: &Argument) -> String {
    let (long, short): (Vec<&str>, Vec<&str>) = argument
        .names
        .iter()
        .map(String::as_str)
        .partition(|name| name.starts_with("--"));
    let names: Vec<&str> = short.into_iter().chain(long).collect();
    let names = names.join(", ");
    match argument.kind {
        Kind::Flag => names,
        Kind::Option => format!("{names} <{}>", argument.value_name),
        Kind::Positional => format!("<{}>", argument.value_name),
    }
}

/// Appends to a text, which cannot fail.
fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(more);
    debug_assert!(written.is_ok(), "a string takes everything");
}

//! Who may import whom.

use proc_macro2::{Delimiter, TokenTree};

use super::tokens::{group, ident, inside, is_sign, trees};
use super::tree::Source;

/// The modules of the root package and their floors. An import goes down or stays.
const FLOORS: [(&str, u8); 11] = [
    ("env", 1),
    ("error", 1),
    ("exit", 1),
    ("machine", 1),
    ("process", 1),
    ("ui", 1),
    ("manifest", 2),
    ("state", 2),
    ("backends", 3),
    ("launch", 4),
    ("cli", 5),
];

/// What a module may not import though it lies below, and why.
const NEVER: [(&str, &str, &str); 5] = [
    (
        "backends",
        "ui",
        "a backend reports progress, and never prints",
    ),
    ("backends", "env", "a backend is given what it needs"),
    (
        "backends",
        "manifest",
        "a backend is given a request, not a manifest",
    ),
    (
        "backends",
        "state",
        "a backend reports observations, and remembers nothing",
    ),
    (
        "launch",
        "backends::containers",
        "the launcher sees `dyn Backend` only",
    ),
];

/// Exceptions to [`NEVER`]: data types that are the words between two floors.
const WORDS: [(&str, &str); 3] = [
    ("backends", "state::Observed"),
    ("backends", "state::ResourceKind"),
    ("backends", "state::observed"),
];

/// What the parts of the sidecar may import beside themselves. The root (`app`) may import all.
const SIDECAR: [(&str, &[&str]); 11] = [
    // The listener drives a request through the others; it cannot skip one, since each demands
    // the type that the one before makes.
    (
        "listen",
        &[
            "gate", "relay", "tls", "audit", "headers", "limits", "silence",
        ],
    ),
    (
        "relay",
        &[
            "gate::Permit",
            // What a permit is watched by while it streams, and how that ends.
            "gate::Watch",
            "gate::Stopped",
            "gate::Refusal",
            "tls",
            "dlp",
            "audit",
            "headers",
            "limits",
            "silence",
        ],
    ),
    ("gate", &["dlp", "audit", "headers", "limits"]),
    ("dlp", &["limits"]),
    ("audit", &["limits"]),
    ("tls", &["limits"]),
    ("control", &["limits"]),
    // It brings the guest into places of its own making.
    ("native", &["guest"]),
    ("headers", &["limits"]),
    ("silence", &["limits"]),
    ("limits", &[]),
];

/// An import of something in this crate: the path from the crate's root on.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    line: usize,
}

/// Complains about imports that go up, in the root package.
pub(crate) fn check(source: &Source) -> Vec<String> {
    let Some(from) = root_module(source) else {
        return Vec::new();
    };
    let Some(floor) = floor(&from) else {
        return vec![source.complain(
            1,
            &format!("the module `{from}` has no floor: give it one in tests/tidy"),
        )];
    };
    let imports = imports(source, "src");
    let complaint = |import: &Import| {
        let what = match refusal(&from, floor, &import.path) {
            Some(reason) => format!("imports `{}`: {reason}", import.path.join("::")),
            None => return None,
        };
        Some(source.complain(import.line, &what))
    };
    imports.iter().filter_map(complaint).collect()
}

/// Complains about imports inside the sidecar that go where they should not.
pub(crate) fn check_sidecar(source: &Source) -> Vec<String> {
    let Some(from) = source.path.strip_prefix("src/sidecar/").map(module_path) else {
        return Vec::new();
    };
    let Some(from) = from.first().map(String::as_str) else {
        return Vec::new();
    };
    // The root, and what is built on its own around the crate.
    if matches!(from, "app" | "build" | "tests" | "benches") {
        return Vec::new();
    }
    // The guest is a program of its own that shares the binary: it knows nobody.
    let allowed = match SIDECAR.iter().find(|(module, _)| *module == from) {
        Some((_, allowed)) => *allowed,
        None if from == "guest" => &[],
        None => return vec![source.complain(1, &format!("`{from}` has no place in tests/tidy"))],
    };
    imports(source, "src/sidecar")
        .iter()
        .filter(|import| {
            let own = import.path.first().is_some_and(|to| to == from);
            !own && !allowed.iter().any(|place| is_below(&import.path, place))
        })
        .map(|import| {
            source.complain(
                import.line,
                &format!("`{from}` may not import `{}`", import.path.join("::")),
            )
        })
        .collect()
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// Returns the module of the root package that a file belongs to, the two entries left out.
fn root_module(source: &Source) -> Option<String> {
    let path = source.path.strip_prefix("src/")?;
    let members = ["contract/", "kernel/", "sidecar/"];
    let member = members.iter().any(|member| path.starts_with(member));
    let entry = matches!(path, "main.rs" | "lib.rs");
    (!member && !entry).then(|| module_path(path).first().cloned())?
}

fn refusal(from: &str, floor_of_from: u8, path: &[String]) -> Option<String> {
    let to = path.first()?;
    let floor_of_to = floor(to)?;
    if floor_of_to > floor_of_from {
        return Some(format!(
            "floor {floor_of_from} may not import floor {floor_of_to}"
        ));
    }
    if WORDS
        .iter()
        .any(|(module, word)| *module == from && is_below(path, word))
    {
        return None;
    }
    NEVER
        .iter()
        .find(|(module, never, _)| *module == from && is_below(path, never))
        .map(|(_, _, reason)| (*reason).to_owned())
}

/// Tells whether a path is this place or something in it.
fn is_below(path: &[String], place: &str) -> bool {
    let mut parts = path.iter();
    place
        .split("::")
        .all(|wanted| parts.next().is_some_and(|part| part == wanted))
}

/// Returns the path of the module in a file: `a/b.rs` and `a/b/mod.rs` are both `a::b`.
fn module_path(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/')
        .filter(|part| !matches!(*part, "mod" | "lib" | "main"))
        .map(str::to_owned)
        .collect()
}

/// Returns all that a file names in its own crate, in `use`, in paths, and in the arguments of macros.
fn imports(source: &Source, root: &str) -> Vec<Import> {
    let path = source.path.strip_prefix(root).unwrap_or(&source.path);
    let module = module_path(path.trim_start_matches('/'));
    let mut found = Vec::new();
    walk(&trees(source), &module, &mut found);
    found
}

fn walk(trees: &[TokenTree], module: &[String], found: &mut Vec<Import>) {
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        let inner = match ident(Some(tree)).as_deref() {
            Some("crate") if is_path(trees, at + 1) => {
                read_path(trees, at + 3, &[], found);
                None
            }
            Some("super") if is_path(trees, at + 1) => {
                at = read_super(trees, at, module, found);
                continue;
            }
            Some("mod") => ident(trees.get(at + 1)),
            _ => None,
        };
        let body = group(trees.get(at + 2), Delimiter::Brace);
        if let (Some(inner), Some(body)) = (inner, body) {
            walk(&inside(body), &[module, &[inner]].concat(), found);
            at += 3;
            continue;
        }
        if let TokenTree::Group(group) = tree {
            walk(&inside(group), module, found);
        }
        at += 1;
    }
}

/// Reads `super::super::…` and returns where the rest begins.
fn read_super(
    trees: &[TokenTree],
    start: usize,
    module: &[String],
    found: &mut Vec<Import>,
) -> usize {
    let mut at = start;
    let mut ups = 0;
    while ident(trees.get(at)).as_deref() == Some("super") && is_path(trees, at + 1) {
        ups += 1;
        at += 3;
    }
    let rest = module.len().saturating_sub(ups);
    read_path(trees, at, module.get(..rest).unwrap_or_default(), found);
    at
}

/// Reads what follows a `::`: a name, more names, or a group of them.
fn read_path(trees: &[TokenTree], at: usize, before: &[String], found: &mut Vec<Import>) {
    if let Some(names) = group(trees.get(at), Delimiter::Brace) {
        let names = inside(names);
        for part in names.split(|tree| is_sign(Some(tree), ',')) {
            read_path(part, 0, before, found);
        }
    } else if let (Some(name), Some(tree)) = (ident(trees.get(at)), trees.get(at)) {
        let path = [before, &[name]].concat();
        if is_path(trees, at + 1) {
            read_path(trees, at + 3, &path, found);
        } else {
            let line = tree.span().start().line;
            found.push(Import { path, line });
        }
    } else if let (true, Some(tree)) = (!before.is_empty(), trees.get(at)) {
        // A glob, or the angle bracket of a generic argument.
        let line = tree.span().start().line;
        let path = before.to_vec();
        found.push(Import { path, line });
    }
}

fn is_path(trees: &[TokenTree], at: usize) -> bool {
    is_sign(trees.get(at), ':') && is_sign(trees.get(at + 1), ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn imports_are_found_however_they_are_written() {
        let text = "use crate::{ui::Ui, state::{self, Record}};\nfn a() { crate::env::b(); vec![crate::exit::C]; super::super::d(); }\nmod m { use super::super::super::cli::E; use super::here; }";
        let found = imports(&Source::new("src/a/b.rs", text), "src");
        let paths: Vec<String> = found.iter().map(|import| import.path.join("::")).collect();
        let expected = [
            "ui::Ui",
            "state::self",
            "state::Record",
            "env::b",
            "exit::C",
            "d",
            "cli::E",
            "a::b::here",
        ];
        assert_eq!(paths, expected);
        assert_eq!(found.last().map(|import| import.line), Some(3));
    }

    #[test]
    fn an_import_that_goes_up_is_found() {
        assert_eq!(
            complaints("src/process/a.rs", "use crate::state::Record;"),
            1
        );
        assert_eq!(complaints("src/ui/mod.rs", "use super::cli::Args;"), 1);
        assert_eq!(
            complaints("src/exit.rs", "fn a() { matches!(b, crate::launch::C) }"),
            1
        );
        assert_eq!(
            complaints(
                "src/state/a.rs",
                "use crate::process::run; use crate::manifest::A;"
            ),
            0
        );
        assert_eq!(complaints("src/main.rs", "use bottle::cli;"), 0);
    }

    #[test]
    fn backends_and_the_launcher_keep_to_their_seams() {
        for (path, bad, good) in [
            (
                "src/backends/a.rs",
                "use crate::ui::Ui;",
                "use crate::process::run;",
            ),
            (
                "src/backends/a.rs",
                "use crate::env::Env;",
                "use crate::backends::b;",
            ),
            (
                "src/backends/a.rs",
                "use crate::manifest::A;",
                "use crate::exit::Exit;",
            ),
            (
                "src/backends/a/b.rs",
                "use crate::state::{Observed, Record};",
                "use crate::state::{Observed, ResourceKind};",
            ),
            (
                "src/launch/a.rs",
                "use crate::backends::containers::Engine;",
                "use crate::backends::Backend;",
            ),
        ] {
            assert_eq!(complaints(path, bad), 1, "{bad}");
            assert_eq!(complaints(path, good), 0, "{good}");
        }
    }

    #[test]
    fn a_new_module_needs_a_floor() {
        assert_eq!(complaints("src/helpers.rs", "fn a() {}"), 1);
        assert_eq!(
            check_sidecar(&Source::new("src/sidecar/helpers.rs", "fn a() {}")).len(),
            1
        );
    }

    #[test]
    fn the_sidecar_keeps_its_order() {
        for (path, bad, good) in [
            (
                "gate/a.rs",
                "use crate::relay::send;",
                "use crate::audit::Log;",
            ),
            (
                "gate/a.rs",
                "use crate::listen::Intent;",
                "use super::permit::Permit;",
            ),
            (
                "relay/a.rs",
                "use crate::gate::Gate;",
                "use crate::gate::Permit;",
            ),
            (
                "tls/a.rs",
                "use crate::gate::Permit;",
                "use crate::limits::LEAVES;",
            ),
            (
                "guest/a.rs",
                "use crate::limits::A;",
                "use crate::guest::input;",
            ),
            ("limits.rs", "use crate::app;", "use std::time::Duration;"),
        ] {
            let check =
                |text| check_sidecar(&Source::new(&format!("src/sidecar/{path}"), text)).len();
            assert_eq!((check(bad), check(good)), (1, 0), "{path}: {bad}");
        }
        assert_eq!(
            check_sidecar(&Source::new("src/sidecar/app.rs", "use crate::relay::A;")).len(),
            0
        );
    }
}

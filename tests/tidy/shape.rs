//! The size and the shape of files and functions.

use proc_macro2::{Delimiter, TokenTree};

use super::tokens::{functions, group, ident, is_sign, trees};
use super::tree::{Source, Tree};

/// The lines of a file, all counted.
const FILE: usize = 600;
/// The lines of code in a function's body; blank lines and comments do not count.
const FUNCTION: usize = 70;

/// Complains about files and functions that are too long.
pub(crate) fn too_long(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut complaints = Vec::new();
    if lines.len() > FILE {
        let what = format!("has {} lines, and {FILE} is the limit", lines.len());
        complaints.push(source.complain(1, &what));
    }
    for function in functions(source) {
        let body = lines.get(function.first..function.last.saturating_sub(1));
        let counts = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let count = body.unwrap_or_default().iter().filter(counts).count();
        if count > FUNCTION {
            let what = format!(
                "`{}` has {count} lines, and {FUNCTION} is the limit",
                function.name
            );
            complaints.push(source.complain(function.first, &what));
        }
    }
    complaints
}

/// Complains about files that do not begin by saying what they are.
pub(crate) fn undocumented(source: &Source) -> Vec<String> {
    let trees = trees(source);
    let documented = is_sign(trees.first(), '#')
        && is_sign(trees.get(1), '!')
        && group(trees.get(2), Delimiter::Bracket)
            .is_some_and(|group| group.stream().to_string().starts_with("doc"));
    if documented {
        Vec::new()
    } else {
        vec![source.complain(1, "has no module doc: begin with `//!`")]
    }
}

/// Complains about a `mod.rs` that holds more than modules and names from them.
pub(crate) fn not_contents(source: &Source) -> Vec<String> {
    if !source.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    let more = [
        "fn",
        "struct",
        "enum",
        "trait",
        "impl",
        "const",
        "static",
        "type",
        "macro_rules",
        "union",
    ];
    let trees = trees(source);
    let held = trees.iter().enumerate().filter(|(at, tree)| {
        let name = ident(Some(tree)).unwrap_or_default();
        let inline = name == "mod" && group(trees.get(at + 2), Delimiter::Brace).is_some();
        inline || more.contains(&name.as_str())
    });
    held.map(|(_, tree): (usize, &TokenTree)| {
        let line = tree.span().start().line;
        source.complain(
            line,
            "a `mod.rs` holds `mod` and `use` only: give this a file with a name",
        )
    })
    .collect()
}

/// Complains about files without content.
pub(crate) fn empty(tree: &Tree) -> Vec<String> {
    tree.paths
        .iter()
        .filter(|(_, size)| **size == Some(0))
        .map(|(path, _)| format!("{path}: is empty"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let lines = |count| Source::new("src/a.rs", &"// x\n".repeat(count));
        assert_eq!(too_long(&lines(FILE)).len(), 0);
        assert_eq!(too_long(&lines(FILE + 1)).len(), 1);
    }

    #[test]
    fn a_long_function_is_found_at_any_depth() {
        let with = |count: usize| {
            let body = "        b();\n\n        // c\n".repeat(count);
            let text = format!(
                "mod m {{\n    fn a(f: fn(u8))\n    where\n        A: B,\n    {{\n{body}    }}\n}}\n"
            );
            too_long(&Source::new("src/a.rs", &text))
        };
        assert_eq!(with(FUNCTION).len(), 0);
        assert_eq!(with(FUNCTION + 1).len(), 1);
    }

    #[test]
    fn a_file_without_a_doc_is_found() {
        let check = |text| undocumented(&Source::new("src/a.rs", text)).len();
        assert_eq!(
            (
                check("//! Doc.\nfn a() {}"),
                check("#![forbid(unsafe_code)]\n//! Doc."),
                check("// A.\nfn a() {}"),
                check("/// Doc.\nfn a() {}")
            ),
            (0, 1, 1, 1)
        );
    }

    #[test]
    fn a_mod_file_with_code_is_found() {
        let check = |path, text| not_contents(&Source::new(path, text)).len();
        let contents = "//! Doc.\n#[cfg(test)]\nmod tests;\npub mod a;\npub use a::{B, c::D};";
        assert_eq!(check("src/a/mod.rs", contents), 0);
        for more in [
            "fn a() {}",
            "pub struct A;",
            "mod a { }",
            "impl A { fn b() {} }",
        ] {
            assert_eq!(check("src/a/mod.rs", more), 1, "{more}");
            assert_eq!(check("src/a/b.rs", more), 0, "{more}");
        }
    }

    #[test]
    fn an_empty_file_is_found() {
        assert_eq!(
            empty(&Tree::of(&[("a.txt", ""), ("b/c.txt", "x")])),
            ["a.txt: is empty"]
        );
    }
}

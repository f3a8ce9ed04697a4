//! What documents say about the tree must be true.

use super::tree::{Source, Tree};

/// The first parts of paths that are taken for paths of this repository.
const ROOTS: [&str; 8] = [
    "src/", "tests/", "docs/", "bottles/", "benches/", "bench/", ".ci/", ".github/",
];

/// Complains about links to files and headings that do not exist.
pub(crate) fn broken_links(tree: &Tree) -> Vec<String> {
    each_line(tree, |document, line, text| {
        let broken = links(&without_code(text))
            .into_iter()
            .filter(|link| !resolves(tree, document, link));
        broken
            .map(|link| document.complain(line, &format!("`{link}` leads nowhere")))
            .collect()
    })
}

/// Complains about paths of this repository that do not exist.
pub(crate) fn missing_paths(tree: &Tree) -> Vec<String> {
    each_line(tree, |document, line, text| {
        let missing = spans(text).into_iter().filter(|span| !is_there(tree, span));
        missing
            .map(|span| document.complain(line, &format!("`{span}` does not exist")))
            .collect()
    })
}

/// Complains about decision records without their parts, or out of order.
pub(crate) fn decisions(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let records = tree
        .documents()
        .filter(|document| document.is_in("docs/decisions"));
    for (at, record) in records.enumerate() {
        let number = format!("docs/decisions/{:04}-", at + 1);
        if !record.path.starts_with(&number) {
            complaints.push(record.complain(1, &format!("`{number}…` comes next")));
        }
        for part in ["Context", "Options", "Decision", "Consequences"] {
            let heading = format!("## {part}");
            if !record.text.lines().any(|line| line == heading) {
                complaints.push(record.complain(1, &format!("has no `{heading}`")));
            }
        }
    }
    complaints
}

/// Complains about names that would tie the tree to one machine or one registry.
pub(crate) fn forbidden_mentions(tree: &Tree) -> Vec<String> {
    // Written in pieces, so that this file does not complain about itself.
    let forbidden = [
        concat!("../", "shared"),
        concat!("/work/", "main"),
        concat!("/work/", "shared"),
        concat!("/tmp/", "wt-"),
        concat!("/tmp/", "target-"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("proxy.", "golang.org"),
    ];
    let mut complaints = Vec::new();
    for source in tree.sources() {
        for (line, text) in source.text.lines().enumerate() {
            for word in forbidden.iter().filter(|word| text.contains(**word)) {
                let what = format!("`{word}` has no place here");
                complaints.push(source.complain(line + 1, &what));
            }
        }
    }
    complaints
}

/// Applies a rule to every line of every document, the fenced blocks left out.
fn each_line(tree: &Tree, rule: impl Fn(&Source, usize, &str) -> Vec<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for document in tree.documents() {
        let mut fenced = false;
        for (line, text) in document.text.lines().enumerate() {
            if text.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                complaints.extend(rule(document, line + 1, text));
            }
        }
    }
    complaints
}

/// Returns the targets of the links in a line.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .collect()
}

/// Returns the code spans in a line.
fn spans(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

fn resolves(tree: &Tree, document: &Source, link: &str) -> bool {
    if link.starts_with("https://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let folder = document
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let path = if file.is_empty() {
        document.path.clone()
    } else {
        join(folder, file)
    };
    let there = tree.paths.contains_key(path.trim_end_matches('/'));
    let headed = heading.is_empty()
        || tree
            .get(&path)
            .is_some_and(|target| headings(target).any(|found| found == heading));
    there && headed
}

/// Returns the anchors of a document's headings, as they are made for the web.
fn headings(document: &Source) -> impl Iterator<Item = String> {
    let lines = document.text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    })
}

fn join(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Tells whether a code span, if it is a path of ours, exists. A pattern exists when its folder does.
fn is_there(tree: &Tree, span: &str) -> bool {
    let ours = ROOTS.iter().any(|root| span.starts_with(root));
    if !ours || span.contains([' ', '<', '…', '{']) {
        return true;
    }
    let path = match span.split_once('*') {
        Some((before, _)) => before.rsplit_once('/').map_or("", |(folder, _)| folder),
        None => span.split_once(':').map_or(span, |(path, _)| path),
    };
    tree.paths.contains_key(path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let tree = |text| {
            Tree::of(&[
                ("docs/a.md", text),
                ("docs/b.md", "# Two words, here"),
                ("src/c.rs", "//! C."),
            ])
        };
        for good in [
            "[b](b.md)",
            "[c](../src/c.rs)",
            "[b](b.md#two-words-here)",
            "[d](../docs/)",
            "[e](https://example.com)",
            "`[x](y.md)`",
            "```\n[x](y.md)\n```",
        ] {
            assert_eq!(broken_links(&tree(good)), [""; 0], "{good}");
        }
        for bad in [
            "[x](y.md)",
            "[b](b.md#three)",
            "[b](b.md) and [x](y.md)",
            "[x](../../docs/y)",
            "# A\n[a](#b)",
        ] {
            assert_eq!(broken_links(&tree(bad)).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        let tree = |text| Tree::of(&[("docs/a.md", text), ("src/c/d.rs", "//! D.")]);
        for good in [
            "`src/c/d.rs`",
            "`src/c/`",
            "`src/c/*.rs`",
            "`src/c/d.rs:12`",
            "`x/y`",
            "`src/<name>`",
        ] {
            assert_eq!(missing_paths(&tree(good)), [""; 0], "{good}");
        }
        for bad in ["`src/d.rs`", "`src/d/**`", "a `docs/b.md` b"] {
            assert_eq!(missing_paths(&tree(bad)).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_decision_without_its_parts_is_found() {
        let whole = "# A\n## Context\n## Options\n## Decision\n## Consequences\n";
        assert_eq!(
            decisions(&Tree::of(&[
                ("docs/decisions/0001-a.md", whole),
                ("docs/decisions/0002-b.md", whole)
            ])),
            [""; 0]
        );
        assert_eq!(
            decisions(&Tree::of(&[("docs/decisions/0002-a.md", whole)])).len(),
            1
        );
        assert_eq!(
            decisions(&Tree::of(&[(
                "docs/decisions/0001-a.md",
                "# A\n## Context\n## Decision\n"
            )]))
            .len(),
            2
        );
    }

    #[test]
    fn a_forbidden_mention_is_found() {
        let bad = concat!("see ../", "shared/x");
        assert_eq!(
            forbidden_mentions(&Tree::of(&[("a.toml", bad), ("b.md", "x")])).len(),
            1
        );
    }
}

//! A change as lines for people. Nothing in them commands a terminal, whoever wrote the file.

use bottle_contract::tree::Node;
use similar::{ChangeTag, TextDiff};

use super::limits::{TEXT_LINES, TEXT_TIME};
use super::review::{Item, Review, What};
use crate::ui::{Tone, printable_line};

/// A change as lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The lines, without their ends.
    pub lines: Vec<(Tone, String)>,
    /// How many lines were added and removed; `None` when it is no text.
    pub count: Option<(usize, usize)>,
}

/// Lines around a change.
const CONTEXT: usize = 3;

/// Shows one change.
pub fn show(review: &Review, item: &Item) -> Shown {
    let mut shown = Shown::default();
    let path = &item.path;
    shown.say(Tone::Head, format!("diff a/{path} b/{path}"));
    for line in summary(item) {
        shown.say(Tone::Head, line);
    }
    if let Some(risk) = &item.risk {
        shown.say(
            Tone::Alert,
            format!("! not taken unless it is named: {risk}"),
        );
    }
    if let Some(missing) = &item.missing {
        shown.say(
            Tone::Alert,
            format!("! its content is not here: {}", printable_line(missing)),
        );
        return shown;
    }
    let file = |node: &Option<Node>| matches!(node, Some(Node::Plain { .. }));
    if !file(&item.before) && !file(&item.now) || only_mode(item) {
        return shown;
    }
    match sides(review, item) {
        Some((before, now)) => lines(&mut shown, item, &before, &now),
        None => shown.say(Tone::Plain, note(review, item)),
    }
    shown
}

impl Shown {
    fn say(&mut self, tone: Tone, line: String) {
        self.lines.push((tone, line));
    }
}

fn only_mode(item: &Item) -> bool {
    match (&item.before, &item.now) {
        (Some(Node::Plain { digest: one, .. }), Some(Node::Plain { digest: other, .. })) => {
            one.is_some() && one == other
        }
        (Some(_) | None, _) => false,
    }
}

/// Says what was there and what is: `new file, mode 644`.
fn summary(item: &Item) -> Vec<String> {
    let shape = |node: &Node| match node {
        Node::Folder { mode } => format!("folder, mode {mode:o}"),
        Node::Plain { mode, .. } => format!("file, mode {mode:o}"),
        Node::Link { target } => format!("symlink to `{target}`"),
        Node::Special => "pipe, socket or device".to_owned(),
    };
    match (&item.before, &item.now) {
        (None, Some(now)) => vec![format!("new {}", shape(now))],
        (Some(before), None) => vec![format!("deleted {}", shape(before))],
        (Some(Node::Plain { mode: one, .. }), Some(Node::Plain { mode: other, .. })) => (one
            != other)
            .then(|| format!("mode {one:o} is now {other:o}"))
            .into_iter()
            .collect(),
        (Some(before), Some(now)) => vec![
            format!("was a {}", shape(before)),
            format!("is a {}", shape(now)),
        ],
        (None, None) => Vec::new(),
    }
}

/// Both texts, where both are text and known. What was no file had no lines.
fn sides(review: &Review, item: &Item) -> Option<(String, String)> {
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0') && text.lines().count() <= TEXT_LINES)
    };
    let before = match &item.before {
        Some(Node::Plain { .. }) => text(review.content_before(item)?)?,
        Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => String::new(),
    };
    let now = match &item.now {
        Some(Node::Plain { .. }) => text(review.content_now(item)?)?,
        Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => String::new(),
    };
    Some((before, now))
}

fn note(review: &Review, item: &Item) -> String {
    let had_file = matches!(item.before, Some(Node::Plain { .. }));
    if had_file && review.content_before(item).is_none() {
        return "what it was cannot be shown: the file here is another one since, or too long"
            .to_owned();
    }
    match &item.now {
        Some(Node::Plain { size, .. }) => format!("binary, or too long to show: {size} bytes"),
        Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => "binary".to_owned(),
    }
}

fn lines(shown: &mut Shown, item: &Item, before: &str, now: &str) {
    let side = |mark: &str, other: What| {
        if item.what() == other {
            "/dev/null".to_owned()
        } else {
            format!("{mark}/{}", item.path)
        }
    };
    shown.say(Tone::Head, format!("--- {}", side("a", What::New)));
    shown.say(Tone::Head, format!("+++ {}", side("b", What::Deleted)));
    let (mut added, mut removed) = (0, 0);
    let diff = TextDiff::configure()
        .timeout(TEXT_TIME)
        .diff_lines(before, now);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        shown.say(Tone::Place, hunk.header().to_string());
        for change in hunk.iter_changes() {
            let (tone, mark) = match change.tag() {
                ChangeTag::Equal => (Tone::Plain, ' '),
                ChangeTag::Insert => {
                    added += 1;
                    (Tone::Added, '+')
                }
                ChangeTag::Delete => {
                    removed += 1;
                    (Tone::Removed, '-')
                }
            };
            let line = change.value();
            let line = line.strip_suffix('\n').unwrap_or(line);
            shown.say(tone, format!("{mark}{}", harmless(line)));
            if change.missing_newline() {
                shown.say(Tone::Plain, "\\ No newline at end of file".to_owned());
            }
        }
    }
    shown.count = Some((added, removed));
}

/// Tabs stay, since they are what many files are written with.
fn harmless(line: &str) -> String {
    let parts: Vec<_> = line
        .split('\t')
        .map(|part| printable_line(part).into_owned())
        .collect();
    parts.join("\t")
}

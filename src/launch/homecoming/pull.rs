//! Takes what an agent changed: first everything is decided, then it is written, one file after the other.

use std::collections::BTreeSet;
use std::io;

use anyhow::Context as _;
use bottle_contract::tree::{Node, TreePath};

use super::destination::Destination;
use super::land::{Here, Tree, stays_inside};
use super::review::{Item, Review};
use super::risk;
use super::selection::Selection;
use crate::error::{Error, Result};

/// Whether files that would run here are taken unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Only those that are named.
    Named,
    /// All.
    All,
}

/// What becomes of files that changed here as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// They stay.
    Never,
    /// They are replaced.
    Always,
}

/// What is to be taken, and how.
#[derive(Clone, Copy, Debug)]
pub struct Landing<'a> {
    /// Which changes.
    pub selection: &'a Selection,
    /// Whether those that would run here are among them.
    pub consent: Consent,
    /// Whether those win that conflict.
    pub overwrite: Overwrite,
    /// Whether it is only said what would be done.
    pub rehearsal: Rehearsal,
}

/// Whether something is really done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// It is only said.
    Yes,
    /// It is done.
    No,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was written or removed, or would be.
    pub taken: Vec<TreePath>,
    /// What was there already.
    pub already: usize,
    /// What was not taken, and why.
    pub left: Vec<(TreePath, String)>,
    /// How many of git's own records were not asked for.
    pub records: usize,
    /// What ended it half way. Every file is whole.
    pub failed: Option<Error>,
}

/// What is decided about one change.
enum Verdict {
    Take,
    Already,
    Leave(String),
}

/// Takes what is selected.
pub fn pull(review: &Review, to: &Destination, landing: Landing<'_>) -> Result<Outcome> {
    let tree = Tree::open(to.folder())
        .with_context(|| format!("could not open the folder `{}`", to.folder().display()))
        .map_err(Error::user)?;
    let mut outcome = Outcome::default();
    let mut chosen = choose(review, &tree, to, landing, &mut outcome);
    without_implied(review, &mut outcome.left);
    in_order(&mut chosen);
    for Chosen { item, onto } in chosen {
        let done = match landing.rehearsal {
            Rehearsal::Yes => Ok(Written::Whole),
            Rehearsal::No => write(review, item, onto, &tree),
        };
        match done {
            Ok(Written::Whole) => outcome.taken.push(item.path.clone()),
            Ok(Written::InTheWay) => {
                let why = "something came here under its name meanwhile".to_owned();
                outcome.left.push((item.path.clone(), why));
            }
            Err(error) => {
                let doing = format!("could not take `{}`", item.path);
                outcome.failed = Some(Error::user(error).context(doing));
                break;
            }
        }
    }
    if landing.rehearsal == Rehearsal::No && !outcome.taken.is_empty() {
        tree.sync()
            .context("could not wait until all is on the disk")
            .map_err(Error::user)?;
    }
    Ok(outcome)
}

/// A change that is taken.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    item: &'a Item,
    onto: Onto,
}

/// What is there when it is decided, and may be written over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    Nothing,
    Whatever,
}

/// What came of one change.
enum Written {
    Whole,
    InTheWay,
}

/// Decides about each change, from the top.
fn choose<'a>(
    review: &'a Review,
    tree: &Tree,
    to: &Destination,
    landing: Landing<'_>,
    outcome: &mut Outcome,
) -> Vec<Chosen<'a>> {
    let mut chosen = Vec::new();
    // Folders that come where a file or a link is: what lies in them has room once that is gone.
    let mut roomy: BTreeSet<&[u8]> = BTreeSet::new();
    let selected = |item: &&Item| landing.selection.holds(&item.path);
    for item in review.items.iter().filter(selected) {
        let here = match tree.look(&item.path) {
            Ok(Here::Blocked) if item.path.folders().any(|above| roomy.contains(above)) => {
                Ok(Here::Nothing)
            }
            here => here,
        };
        let onto = match &here {
            Ok(Here::Nothing) if landing.overwrite == Overwrite::Never => Onto::Nothing,
            Ok(_) | Err(_) => Onto::Whatever,
        };
        match here.map(|here| decide(item, &here, tree, to, landing)) {
            Ok(Verdict::Take) => {
                if makes_room(item) {
                    roomy.insert(item.path.as_bytes());
                }
                chosen.push(Chosen { item, onto });
            }
            Ok(Verdict::Already) => outcome.already += 1,
            Ok(Verdict::Leave(_)) if item.record => outcome.records += 1,
            Ok(Verdict::Leave(why)) => outcome.left.push((item.path.clone(), why)),
            Err(error) => outcome.left.push((item.path.clone(), error.to_string())),
        }
    }
    chosen
}

/// A folder is not named beside what is in it.
fn without_implied(review: &Review, left: &mut Vec<(TreePath, String)>) {
    let implied: BTreeSet<&TreePath> = review
        .items
        .iter()
        .filter(|item| item.implied)
        .map(|item| &item.path)
        .collect();
    left.retain(|(path, _)| !implied.contains(path));
}

/// What goes comes first, the deepest of it first; then folders from the top, then what is in them.
fn in_order(chosen: &mut [Chosen<'_>]) {
    chosen.sort_by(|Chosen { item: one, .. }, Chosen { item: other, .. }| {
        let turn = |item: &Item| match &item.now {
            None => 0,
            Some(Node::Folder { .. }) => 1,
            Some(Node::Plain { .. } | Node::Link { .. } | Node::Special) => 2,
        };
        turn(one).cmp(&turn(other)).then_with(|| {
            if one.now.is_none() {
                other.path.cmp(&one.path)
            } else {
                one.path.cmp(&other.path)
            }
        })
    });
}

/// Says why a change is never taken, or not unasked; whatever the place, and whatever is there.
pub(super) fn refusal(item: &Item, selection: &Selection, consent: Consent) -> Option<String> {
    match &item.now {
        Some(Node::Special) => return Some("it is a pipe, a socket or a device".to_owned()),
        Some(Node::Link { target }) if !stays_inside(&item.path, target) => {
            return Some(format!(
                "it is a symlink that may lead out of the tree, to `{target}`"
            ));
        }
        Some(Node::Plain { .. }) if item.missing.is_some() => {
            return item.missing.clone();
        }
        Some(Node::Plain { .. } | Node::Link { .. } | Node::Folder { .. }) | None => {}
    }
    let risk = item.risk.as_ref()?;
    (consent == Consent::Named && !is_named(item, selection)).then(|| risk.clone())
}

/// A folder that was named stands for what is in it only when its own name says what it is: `src` does
/// not stand for `src/.envrc`.
fn is_named(item: &Item, selection: &Selection) -> bool {
    selection
        .above(&item.path)
        .any(|named| *named == item.path || risk::of_path(named).is_some())
}

/// Tells whether a change puts a folder where a file or a link is.
fn makes_room(item: &Item) -> bool {
    matches!(item.now, Some(Node::Folder { .. }))
        && matches!(item.before, Some(Node::Plain { .. } | Node::Link { .. }))
}

fn decide(
    item: &Item,
    here: &Here,
    tree: &Tree,
    to: &Destination,
    landing: Landing<'_>,
) -> Verdict {
    if let Some(why) = refusal(item, landing.selection, landing.consent) {
        return Verdict::Leave(why);
    }
    if is_same(here, item.now.as_ref(), item, tree) {
        return Verdict::Already;
    }
    let why = match (here, &item.before) {
        (Here::Blocked, _) => {
            return Verdict::Leave("a folder above it is a symlink or a file here".to_owned());
        }
        (Here::Nothing, _) if matches!(to, Destination::Other(_)) => None,
        (Here::Nothing, None) => None,
        (Here::Nothing, Some(_)) => Some("it was removed here meanwhile"),
        (Here::Node(_), before) if is_same(here, before.as_ref(), item, tree) => None,
        (Here::Node(_), None) => Some("something else is here under its name"),
        (Here::Node(_), Some(_)) => Some("it changed here meanwhile"),
    };
    match why {
        Some(why) if landing.overwrite == Overwrite::Never => {
            Verdict::Leave(format!("{why}; `--force` takes it all the same"))
        }
        Some(_) | None => Verdict::Take,
    }
}

/// Tells whether what stands here is what a side had.
fn is_same(here: &Here, node: Option<&Node>, item: &Item, tree: &Tree) -> bool {
    match (here, node) {
        (Here::Nothing, None) => true,
        (
            Here::Node(Node::Plain { mode, size, .. }),
            Some(Node::Plain {
                mode: its_mode,
                size: its_size,
                digest,
            }),
        ) => {
            let same =
                *size == *its_size && (*mode == *its_mode || *mode == landed(*its_mode, item));
            same && digest.is_some() && tree.digest(&item.path).ok() == *digest
        }
        // A folder is what is in it; its permissions conflict with nothing.
        (Here::Node(Node::Folder { mode }), Some(Node::Folder { mode: its_mode })) => {
            node == item.before.as_ref() || *mode == landed(*its_mode, item)
        }
        (Here::Node(Node::Link { target }), Some(Node::Link { target: its })) => target == its,
        (Here::Node(_) | Here::Nothing | Here::Blocked, _) => false,
    }
}

/// The permissions that something gets here: the user can always write it, and nobody else can who could
/// not before.
fn landed(mode: u32, item: &Item) -> u32 {
    let before = item
        .before
        .as_ref()
        .and_then(Node::mode)
        .unwrap_or_default();
    let own = match &item.now {
        Some(Node::Folder { .. }) => 0o700,
        Some(Node::Plain { .. } | Node::Link { .. } | Node::Special) | None => 0o600,
    };
    (mode & 0o777 & (0o755 | before)) | own
}

fn write(review: &Review, item: &Item, onto: Onto, tree: &Tree) -> io::Result<Written> {
    // Another name may have become this one meanwhile, where letters have no case.
    let taken = |here: Here| match (here, &item.now) {
        (Here::Nothing, _) | (Here::Node(Node::Folder { .. }), Some(Node::Folder { .. })) => false,
        (Here::Node(_) | Here::Blocked, _) => true,
    };
    if onto == Onto::Nothing && taken(tree.look(&item.path)?) {
        return Ok(Written::InTheWay);
    }
    put(review, item, tree).map(|()| Written::Whole)
}

fn put(review: &Review, item: &Item, tree: &Tree) -> io::Result<()> {
    match &item.now {
        None => tree.remove(&item.path),
        Some(Node::Folder { mode }) => tree.put_folder(&item.path, landed(*mode, item)),
        Some(Node::Link { target }) => tree.put_link(&item.path, target),
        Some(Node::Plain { mode, .. }) => {
            let mut content = review
                .content(item)
                .ok_or_else(|| io::Error::other("its content is not here"))?;
            tree.put_file(&item.path, landed(*mode, item), &mut content)
        }
        Some(Node::Special) => Err(io::Error::other("it is a pipe, a socket or a device")),
    }
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;

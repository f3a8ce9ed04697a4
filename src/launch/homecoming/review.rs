//! What came out of a bottle, beside what went in: what each change is, and what it would do here.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use bottle_contract::tree::{BaseEntry, Node, Origin, TreePath};

use super::land::Tree;
use super::limits::TEXT_BYTES;
use super::risk::{self, Scripts};
use crate::error::Result;
use crate::state::{Base, Changes, Content, SavedChange, Unread};

/// All changes of one bottle.
#[derive(Debug)]
pub struct Review {
    /// The folder that was copied in.
    pub source: PathBuf,
    /// The commit that was checked out there, where that is known.
    pub commit: Option<String>,
    /// The changes, in the order of their paths.
    pub items: Vec<Item>,
    /// What could not be looked at in the bottle.
    pub unread: Vec<Unread>,
    /// Folders that are repositories of their own, below the top.
    nested: BTreeSet<Vec<u8>>,
    changes: Changes,
    /// The folder as it is now; `None` when it has gone.
    tree: Option<Tree>,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where.
    pub path: TreePath,
    /// What the host had there when the copy was made.
    pub before: Option<Node>,
    /// What the bottle has there.
    pub now: Option<Node>,
    /// Why the content of a file is not here, where it is not.
    pub missing: Option<String>,
    /// Why it is not taken unasked, where it is not.
    pub risk: Option<String>,
    /// Whether it is a folder of which what is in it says enough.
    pub implied: bool,
    /// Whether it is a commit, a branch, or a note of what git did.
    pub record: bool,
    saved: SavedChange,
}

/// What a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The host had nothing there.
    New,
    /// The host had something else there.
    Changed,
    /// The bottle has nothing there any more.
    Deleted,
}

impl Item {
    /// Says what it is.
    pub fn what(&self) -> What {
        match (&self.before, &self.now) {
            (_, None) => What::Deleted,
            (None, Some(_)) => What::New,
            (Some(_), Some(_)) => What::Changed,
        }
    }
}

impl Review {
    /// Puts both sides together.
    pub fn new(base: Base, changes: Changes) -> Result<Self> {
        let source = PathBuf::from(std::ffi::OsString::from_vec(
            base.head.source.as_bytes().to_vec(),
        ));
        let mut review = Self {
            tree: Tree::open(&source).ok(),
            source,
            commit: base.head.commit,
            items: Vec::new(),
            unread: changes.unread.clone(),
            nested: BTreeSet::new(),
            changes,
        };
        let entries: BTreeMap<TreePath, BaseEntry> = base
            .entries
            .into_iter()
            .filter(|entry| entry.origin == Origin::Host)
            .map(|entry| (entry.path.clone(), entry))
            .collect();
        let list = std::mem::take(&mut review.changes.list);
        review.items = list
            .into_iter()
            .map(|saved| review.item(&entries, saved))
            .collect();
        // What the image had alone, and what a bottle made and removed, is nothing to the host.
        review
            .items
            .retain(|item| item.before != item.now || item.missing.is_some());
        review.mark_implied();
        review.mark_repositories(&entries);
        Ok(review)
    }

    /// Returns the innermost repository that a path lies in, where that is not the one at the top.
    pub fn repository_of<'a>(&self, path: &'a TreePath) -> Option<&'a [u8]> {
        path.folders()
            .filter(|folder| self.nested.contains(*folder))
            .last()
    }

    /// Returns the content that the bottle has; `None` where it is not here.
    pub fn content(&self, item: &Item) -> Option<Content<'_>> {
        self.changes.content(&item.saved)
    }

    /// Reads the content that the host had. `None` where it has another one now, or there was none.
    pub fn content_before(&self, item: &Item) -> Option<Vec<u8>> {
        let Some(Node::Plain { digest, size, .. }) = &item.before else {
            return None;
        };
        let tree = self.tree.as_ref()?;
        if *size > TEXT_BYTES || tree.digest(&item.path).ok() != *digest {
            return None;
        }
        let mut bytes = Vec::new();
        let file = tree.read(&item.path).ok()?;
        file.take(TEXT_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Reads the content that the bottle has, where a person could read it.
    pub fn content_now(&self, item: &Item) -> Option<Vec<u8>> {
        match &item.now {
            Some(Node::Plain { size, .. }) if *size <= TEXT_BYTES => {
                let mut bytes = Vec::new();
                self.content(item)?.read_to_end(&mut bytes).ok()?;
                Some(bytes)
            }
            Some(_) | None => None,
        }
    }

    fn item(&self, entries: &BTreeMap<TreePath, BaseEntry>, saved: SavedChange) -> Item {
        let before = entries.get(&saved.path).map(|entry| entry.node.clone());
        let mut item = Item {
            path: saved.path.clone(),
            before,
            now: saved.now.clone(),
            missing: saved.missing.clone(),
            risk: None,
            implied: false,
            record: risk::is_record(&saved.path),
            saved,
        };
        item.risk = risk::risk_of(
            &item.path,
            item.before.as_ref(),
            item.now.as_ref(),
            self.scripts(&item),
        );
        item
    }

    /// A folder that came or went with what is in it is no news of its own.
    fn mark_implied(&mut self) {
        let parents: BTreeSet<Vec<u8>> = self
            .items
            .iter()
            .flat_map(|item| item.path.folders())
            .map(<[u8]>::to_vec)
            .collect();
        for item in &mut self.items {
            let folder = |node: &Option<Node>| matches!(node, Some(Node::Folder { .. }) | None);
            item.implied = item.what() != What::Changed
                && folder(&item.before)
                && folder(&item.now)
                && parents.contains(item.path.as_bytes());
        }
    }

    /// Finds repositories below the top, and those that do not look like one.
    fn mark_repositories(&mut self, entries: &BTreeMap<TreePath, BaseEntry>) {
        let items = self.items.iter().map(|item| &item.path);
        let paths = entries.keys().chain(items);
        let bare = risk::bare(paths.clone());
        self.nested = paths
            .filter_map(|path| path.as_bytes().strip_suffix(b"/.git"))
            .map(<[u8]>::to_vec)
            .collect();
        for item in &mut self.items {
            if item.risk.is_none() && item.now.is_some() && risk::lies_in(&item.path, &bare) {
                item.risk = Some(
                    "git would take the folder for a repository, and run what its settings say"
                        .to_owned(),
                );
            }
        }
    }

    fn scripts(&self, item: &Item) -> Scripts {
        if !item.path.name().eq_ignore_ascii_case(b"package.json") {
            return Scripts::Same;
        }
        match (self.content_now(item), &item.before) {
            (Some(now), None) => risk::scripts(None, &now),
            (Some(now), Some(_)) => match self.content_before(item) {
                Some(before) => risk::scripts(Some(&before), &now),
                None => risk::scripts(None, &now),
            },
            // What cannot be read is taken for the worst; what is gone runs nothing.
            (None, _) if item.now.is_some() => Scripts::Other,
            (None, _) => Scripts::Same,
        }
    }
}

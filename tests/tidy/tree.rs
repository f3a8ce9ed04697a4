//! The files of this repository.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 4] = [".git", "target", "node_modules", ".ci/cache"];
/// Endings of files that are text and ours.
const TEXT: [&str; 8] = ["rs", "md", "toml", "yml", "yaml", "sh", "json", "jsonl"];
/// Text files without an ending.
const NAMED: [&str; 4] = ["justfile", "run", "LICENSE", ".gitignore"];

/// One text file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its path from the root of the repository on, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

/// All text files, and the paths of all files and folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    sources: BTreeMap<String, Source>,
    /// Each path, with the size for a file and `None` for a folder.
    pub(crate) paths: BTreeMap<String, Option<u64>>,
}

impl Tree {
    /// Reads the repository that this test was built in.
    pub(crate) fn read() -> io::Result<Self> {
        let mut tree = Self::default();
        tree.add(Path::new(env!("CARGO_MANIFEST_DIR")), "")?;
        Ok(tree)
    }

    /// Makes a tree of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            tree.paths
                .extend(folders.map(|folder| (folder.to_owned(), None)));
            let size = u64::try_from(text.len()).ok();
            tree.paths.insert((*path).to_owned(), size);
            tree.sources
                .insert((*path).to_owned(), Source::new(path, text));
        }
        tree
    }

    /// Returns a text file.
    pub(crate) fn get(&self, path: &str) -> Option<&Source> {
        self.sources.get(path)
    }

    /// Returns the text files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// Returns the Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources().filter(|source| source.ending() == "rs")
    }

    /// Returns the documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Source> {
        self.sources().filter(|source| source.ending() == "md")
    }

    fn add(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.contains(&path.as_str()) && name != "target" {
                self.paths.insert(path.clone(), None);
                self.add(root, &path)?;
            } else if kind.is_file() {
                self.paths
                    .insert(path.clone(), Some(entry.metadata()?.len()));
                if TEXT.contains(&ending(&name)) || NAMED.contains(&name.as_str()) {
                    let text = fs::read_to_string(entry.path())?;
                    self.sources.insert(path.clone(), Source { path, text });
                }
            }
        }
        Ok(())
    }
}

impl Source {
    /// Makes a file: for samples.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Returns the end of its name, after the last dot.
    pub(crate) fn ending(&self) -> &str {
        ending(&self.path)
    }

    /// Tells whether the file lies in this folder, or is this file.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        self.path
            .strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Tells whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        let folders = ["tests", "benches", "bench"];
        self.path.split('/').any(|part| {
            folders.contains(&part) || part == "tests.rs" || part.ends_with("_tests.rs")
        })
    }

    /// Says something about a line of the file.
    pub(crate) fn complain(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

//! Takes what an agent changed as a branch: git writes objects and one name, and looks at no file of the
//! work tree. What the agent made is data to it from beginning to end.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use bottle_contract::id::BottleId;
use bottle_contract::tree::{Node, RawText, TreePath};

use super::limits::GIT;
use super::pull::{Consent, refusal};
use super::review::{Item, Review};
use super::risk;
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::process::{self, Captured, Input, Invocation};

/// A branch to make.
#[derive(Clone, Debug)]
pub struct Branch<'a> {
    /// Its name.
    pub name: &'a str,
    /// The bottle, for the commit's message.
    pub id: &'a BottleId,
    /// The agent's name: it is the author.
    pub agent: &'a str,
    /// Where git is looked for.
    pub path: &'a OsStr,
    /// Which changes.
    pub selection: &'a Selection,
    /// Whether those that would run here are among them.
    pub consent: Consent,
}

/// What came of it.
#[derive(Debug)]
pub struct Branched {
    /// How many changes are in it.
    pub taken: usize,
    /// What is not in it, and why.
    pub left: Vec<(TreePath, String)>,
    /// How many files are not in it since the repository ignores them.
    pub ignored: usize,
    /// How many of git's own records were not asked for.
    pub records: usize,
}

/// Makes a branch of the commit that was checked out when the copy was made, with the changes on top: what
/// the user committed since is not undone by it. Where nobody knows that commit, it is the one of now.
pub fn branch(review: Review, branch: &Branch<'_>) -> Result<Branched> {
    let git = Git::find(branch.path, &review.source)?;
    git.check_name(branch.name)?;
    let head = git.begin_at(review.commit.as_deref())?;
    let prefix = git.raw(&["rev-parse", "--show-prefix"])?;
    let prefix = prefix.strip_suffix(b"\n").unwrap_or(&prefix).to_vec();
    let ignored = git.ignored(&review)?;
    let mut made = Branched {
        taken: 0,
        left: Vec::new(),
        ignored: 0,
        records: 0,
    };
    let mut chosen = Vec::new();
    let selected = |item: &&Item| branch.selection.holds(&item.path) && !is_folder(item);
    for item in review.items.iter().filter(selected) {
        if item.record {
            made.records += 1;
        } else if ignored.contains(item.path.as_bytes()) {
            made.ignored += 1;
        } else if let Some(why) = why_not(&review, item, branch) {
            made.left.push((item.path.clone(), why));
        } else {
            chosen.push(item.clone());
        }
    }
    made.taken = chosen.len();
    if made.taken > 0 {
        let import = Import {
            head,
            prefix,
            who: git.who(branch)?,
            name: branch.name.to_owned(),
            message: format!(
                "What {} changed\n\nTaken from the bottle {}.\n",
                branch.agent, branch.id
            ),
        };
        git.import(review, chosen, import)?;
    }
    Ok(made)
}

/// git knows folders by what is in them.
fn is_folder(item: &Item) -> bool {
    let is = |node: &Option<Node>| matches!(node, Some(Node::Folder { .. }) | None);
    is(&item.before) && is(&item.now)
}

fn why_not(review: &Review, item: &Item, branch: &Branch<'_>) -> Option<String> {
    if risk::is_git(&item.path) {
        return Some("it is git's own, which is never part of a branch".to_owned());
    }
    if let Some(folder) = review.repository_of(&item.path) {
        return Some(format!(
            "it belongs to another repository, in `{}`",
            RawText::new(folder)
        ));
    }
    refusal(item, branch.selection, branch.consent)
}

struct Import {
    head: Option<String>,
    prefix: Vec<u8>,
    who: [String; 2],
    name: String,
    message: String,
}

/// What would lead git to another repository than the one in the folder, as when a hook calls bottle.
const ASTRAY: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// The user's git, in the folder that was copied in.
struct Git {
    /// Takes variables away before it becomes git.
    env: PathBuf,
    program: PathBuf,
    folder: PathBuf,
}

impl Git {
    fn find(path: &OsStr, folder: &Path) -> Result<Self> {
        let git = Self {
            env: process::find("env", path)?,
            program: process::find("git", path)?,
            folder: folder.to_owned(),
        };
        if git.text(&["rev-parse", "--git-dir"])?.is_none() {
            return Err(
                Error::user(anyhow!("`{}` is in no git repository", folder.display()))
                    .hint("without `--branch` the files themselves are taken"),
            );
        }
        Ok(git)
    }

    /// No hook, no monitor, no attributes and no housekeeping: nothing of ours may start another program.
    fn call(&self, args: &[&str]) -> Invocation {
        let settings = [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.attributesFile=/dev/null",
            "core.quotePath=false",
            "gc.auto=0",
            "maintenance.auto=false",
        ];
        let mut words: Vec<OsString> = ASTRAY
            .iter()
            .flat_map(|name| ["-u".into(), OsString::from(name)])
            .collect();
        words.extend([
            self.program.clone().into(),
            "-C".into(),
            self.folder.clone().into(),
        ]);
        words.extend(
            settings
                .iter()
                .flat_map(|setting| ["-c".into(), OsString::from(setting)]),
        );
        words.extend(args.iter().map(OsString::from));
        Invocation::new(&self.env, words)
            .with_env("GIT_TERMINAL_PROMPT", "0")
            .with_env("GIT_OPTIONAL_LOCKS", "0")
    }

    fn raw(&self, args: &[&str]) -> Result<Vec<u8>> {
        Ok(checked(run(&self.call(args))?, "git could not be asked")?.stdout)
    }

    /// Returns one line, or `None` when git says no.
    fn text(&self, args: &[&str]) -> Result<Option<String>> {
        let captured = run(&self.call(args))?;
        Ok(captured
            .success()
            .then(|| captured.stdout_text().trim().to_owned()))
    }

    fn begin_at(&self, commit: Option<&str>) -> Result<Option<String>> {
        for name in commit.into_iter().chain(["HEAD"]) {
            let name = format!("{name}^{{commit}}");
            let found = self.text(&["rev-parse", "--verify", "--quiet", &name])?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn check_name(&self, name: &str) -> Result<()> {
        let reference = format!("refs/heads/{name}");
        let valid =
            !name.starts_with('-') && self.text(&["check-ref-format", &reference])?.is_some();
        if !valid {
            return Err(Error::usage(anyhow!("`{name}` is no name for a branch")));
        }
        if self
            .text(&["rev-parse", "--verify", "--quiet", &reference])?
            .is_some()
        {
            return Err(Error::user(anyhow!("the branch `{name}` exists already"))
                .hint("name another one: a branch that exists is never moved"));
        }
        Ok(())
    }

    /// Asks which of the new files the repository ignores: packages and build output are no work.
    fn ignored(&self, review: &Review) -> Result<BTreeSet<Vec<u8>>> {
        let new = review.items.iter().filter(|item| item.before.is_none());
        let mut names = Vec::new();
        for item in new.filter(|item| !risk::is_git(&item.path)) {
            names.extend_from_slice(b"./");
            names.extend_from_slice(item.path.as_bytes());
            names.push(0);
        }
        if names.is_empty() {
            return Ok(BTreeSet::new());
        }
        let call = self
            .call(&["check-ignore", "-z", "--stdin", "--no-index"])
            .with_stdin(Input::Bytes(names));
        let captured = run(&call)?;
        // The status 1 means that none is ignored.
        let captured = if captured.status == 1 {
            captured
        } else {
            checked(captured, "git could not be asked what it ignores")?
        };
        let names = captured.stdout.split(|byte| *byte == 0);
        Ok(names
            .map(|name| name.strip_prefix(b"./").unwrap_or(name).to_vec())
            .collect())
    }

    /// The author is the agent. The committer is the user, where git knows who that is.
    fn who(&self, branch: &Branch<'_>) -> Result<[String; 2]> {
        let now = jiff::Timestamp::now().as_second();
        let author = format!(
            "{} <{}@bottle.invalid> {now} +0000",
            branch.agent, branch.id
        );
        let user = self.text(&["var", "GIT_COMMITTER_IDENT"])?;
        let committer = user
            .filter(|ident| ident.contains(" <") && !ident.contains('\n'))
            .unwrap_or_else(|| author.clone());
        Ok([author, committer])
    }

    fn import(&self, review: Review, items: Vec<Item>, import: Import) -> Result<()> {
        let call = self.call(&["fast-import", "--quiet", "--date-format=raw", "--done"]);
        let captured = process::feed(&call, GIT, move |out| {
            let mut out = io::BufWriter::new(out);
            begin(&mut out, &import)?;
            // What goes comes first: a file may have become a folder.
            let (gone, there): (Vec<Item>, Vec<Item>) =
                items.into_iter().partition(|item| item.now.is_none());
            for item in gone.iter().chain(&there) {
                write_item(&mut out, &review, item, &import.prefix)?;
            }
            out.write_all(b"\ndone\n")?;
            out.flush()
        })?;
        checked(captured, "git could not write the branch").map(drop)
    }
}

fn run(call: &Invocation) -> Result<Captured> {
    Ok(process::run(call, GIT)?)
}

fn checked(captured: Captured, what: &'static str) -> Result<Captured> {
    if captured.success() {
        return Ok(captured);
    }
    let words = captured.stderr_text().trim().to_owned();
    Err(Error::user(anyhow!("{words}").context(what)))
}

fn begin(out: &mut impl Write, import: &Import) -> io::Result<()> {
    let [author, committer] = &import.who;
    write!(
        out,
        "commit refs/heads/{}\nauthor {author}\ncommitter {committer}\ndata {}\n{}\n",
        import.name,
        import.message.len(),
        import.message
    )?;
    match &import.head {
        Some(head) => writeln!(out, "from {head}"),
        None => Ok(()),
    }
}

fn write_item(out: &mut impl Write, review: &Review, item: &Item, prefix: &[u8]) -> io::Result<()> {
    let path = quoted(&[prefix, item.path.as_bytes()].concat());
    match &item.now {
        Some(Node::Link { target }) => {
            entry(out, "120000", &path, target.as_bytes().len())?;
            out.write_all(target.as_bytes())?;
            out.write_all(b"\n")
        }
        Some(Node::Plain { mode, size, .. }) => {
            let kind = if mode & 0o100 == 0 {
                "100644"
            } else {
                "100755"
            };
            entry(out, kind, &path, size)?;
            let mut content = review
                .content(item)
                .ok_or_else(|| io::Error::other("a content is not here"))?;
            io::copy(&mut content, out)?;
            out.write_all(b"\n")
        }
        // A folder in the place of a file: the file goes, and what is in the folder comes.
        None | Some(Node::Folder { .. }) => {
            out.write_all(b"D ")?;
            out.write_all(&path)?;
            out.write_all(b"\n")
        }
        Some(Node::Special) => Ok(()),
    }
}

fn entry(
    out: &mut impl Write,
    kind: &str,
    path: &[u8],
    length: impl std::fmt::Display,
) -> io::Result<()> {
    write!(out, "M {kind} inline ")?;
    out.write_all(path)?;
    write!(out, "\ndata {length}\n")
}

/// Quotes a path as git reads it: every byte that could mean something is a number.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"/._- ".contains(byte) {
            text.push(*byte);
        } else {
            text.extend(format!("\\{byte:03o}").into_bytes());
        }
    }
    text.push(b'"');
    text
}

#[cfg(test)]
#[path = "branch_tests.rs"]
mod tests;

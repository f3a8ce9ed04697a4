//! Which files would run on the user's machine without anybody asking them to. Pure.
//!
//! Only what a program runs by itself is named: when one enters a folder, opens it, commits, pushes
//! or installs. Sources and build files run too, once somebody builds or tests; those are what a
//! reader of the diff reads.

use std::collections::BTreeSet;

use bottle_contract::tree::{Node, TreePath, is_hidden};

/// Names that count wherever they stand, as a file or as a folder with all below it, and who runs them.
const NAMES: &[(&str, &[&str])] = &[
    (
        "git",
        &[".git", ".gitattributes", ".gitmodules", ".gitconfig"],
    ),
    (
        "git, as hooks",
        &[
            ".githooks",
            ".husky",
            ".pre-commit-config.yaml",
            ".pre-commit-hooks.yaml",
            "lefthook.yml",
            "lefthook.yaml",
            ".lefthook.yml",
            ".lefthook",
        ],
    ),
    (
        "a CI service",
        &[
            ".gitlab-ci.yml",
            ".gitlab",
            ".circleci",
            ".buildkite",
            ".travis.yml",
            ".drone.yml",
            ".woodpecker",
            ".woodpecker.yml",
            ".ci",
            "jenkinsfile",
            "azure-pipelines.yml",
            "bitbucket-pipelines.yml",
            "azure-pipelines.yaml",
            "appveyor.yml",
            ".appveyor.yml",
            ".cirrus.yml",
            ".cirrus.star",
            "cloudbuild.yaml",
            "cloudbuild.yml",
            ".gitea",
            ".forgejo",
            ".github",
            ".gitpod.yml",
            ".semaphore",
            ".teamcity",
            ".woodpecker.yaml",
            "bitrise.yml",
            "buildspec.yml",
        ],
    ),
    (
        "a shell",
        &[
            ".envrc",
            ".bashrc",
            ".bash_profile",
            ".bash_login",
            ".bash_logout",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".zlogin",
            ".zlogout",
            ".kshrc",
            ".cshrc",
            ".tcshrc",
            ".login",
            "config.fish",
            ".mise.toml",
            "mise.toml",
            ".mise",
            ".autoenv",
            ".autoenv.zsh",
            ".ssh",
            ".inputrc",
            ".xprofile",
            ".xsession",
            ".xinitrc",
            ".pam_environment",
        ],
    ),
    (
        "an editor",
        &[
            ".vscode",
            ".idea",
            ".zed",
            ".fleet",
            ".vs",
            ".devcontainer",
            ".devcontainer.json",
            ".vimrc",
            ".nvimrc",
            ".nvim.lua",
            ".exrc",
            ".gvimrc",
            ".dir-locals.el",
            ".dir-locals-2.el",
            ".projectile",
            ".sublime-project",
            ".editorconfig",
            ".helix",
            ".nvim",
            ".lvimrc",
            ".emacs.d",
        ],
    ),
    (
        "a coding agent",
        &[
            ".claude",
            "claude.md",
            "claude.local.md",
            "agents.md",
            "agents.override.md",
            "gemini.md",
            ".codex",
            ".cursor",
            ".cursorrules",
            ".gemini",
            ".mcp.json",
            ".windsurf",
            ".windsurfrules",
            ".clinerules",
            ".aider.conf.yml",
            ".continue",
            ".opencode",
            "opencode.json",
        ],
    ),
    ("a debugger", &[".gdbinit", ".lldbinit"]),
    (
        "another version control",
        &[".hg", ".hgrc", ".jj", ".svn", ".bzr"],
    ),
    (
        "a package manager",
        &[
            ".npmrc",
            ".yarnrc",
            ".yarnrc.yml",
            ".yarn",
            ".pnp.cjs",
            ".pnp.loader.mjs",
            ".pnpmfile.cjs",
            ".bunfig.toml",
            "bunfig.toml",
            ".cargo",
            ".pypirc",
            ".gemrc",
            ".bundle",
            ".mvn",
        ],
    ),
];
/// Endings that count.
const ENDINGS: &[(&str, &str)] = &[
    (".code-workspace", "an editor"),
    (".sublime-project", "an editor"),
    (".desktop", "a desktop"),
];

/// Says who would run something, from what it is and was; `scripts` tells whether the scripts of a
/// `package.json` are other ones now.
pub fn risk_of(
    path: &TreePath,
    before: Option<&Node>,
    now: Option<&Node>,
    scripts: Scripts,
) -> Option<String> {
    if let Some(who) = of_path(path) {
        return Some(format!(
            "{who} would run what it says, or be told what to run"
        ));
    }
    if scripts == Scripts::Other && plain(path.name()) == "package.json" {
        return Some("npm would run its scripts".to_owned());
    }
    let runs = |node: Option<&Node>| match node {
        Some(Node::Plain { mode, .. }) => mode & 0o111 != 0,
        Some(Node::Folder { .. } | Node::Link { .. } | Node::Special) | None => false,
    };
    (runs(now) && !runs(before)).then(|| "it can be executed, and could not before".to_owned())
}

/// Whether the scripts of a `package.json` are those of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// They are, or it is no such file.
    Same,
    /// They are not, or cannot be read.
    Other,
}

/// Says who runs what bears a name on this path.
pub(super) fn of_path(path: &TreePath) -> Option<&'static str> {
    path.parts().find_map(|part| {
        let part = plain(part);
        // The short name that some file systems give `.git`.
        if part.starts_with("git~") {
            return Some("git");
        }
        let named = NAMES.iter().find(|(_, names)| names.contains(&&*part));
        let ending = || ENDINGS.iter().find(|(ending, _)| part.ends_with(ending));
        named
            .map(|(who, _)| *who)
            .or_else(|| ending().map(|(_, who)| *who))
    })
}

/// What git keeps in its folder of commits, branches and its own course. None of it is run.
const RECORDS: &[&str] = &[
    "head",
    "orig_head",
    "fetch_head",
    "merge_head",
    "merge_msg",
    "merge_mode",
    "auto_merge",
    "cherry_pick_head",
    "commit_editmsg",
    "packed-refs",
    "shallow",
];

/// Tells whether a path is a commit, a branch, or a note of what git did: data that nobody reads as a file.
pub(super) fn is_record(path: &TreePath) -> bool {
    let mut parts = path.parts().map(plain);
    if !parts.any(|part| part == ".git") {
        return false;
    }
    let rest: Vec<String> = parts.collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match *rest {
        // It names other folders in which git looks for objects.
        ["objects", "info", ..] => false,
        ["objects" | "refs" | "logs", ..] => true,
        [name] => RECORDS.contains(&name),
        _ => false,
    }
}

/// Returns the folders that git takes for a repository though none is called `.git`: whoever enters one and
/// asks git for anything runs what its settings say. They are returned as [`folded`] paths.
pub(super) fn bare<'a>(paths: impl Iterator<Item = &'a TreePath> + Clone) -> BTreeSet<String> {
    let heads: BTreeSet<String> = paths
        .clone()
        .filter(|path| plain(path.name()) == "head" && !is_git(path))
        .map(|path| folder_of(&folded(path.as_bytes())).to_owned())
        .collect();
    let mut found = BTreeSet::new();
    if heads.is_empty() {
        return found;
    }
    for path in paths {
        let whole = folded(path.as_bytes());
        let mut folder = whole.as_str();
        while !folder.is_empty() {
            let name = folder.rsplit('/').next().unwrap_or_default();
            folder = folder_of(folder);
            if matches!(name, "objects" | "commondir") && heads.contains(folder) {
                found.insert(folder.to_owned());
            }
        }
    }
    found
}

/// Tells whether a path lies in one of these folders.
pub(super) fn lies_in(path: &TreePath, folders: &BTreeSet<String>) -> bool {
    if folders.is_empty() {
        return false;
    }
    let mut folder = folded(path.as_bytes());
    loop {
        folder = folder_of(&folder).to_owned();
        if folders.contains(&folder) {
            return true;
        }
        if folder.is_empty() {
            return false;
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as a file system may take it that knows no case.
fn folded(path: &[u8]) -> String {
    let parts: Vec<String> = path.split(|byte| *byte == b'/').map(plain).collect();
    parts.join("/")
}

/// Tells whether a path is git's own, however it is spelled.
pub(super) fn is_git(path: &TreePath) -> bool {
    let own = |part: String| part == ".git" || part.starts_with("git~");
    path.parts().any(|part| own(plain(part)))
}

/// A name as a file system may take it that knows no case, or passes over what cannot be seen.
fn plain(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let seen = name.chars().filter(|letter| !is_hidden(*letter));
    let lower: String = seen.flat_map(char::to_lowercase).collect();
    lower.trim_end_matches(['.', ' ']).to_owned()
}

/// What of a `package.json` names programs that are run: by npm, and by tools that lay git hooks.
const ORDERS: [&str; 9] = [
    "scripts",
    "bin",
    "workspaces",
    "packageManager",
    "husky",
    "gitHooks",
    "simple-git-hooks",
    "pre-commit",
    "pre-push",
];

/// Tells whether two texts of a `package.json` have the same scripts.
pub(super) fn scripts(before: Option<&[u8]>, now: &[u8]) -> Scripts {
    let read = |text: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(text).ok()?;
        Some(ORDERS.map(|key| value.get(key).cloned()))
    };
    let none = || Some([const { None }; ORDERS.len()]);
    match (before.map_or_else(none, read), read(now)) {
        (Some(before), Some(now)) if before == now => Scripts::Same,
        (Some(_) | None, _) => Scripts::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32) -> Node {
        Node::Plain {
            mode,
            size: 0,
            digest: None,
        }
    }

    #[test]
    fn what_runs_by_itself_is_called_out_however_it_is_spelled() {
        for (name, expected) in [
            (".git/hooks/pre-commit", Some("git")),
            ("sub/.git/config", Some("git")),
            (".GIT/config", Some("git")),
            (".gi\u{200c}t/config", Some("git")),
            (".git./config", Some("git")),
            ("GIT~1/config", Some("git")),
            ("sub/.gitattributes", Some("git")),
            (".husky/pre-push", Some("git, as hooks")),
            (".github/workflows/ci.yml", Some("a CI service")),
            (".gitlab-ci.yml", Some("a CI service")),
            ("Jenkinsfile", Some("a CI service")),
            ("sub/.envrc", Some("a shell")),
            (".BashRC", Some("a shell")),
            (".vscode/tasks.json", Some("an editor")),
            (".idea/workspace.xml", Some("an editor")),
            ("my.code-workspace", Some("an editor")),
            (".claude/settings.json", Some("a coding agent")),
            (".cargo/config.toml", Some("a package manager")),
            ("docs/AGENTS.md", Some("a coding agent")),
            (".hg/hgrc", Some("another version control")),
            ("home/.ssh/config", Some("a shell")),
            ("Makefile", None),
            ("src/main.rs", None),
            ("build.rs", None),
            ("git/config", None),
            (".gitignore", None),
            ("digit~1", None),
            ("package.json", None),
        ] {
            let path = TreePath::new(name).unwrap();
            assert_eq!(of_path(&path), expected, "{name}");
            let risk = risk_of(&path, None, Some(&file(0o644)), Scripts::Same);
            assert_eq!(risk.is_some(), expected.is_some(), "{name}");
        }
        assert!(is_git(&TreePath::new("a/.Git/b").unwrap()));
        assert!(!is_git(&TreePath::new(".gitattributes").unwrap()));
    }

    #[test]
    fn a_file_that_can_be_executed_now_is_called_out() {
        let path = TreePath::new("tool").unwrap();
        let check = |before: Option<u32>, now: u32| {
            let before = before.map(file);
            risk_of(&path, before.as_ref(), Some(&file(now)), Scripts::Same).is_some()
        };
        assert!(check(None, 0o755));
        assert!(check(Some(0o644), 0o744));
        assert!(!check(Some(0o755), 0o755));
        assert!(!check(None, 0o644));
    }

    #[test]
    fn a_repository_in_disguise_is_found_however_it_is_spelled() {
        let check = |names: &[&str], expected: &[&str]| {
            let paths: Vec<TreePath> = names.iter().map(|n| TreePath::new(*n).unwrap()).collect();
            let found = bare(paths.iter());
            let called: Vec<&str> = names
                .iter()
                .zip(&paths)
                .filter(|(_, path)| lies_in(path, &found))
                .map(|(name, _)| *name)
                .collect();
            assert_eq!(called, expected);
        };
        check(
            &["x/HEAD", "x/config", "x/objects/a", "x/refs", "y/config"],
            &["x/HEAD", "x/config", "x/objects/a", "x/refs"],
        );
        check(
            &["x/Head", "X/commondir", "x/a/b"],
            &["x/Head", "X/commondir", "x/a/b"],
        );
        check(&["HEAD", "objects", "a/b"], &["HEAD", "objects", "a/b"]);
        // The controls: half of one is none, and what bears the name is found by that.
        check(&["x/HEAD", "x/config", "objects/a"], &[]);
        check(&["x/objects/a", "x/config"], &[]);
        check(&["x/.git/HEAD", "x/.git/objects/a"], &[]);
    }

    #[test]
    fn commits_and_branches_are_records_and_settings_are_not() {
        for (name, expected) in [
            (".git/objects/ab/cdef", true),
            (".git/objects", true),
            (".git/refs/heads/main", true),
            ("sub/.git/logs/HEAD", true),
            (".git/HEAD", true),
            (".git/packed-refs", true),
            (".git", false),
            (".git/config", false),
            (".git/hooks/pre-commit", false),
            (".git/objects/info/alternates", false),
            (".git/info/attributes", false),
            (".git/commondir", false),
            (".git/modules/x/HEAD", false),
            ("objects/ab", false),
            ("git~1/objects/ab", false),
        ] {
            assert_eq!(is_record(&TreePath::new(name).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn other_scripts_of_a_package_are_called_out() {
        let check = |before: Option<&str>, now: &str| {
            scripts(before.map(str::as_bytes), now.as_bytes()) == Scripts::Other
        };
        let plain = r#"{"name":"a","version":"1"}"#;
        let evil = r#"{"name":"a","scripts":{"postinstall":"evil"}}"#;
        assert!(!check(None, plain));
        assert!(check(None, evil));
        assert!(check(Some(plain), evil));
        assert!(!check(Some(evil), evil));
        assert!(check(Some(plain), "{"));
        assert!(check(None, r#"{"packageManager":"evil@1"}"#));
        let path = TreePath::new("a/package.json").unwrap();
        assert!(risk_of(&path, None, Some(&file(0o644)), Scripts::Other).is_some());
    }
}

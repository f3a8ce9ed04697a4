//! The files that people run and copy: each is read, folded and free of warnings.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Fixture;
use crate::manifest::{
    Folders, Kind, Loaded, Origin, Overrides, grants, lint, load_agent, starter,
};

fn bottles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bottles")
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

fn check(loaded: &Loaded) {
    let warnings = lint(loaded);
    assert!(warnings.is_empty(), "{warnings:?}");
    loaded.resolve(&Overrides::default()).unwrap();
}

#[test]
fn every_example_is_loaded_and_resolved() {
    let folders = Folders {
        bottles: "/nowhere".into(),
    };
    let files = toml_files(&bottles());
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let loaded = load_agent(&file, &folders).unwrap();
        check(&loaded);
        let resolved = loaded.resolve(&Overrides::default()).unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert_eq!(resolved.name.as_str(), stem);
        assert!(resolved.command.is_some() && resolved.image.is_some());
    }
}

#[test]
fn hello_and_shell_run_without_trust_and_reach_nothing() {
    let folders = Folders {
        bottles: "/nowhere".into(),
    };
    for name in ["hello.toml", "shell.toml"] {
        let loaded = load_agent(&bottles().join(name), &folders).unwrap();
        assert!(grants(&loaded).is_empty(), "{name}");
        let resolved = loaded.resolve(&Overrides::default()).unwrap();
        assert!(resolved.policy().routes.is_empty(), "{name}");
    }
}

#[test]
fn every_built_in_bottle_is_a_file_and_folds() {
    let fixture = Fixture::new("");
    let listed = Folders {
        bottles: fixture.path("bottles"),
    }
    .list();
    let listed: BTreeSet<String> = listed
        .into_iter()
        .filter(|entry| entry.origin == Origin::BuiltIn)
        .map(|entry| entry.name.to_string())
        .collect();
    let files = toml_files(&bottles().join("built-in"));
    let files: BTreeSet<String> = files
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, files);
    for name in listed {
        let fixture = Fixture::new(&format!("bottle = \"{name}\"\n"));
        check(&fixture.load().unwrap());
    }
}

#[test]
fn a_listed_bottle_says_where_it_comes_from() {
    let fixture = Fixture::new("")
        .bottle("work", "")
        .bottle("claude", "")
        .file("bottles/Not A Name.toml", "")
        .file("bottles/notes.md", "");
    let folders = Folders {
        bottles: fixture.path("bottles"),
    };
    let listed = folders.list();
    let listed: Vec<(&str, &Origin)> = listed
        .iter()
        .map(|entry| (entry.name.as_str(), &entry.origin))
        .collect();
    assert_eq!(
        listed,
        [
            ("claude", &Origin::User(fixture.path("bottles/claude.toml"))),
            ("codex", &Origin::BuiltIn),
            ("offline", &Origin::BuiltIn),
            ("work", &Origin::User(fixture.path("bottles/work.toml"))),
        ]
    );
}

#[test]
fn the_keys_of_the_built_in_agents_stay_outside() {
    for (bottle, host, header) in [
        ("claude", "api.anthropic.com", "x-api-key"),
        ("codex", "api.openai.com", "bearer"),
    ] {
        let resolved = Fixture::new(&format!("bottle = \"{bottle}\"\n")).resolve();
        let hosts: Vec<String> = resolved
            .egress
            .routes
            .iter()
            .map(|route| route.route.host.to_string())
            .collect();
        assert_eq!(hosts, [host]);
        assert!(resolved.egress.routes[0].secret.is_some());
        let auth = format!("{:?}", resolved.egress.routes[0].route.auth).to_lowercase();
        assert!(auth.contains(header), "{auth}");
        let needs = resolved.needs();
        assert!(
            needs
                .iter()
                .all(|need| matches!(need.slot, crate::manifest::Slot::Secret(_))),
            "{needs:?}"
        );
    }
}

#[test]
fn the_starter_is_a_whole_agent_also_with_its_comments_taken_away() {
    let text = starter(&"my-agent".parse().unwrap());
    let fixture = Fixture::new(&text);
    let loaded = fixture.load().unwrap();
    check(&loaded);
    assert!(grants(&loaded).is_empty());
    let resolved = loaded.resolve(&Overrides::default()).unwrap();
    assert_eq!(resolved.name.as_str(), "my-agent");

    // Every commented key is one that can be used as it stands.
    let all: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
            Some(_) | None => line,
        })
        .collect();
    let whole = Fixture::new(&all.join("\n"));
    let resolved = whole.resolve();
    assert_eq!(resolved.egress.routes.len(), 2);
    assert_eq!(resolved.resources.cpus, Some(2.0));
    assert!(resolved.prompt.is_some());
}

#[test]
fn the_examples_of_the_reference_are_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest.md");
    let text = fs::read_to_string(file).unwrap();
    let blocks: Vec<(&str, &str)> = text
        .split("```toml ")
        .skip(1)
        .map(|rest| rest.split_once('\n').unwrap())
        .map(|(kind, rest)| (kind, rest.split_once("\n```").unwrap().0))
        .collect();
    assert!(blocks.len() > 5, "{}", blocks.len());
    assert_eq!(
        text.matches("```toml\n").count(),
        0,
        "a block without a kind"
    );
    for (kind, block) in blocks {
        let fixture = match kind {
            "agent" => Fixture::new(block),
            "bottle" => Fixture::new("bottle = \"example\"\n").bottle("example", block),
            other => panic!("unknown kind `{other}`"),
        };
        let fixture = ["base", "work"]
            .into_iter()
            .fold(fixture, |fixture, name| fixture.bottle(name, ""));
        let fixture = ["repo", "bottles"]
            .into_iter()
            .fold(fixture, |fixture, folder| {
                fixture
                    .file(&format!("{folder}/Dockerfile"), "FROM scratch")
                    .file(&format!("{folder}/images/Dockerfile"), "FROM scratch")
                    .file(&format!("{folder}/prompt.md"), "Do it.")
                    .file(
                        &format!("{folder}/gitleaks.toml"),
                        "[[rules]]\nid = \"a\"\nregex = \"abc\"\n",
                    )
                    .file(
                        &format!("{folder}/corp-root.pem"),
                        "-----BEGIN CERTIFICATE-----",
                    )
            });
        let loaded = fixture
            .load()
            .unwrap_or_else(|error| panic!("{error}\n{block}"));
        loaded.resolve(&Overrides::default()).unwrap();
    }
    let keys = crate::manifest::json_schema(Kind::Agent);
    for key in keys["properties"].as_object().unwrap().keys() {
        assert!(
            text.contains(&format!("`{key}`")) || text.contains(&format!("[{key}]")),
            "{key}"
        );
    }
}

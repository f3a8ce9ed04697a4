//! Defaults, paths, the command line on top, and what has to be fetched.

use std::path::Path;

use super::{Fixture, resolved};
use crate::manifest::{
    EnvSource, ImageSource, Need, Overrides, PromptDelivery, SecretSource, Slot, UserSpec,
    Workspace, WorkspaceMode,
};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn an_empty_file_runs_the_image_and_reaches_nothing() {
    let resolved = resolved("");
    assert_eq!(resolved.workdir, "/workspace");
    assert_eq!(resolved.argv(), None);
    assert!(resolved.workspace.is_none() && resolved.image.is_none() && !resolved.read_only);
    assert!(resolved.policy().routes.is_empty() && resolved.needs().is_empty());
    assert_eq!(resolved.digest.len(), 64);
}

#[test]
fn paths_start_from_the_folder_of_their_file() {
    let fixture = Fixture::new(
        "bottle = \"b\"\nprompt-file = \"docs/p.md\"\n[image]\ndockerfile = \"img/Dockerfile\"\n",
    )
    .file("repo/docs/p.md", "hello")
    .file("repo/img/Dockerfile", "FROM scratch")
    .file("bottles/tree/x", "")
    .file("bottles/ca.pem", "-----BEGIN CERTIFICATE-----")
    .bottle(
        "b",
        "[workspace]\nsource = \"./tree\"\n[egress]\nextra-ca = [\"ca.pem\"]\n",
    );
    let resolved = fixture.resolve();
    assert_eq!(
        resolved.workspace,
        Some(Workspace {
            source: fixture.path("bottles/tree"),
            mode: WorkspaceMode::Copy
        })
    );
    assert_eq!(
        resolved.image,
        Some(ImageSource::Dockerfile {
            file: fixture.path("repo/img/Dockerfile"),
            context: fixture.path("repo/img"),
            args: std::collections::BTreeMap::new(),
        })
    );
    assert_eq!(resolved.egress.extra_ca, [fixture.path("bottles/ca.pem")]);
    assert_eq!(
        resolved.egress.certificates,
        ["-----BEGIN CERTIFICATE-----"]
    );
    let sources: Vec<_> = resolved
        .sources
        .iter()
        .map(|source| fixture.plain(&source.display().to_string()))
        .collect();
    assert_eq!(
        sources,
        [
            "agent.toml",
            "docs/p.md",
            "bottles/b.toml",
            "img/Dockerfile",
            "bottles/ca.pem"
        ]
    );
}

#[test]
fn the_workspace_has_defaults_only_where_it_is_wanted() {
    let fixture = Fixture::new("[workspace]\n");
    let workspace = fixture.resolve().workspace.unwrap();
    assert_eq!(workspace.source, fixture.path("repo"));
    assert_eq!(workspace.mode, WorkspaceMode::Copy);
    let read_only = resolved("[workspace]\nmode = \"mount-ro\"\n").workspace;
    assert_eq!(read_only.unwrap().mode, WorkspaceMode::MountReadOnly);
    // What a bottle says about the mode stays when the agent names a folder.
    let fixture = Fixture::new("bottle = \"b\"\n[workspace]\nsource = \".\"\n")
        .bottle("b", "[workspace]\nmode = \"mount\"\n");
    assert_eq!(
        fixture.resolve().workspace.unwrap().mode,
        WorkspaceMode::Mount
    );
}

#[test]
fn a_credential_goes_over_tls_unless_a_port_says_otherwise() {
    let ports = |lines: &str| {
        let text = format!("[[egress.routes]]\nhost = \"a.test\"\n{lines}\n");
        resolved(&text).policy().routes[0].ports.clone()
    };
    let auth = "auth = { scheme = \"bearer\", secret = { host = \"T\" } }";
    assert_eq!(ports(""), [443, 80]);
    assert_eq!(ports(auth), [443]);
    assert_eq!(ports(&format!("port = 80\n{auth}")), [80]);
    assert_eq!(ports("port = [8443, 443, 8443]"), [8443, 443]);
}

#[test]
fn each_credential_has_a_slot_and_a_place() {
    let resolved = resolved(
        "[[egress.routes]]\nhost = \"a.test\"\n\n[[egress.routes]]\nhost = \"b.test\"\n\
         auth = { scheme = \"basic\", user = \"me\", secret = { ask = \"Password\" } }\n\
         [[egress.routes]]\nhost = \"c.test\"\n\
         auth = { scheme = \"header\", name = \"X-Api-Key\", secret = { host = \"KEY\" } }\n\
         [env]\nA = \"literal\"\nB = { host = \"HOST_B\" }\n",
    );
    let policy = serde_json::to_value(resolved.policy()).unwrap();
    assert_eq!(
        policy["routes"][1]["auth"],
        serde_json::json!({"scheme": {"kind": "basic", "user": "me"}, "secret": "route-1"})
    );
    assert_eq!(
        policy["routes"][2]["auth"]["scheme"],
        serde_json::json!({"kind": "header", "name": "x-api-key"})
    );
    let host = |variable: &str| SecretSource::Host {
        variable: variable.to_owned(),
    };
    let need = |slot, source| Need { slot, source };
    assert_eq!(
        resolved.needs(),
        [
            need(Slot::Env("B".to_owned()), host("HOST_B")),
            need(
                Slot::Secret("route-1".to_owned()),
                SecretSource::Ask {
                    prompt: "Password".to_owned()
                }
            ),
            need(Slot::Secret("KEY".to_owned()), host("KEY")),
        ]
    );
    assert_eq!(resolved.egress.routes[1].origin.line, 4);
}

#[test]
fn the_prompt_is_the_last_word_of_the_manifests_own_command() {
    let fixture = Fixture::new("command = [\"claude\", \"-p\"]\nprompt = \"Do it.\"\n");
    let resolved = fixture.resolve();
    assert_eq!(resolved.argv(), Some(words(&["claude", "-p", "Do it."])));
    let other = Overrides {
        command: Some(words(&["bash"])),
        ..Overrides::default()
    };
    let resolved = fixture.load().unwrap().resolve(&other).unwrap();
    assert_eq!(resolved.argv(), Some(words(&["bash"])));
    assert_eq!(resolved.prompt_delivery, PromptDelivery::FileOnly);
    assert_eq!(resolved.prompt.as_deref(), Some("Do it."));
    let image = super::resolved("prompt = \"Do it.\"\n");
    assert_eq!(image.argv(), None);
    assert_eq!(image.prompt_delivery, PromptDelivery::FileOnly);
}

#[test]
fn the_command_line_goes_last() {
    let fixture =
        Fixture::new("[image]\nreference = \"a\"\nuser = \"7:8\"\n[env]\nA = \"a\"\nB = \"b\"\n");
    let loaded = fixture.load().unwrap();
    let overrides = Overrides {
        image: Some("mine:1".to_owned()),
        env: vec![
            ("A".to_owned(), Some("new".to_owned())),
            ("C".to_owned(), None),
        ],
        ..Overrides::default()
    };
    let resolved = loaded.resolve(&overrides).unwrap();
    assert_eq!(
        resolved.image,
        Some(ImageSource::Reference("mine:1".to_owned()))
    );
    assert_eq!(
        resolved.user,
        Some(UserSpec::Ids {
            uid: 7,
            gid: Some(8)
        })
    );
    let env: Vec<_> = resolved.env.into_iter().collect();
    assert_eq!(
        env,
        [
            ("A".to_owned(), EnvSource::Literal("new".to_owned())),
            ("B".to_owned(), EnvSource::Literal("b".to_owned())),
            (
                "C".to_owned(),
                EnvSource::Host {
                    variable: "C".to_owned()
                }
            ),
        ]
    );
}

#[test]
fn the_command_line_is_as_strict_as_the_file() {
    let loaded = Fixture::new("").load().unwrap();
    let check = |image: Option<&str>, name: Option<&str>, expected: &str| {
        let overrides = Overrides {
            image: image.map(str::to_owned),
            env: name
                .map(|name| (name.to_owned(), None))
                .into_iter()
                .collect(),
            ..Overrides::default()
        };
        let error = loaded.resolve(&overrides).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        Some("-v"),
        None,
        "the image `-v`: an image reference looks like `docker.io/library/debian:bookworm-slim`",
    );
    check(
        None,
        Some("HTTP_PROXY"),
        "the variable `HTTP_PROXY`: bottle sets this variable itself: it points at the sidecar, the \
         only way out",
    );
}

#[test]
fn the_digest_changes_with_every_file_that_takes_part() {
    let make = |agent: &str, prompt: &str, bottle: &str| {
        let fixture = Fixture::new(agent)
            .file("repo/p.md", prompt)
            .bottle("b", bottle);
        fixture.resolve().digest
    };
    let agent = "bottle = \"b\"\nprompt-file = \"p.md\"\n";
    let digest = make(agent, "p", "");
    assert_eq!(make(agent, "p", ""), digest);
    assert_ne!(make(&format!("{agent}# x"), "p", ""), digest);
    assert_ne!(make(agent, "q", ""), digest);
    assert_ne!(make(agent, "p", "# x"), digest);
}

#[test]
fn the_resolved_form_is_stable_json_without_anything_secret() {
    let fixture = Fixture::new(
        "command = [\"x\"]\n[env]\nA = { host = \"B\" }\n[image]\nuser = \"root\"\n\
         [[egress.routes]]\nhost = \"a.test\"\nauth = { scheme = \"bearer\", secret = { host = \"T\" } }\n",
    );
    let json = serde_json::to_value(fixture.resolve()).unwrap();
    assert_eq!(json["env"]["A"]["host"]["variable"], "B");
    assert_eq!(json["user"], "root");
    assert_eq!(
        json["egress"]["routes"][0]["secret"]["host"]["variable"],
        "T"
    );
    assert_eq!(json["egress"]["routes"][0]["origin"]["line"], 6);
    assert_eq!(json["egress"]["log"], "decisions");
    assert!(json["egress"].get("certificates").is_none());
}

#[test]
fn an_agent_may_be_named_by_a_bare_file_name() {
    let folders = crate::manifest::Folders {
        bottles: Path::new("/nowhere").to_path_buf(),
    };
    let error = crate::manifest::load_agent(Path::new("no-such-agent.toml"), &folders).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`no-such-agent.toml` does not exist")
    );
}

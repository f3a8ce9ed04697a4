//! Every fault is placed and says what to do.

use super::{Fixture, error_of, resolved};

fn check(agent: &str, expected: &str) {
    assert_eq!(error_of(agent), expected, "{agent}");
}

fn check_route(lines: &str, expected: &str) {
    check(
        &format!("[[egress.routes]]\nhost = \"a.test\"\n{lines}\n"),
        &format!("agent.toml:3:{expected}"),
    );
}

#[test]
fn an_unknown_key_names_the_nearest_and_those_allowed() {
    check(
        "[egres]\n",
        "agent.toml:1:2: unknown key `egres`; did you mean `egress`? (allowed here: `bottle`, \
         `command`, `dlp`, `egress`, `env`, `image`, `name`, `native`, `prompt`, `prompt-file`, `resources`, `seal`, \
         `workdir`, `workspace`)",
    );
    check(
        "[egress]\nfoo = 1\n",
        "agent.toml:2:1: unknown key `foo`; allowed here: `extra-ca`, `fallback-resolver`, `log`, `routes`",
    );
    check_route(
        "prot = 1",
        "1: unknown key `prot`; did you mean `port`? (allowed here: `address`, `auth`, `git`, \
         `host`, `methods`, `on-match`, `paths`, `port`, `unscannable`)",
    );
    check(
        "[resources]\nmem = \"2GiB\"\n",
        "agent.toml:2:1: unknown key `mem`; allowed here: `cpus`, `memory`, `pids`",
    );
    check(
        "[env]\nA = { hots = \"B\" }\n",
        "agent.toml:2:7: unknown key `hots`; did you mean `host`? (allowed here: `ask`, `for`, `host`, `placeholder`)",
    );
}

#[test]
fn an_unknown_key_cannot_write_on_the_terminal() {
    check(
        "\"a\\u001b[2J`, expected `b\" = 1\n",
        "agent.toml:1:1: unknown key `a\\u{1b}[2J`, expected `b`; allowed here: `bottle`, \
         `command`, `dlp`, `egress`, `env`, `image`, `name`, `native`, `prompt`, `prompt-file`, `resources`, `seal`, \
         `workdir`, `workspace`",
    );
}

#[test]
fn a_key_of_the_other_kind_of_file_is_told_apart() {
    check(
        "extends = \"a\"\n",
        "agent.toml:1:1: unknown key `extends`; it goes into a bottle file (allowed here: `bottle`, \
         `command`, `dlp`, `egress`, `env`, `image`, `name`, `native`, `prompt`, `prompt-file`, `resources`, `seal`, \
         `workdir`, `workspace`)",
    );
    let error = Fixture::new("bottle = \"a\"")
        .bottle("a", "command = [\"x\"]\n")
        .error();
    assert_eq!(
        error,
        "bottles/a.toml:1:1: unknown key `command`; it goes into an agent file (allowed here: \
         `dlp`, `egress`, `env`, `extends`, `image`, `native`, `resources`, `seal`, `workdir`, `workspace`)"
    );
}

#[test]
fn the_line_is_shown_with_carets() {
    let error = Fixture::new("name = \"a\"\n[egres]\n").load().unwrap_err();
    assert_eq!(error.excerpt(), Some("  |\n2 | [egres]\n  |  ^^^^^"));
    assert_eq!(error.place().unwrap().line, 2);
}

#[test]
fn broken_syntax_is_placed() {
    for (text, start) in [
        ("a = \n", "agent.toml:1:5: "),
        (
            "name = \"a\"\nname = \"b\"\n",
            "agent.toml:2:1: duplicate key",
        ),
        ("\n\n[env\n", "agent.toml:3:5: "),
        ("x = \"\u{7}\"\n", "agent.toml:1:6: "),
        ("command = [\"a\"", "agent.toml:1:"),
    ] {
        let error = error_of(text);
        assert!(error.starts_with(start) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_wrong_type_is_placed_and_named() {
    check(
        "name = 1\n",
        "agent.toml:1:8: invalid type: integer `1`, expected a kebab-case name in quotes",
    );
    check(
        "command = \"claude -p\"\n",
        "agent.toml:1:11: invalid type: string \"claude -p\", expected a list of words, such as \
         [\"claude\", \"-p\"]",
    );
    check(
        "bottle = true\n",
        "agent.toml:1:10: invalid type: boolean `true`, expected a name in quotes, or a list of names",
    );
    check(
        "egress = \"all\"\n",
        "agent.toml:1:10: invalid type: string \"all\", expected a table of what may be reached",
    );
    check(
        "[env]\nA = 1\n",
        "agent.toml:2:5: invalid type: integer `1`, expected text in quotes, \
         `{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`",
    );
    check(
        "[resources]\nmemory = 2\n",
        "agent.toml:2:10: invalid type: integer `2`, expected a size with its unit in quotes, such as \
         \"2GiB\"",
    );
    check(
        "[workspace]\nmode = 5\n",
        "agent.toml:2:8: expected one word in quotes",
    );
    check(
        "[workspace]\nmode = \"mount-rw\"\n",
        "agent.toml:2:8: unknown value `mount-rw`; did you mean `mount-ro`? (allowed here: `copy`, \
         `mount`, `mount-ro`, `none`)",
    );
}

#[test]
fn a_bad_value_is_blamed_where_it_stands() {
    check(
        "name = \"My Agent\"\n",
        "agent.toml:1:8: `My Agent` is not a kebab-case name (a lower-case letter, then at most 31 \
         letters, digits and single hyphens)",
    );
    check(
        "workdir = \"work\"\n",
        "agent.toml:1:11: a folder in the bottle is absolute, such as `/workspace`",
    );
    check(
        "command = []\n",
        "agent.toml:1:11: the command names no program",
    );
    check(
        "[resources]\ncpus = 0\n",
        "agent.toml:2:8: the number of processors is not between 0.01 and 1024",
    );
    check(
        "[resources]\ncpus = nan\n",
        "agent.toml:2:8: the number of processors is not between 0.01 and 1024",
    );
    check(
        "[resources]\npids = 1\n",
        "agent.toml:2:8: the number of processes is not between 64 and 4194304",
    );
    check(
        "[resources]\nmemory = \"1MiB\"\n",
        "agent.toml:2:10: the size is less than 16MiB, with which nothing starts",
    );
    check(
        "[image]\nuser = \"0\"\n",
        "agent.toml:2:8: user 0 is root; write `root`",
    );
    check(
        "[image]\nreference = \"--privileged\"\n",
        "agent.toml:2:13: an image reference looks like `docker.io/library/debian:bookworm-slim`",
    );
}

#[test]
fn a_bad_part_of_a_route_is_blamed_where_it_stands() {
    check(
        "[[egress.routes]]\nport = 1\n",
        "agent.toml:1:1: the key `host` is missing; add it",
    );
    check(
        "[[egress.routes]]\nhost = \"a.*\"\n",
        "agent.toml:2:8: `*` may only stand in front, as in `*.example.com`",
    );
    check_route("port = 0", "8: 0 is not a port; ports are 1 to 65535");
    check_route(
        "port = 65537",
        "8: 65537 is not a port; ports are 1 to 65535",
    );
    check_route(
        "port = [443, -1]",
        "14: -1 is not a port; ports are 1 to 65535",
    );
    check_route(
        "port = []",
        "8: the list of ports is empty; leave `port` out for the defaults",
    );
    check_route(
        "paths = [\"/ok\", \"v1/**\"]",
        "17: a path pattern starts with `/`",
    );
    check_route(
        "methods = [\"G T\"]",
        "12: a method is a token of at most 32 characters, such as `GET`",
    );
    check_route("address = \"10.0.0\"", "11: invalid IP address syntax");
    check_route(
        "git = \"push\"",
        "7: unknown value `push`; allowed here: `fetch`, `none`",
    );
}

#[test]
fn a_credential_is_complete_and_never_in_the_file() {
    check_route(
        "auth = { scheme = \"bearer\", secret = \"hunter2\" }",
        "38: a credential does not stand in a file; write `{ host = \"VARIABLE\" }` to take it from \
         the host's environment, or `{ ask = \"Question\" }`",
    );
    check_route(
        "auth = { scheme = \"bearer\" }",
        "8: the key `secret` is missing; add it",
    );
    check_route(
        "auth = { scheme = \"bearer\", secret = {} }",
        "38: write either `{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`",
    );
    check_route(
        "auth = { scheme = \"bearer\", secret = { host = \"A\", ask = \"B\" } }",
        "38: write either `{ host = \"VARIABLE\" }` or `{ ask = \"Question\" }`",
    );
    let secret = "secret = { host = \"A\" }";
    check_route(
        &format!("auth = {{ scheme = \"basic\", {secret} }}"),
        "8: the scheme `basic` needs `user`; add `user = \"…\"`",
    );
    check_route(
        &format!("auth = {{ scheme = \"header\", {secret} }}"),
        "8: the scheme `header` needs `name`; add `name = \"…\"`",
    );
    check_route(
        &format!("auth = {{ scheme = \"bearer\", user = \"x\", {secret} }}"),
        "36: `auth.user` goes with the scheme `basic` only; remove it, or change the scheme",
    );
    check_route(
        &format!("auth = {{ scheme = \"basic\", user = \"x\", name = \"y\", {secret} }}"),
        "47: `auth.name` goes with the scheme `header` only; remove it, or change the scheme",
    );
    check_route(
        &format!("auth = {{ scheme = \"header\", name = \"Host\", {secret} }}"),
        "36: this header steers the request and cannot carry a credential",
    );
}

#[test]
fn a_credential_in_the_file_is_not_shown() {
    let route = |auth: &str| Fixture::new(&format!("[[egress.routes]]\nhost = \"a\"\n{auth}\n"));
    let secret = route("auth = { scheme = \"bearer\", secret = \"hunter2\" }");
    let error = secret.load().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(error.excerpt(), None);
    let other = route("auth = { scheme = \"hunter2\" }").load().unwrap_err();
    assert!(other.excerpt().unwrap().contains("hunter2"));
}

#[test]
fn a_variable_of_ours_is_refused_with_the_reason() {
    check(
        "[env]\nHTTPS_PROXY = \"http://x\"\n",
        "agent.toml:2:1: bottle sets this variable itself: it points at the sidecar, the only way out",
    );
    check(
        "[env]\nSSL_CERT_FILE = \"x\"\n",
        "agent.toml:2:1: bottle sets this variable itself: it names the bundle with the bottle's CA",
    );
    check(
        "[env]\nBOTTLE_X = \"x\"\n",
        "agent.toml:2:1: variables that start with `BOTTLE_` are bottle's own",
    );
    check(
        "[env]\n\"a b\" = \"x\"\n",
        "agent.toml:2:1: a variable's name has letters, digits and `_`, and does not start with a digit",
    );
    check(
        "[env]\nA = \"a\\u0000b\"\n",
        "agent.toml:2:5: the text has a NUL character",
    );
    check(
        "[env]\nA = { ask = \"a\\u001b[2J\" }\n",
        "agent.toml:2:13: the question has characters that do not print",
    );
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    check(
        "[image]\nreference = \"a\"\ndockerfile = \"b\"\n",
        "agent.toml:3:14: `image` has both `reference` and `dockerfile`; keep the one that you mean",
    );
    check(
        "[image]\nreference = \"a\"\nargs = { A = \"b\" }\n",
        "agent.toml:3:8: `image.args` goes with `image.dockerfile` only; remove it, or name the \
         Dockerfile in this table",
    );
    check(
        "prompt = \"a\"\nprompt-file = \"b\"\n",
        "agent.toml:2:15: there is both a `prompt` and a `prompt-file`; keep the one that you mean",
    );
}

#[test]
fn a_file_that_is_named_and_not_there_is_placed() {
    check(
        "prompt-file = \"p.md\"\n",
        "agent.toml:1:15: `p.md` does not exist; correct the path or the file",
    );
    check(
        "[image]\ndockerfile = \"d\"\n",
        "agent.toml:2:14: `d` does not exist; correct the path or the file",
    );
    check(
        "[image]\ndockerfile = \"x/d\"\n",
        "agent.toml:2:14: `x` is not a folder; correct the path",
    );
    check(
        "[workspace]\nsource = \"w\"\n",
        "agent.toml:2:10: `w` is not a folder; correct the path",
    );
    check(
        "[egress]\nextra-ca = [\"agent.toml\"]\n",
        "agent.toml:2:13: `agent.toml` has no certificate in PEM form; convert it, or name the right \
         file",
    );
    check(
        "prompt-file = \"~/p.md\"\n",
        "agent.toml:1:15: `~` is not expanded; write the whole path, or one relative to this file",
    );
    let read = Fixture::new("prompt-file = \"p.md\"\n").file("repo/p.md", "do it\n");
    assert_eq!(read.resolve().prompt.as_deref(), Some("do it\n"));
    // A workspace that is not wanted need not be there.
    assert!(
        resolved("[workspace]\nsource = \"w\"\nmode = \"none\"\n")
            .workspace
            .is_none()
    );
}

#[test]
fn a_file_that_cannot_be_read_as_one_is_refused() {
    let mut large = "# ".to_owned();
    large.push_str(&"x".repeat(1 << 20));
    check(&large, "`agent.toml` is larger than 1 MiB");
    let broken = Fixture::new("").file("repo/agent.toml", b"name = \"\xff\"");
    assert_eq!(broken.error(), "`agent.toml` is not UTF-8 text (line 1)");
    let gone = Fixture::new("");
    std::fs::remove_file(gone.path("repo/agent.toml")).unwrap();
    assert_eq!(
        gone.error(),
        "`agent.toml` does not exist; name another file, or let `bottle init` write one"
    );
}

#[test]
fn a_bottle_that_is_not_there_says_where_it_was_searched() {
    let fixture = Fixture::new("bottle = [\"wrok\"]\n").bottle("work", "");
    assert_eq!(
        fixture.error(),
        "agent.toml:1:11: there is no bottle `wrok`; did you mean `work`? bottles are searched in \
         `bottles` and among those that come with bottle; there are: claude, codex, offline, work"
    );
    let fixture = Fixture::new("bottle = \"a\"\n")
        .bottle("a", "extends = \"b\"\n")
        .bottle("b", "\nextends = [\"zzzzzz\"]\n");
    assert_eq!(
        fixture.error(),
        "bottles/b.toml:2:12: there is no bottle `zzzzzz` (a -> b -> zzzzzz); bottles are searched in \
         `bottles` and among those that come with bottle; there are: a, b, claude, codex, offline"
    );
}

#[test]
fn a_bottle_is_never_taken_from_elsewhere() {
    check(
        "bottle = \"../evil\"\n",
        "agent.toml:1:10: `../evil` is not a kebab-case name (a lower-case letter, then at most 31 \
         letters, digits and single hyphens)",
    );
    let beside = Fixture::new("bottle = \"mine\"\n")
        .file("repo/bottles/mine.toml", "")
        .file("repo/mine.toml", "");
    assert!(beside.error().contains("there is no bottle `mine`"));
}

#[test]
fn an_agent_without_a_fitting_name_says_so_and_takes_one_from_the_command_line() {
    let fixture = Fixture::new("").file("repo/My Agent.toml", "command = [\"x\"]");
    let folders = crate::manifest::Folders {
        bottles: fixture.path("bottles"),
    };
    let loaded =
        crate::manifest::load_agent(&fixture.path("repo/My Agent.toml"), &folders).unwrap();
    let error = loaded
        .resolve(&crate::manifest::Overrides::default())
        .unwrap_err();
    assert_eq!(
        fixture.plain(&error.to_string()),
        "`My Agent.toml` names no agent, and its own name will not do: `My Agent` is not a kebab-case \
         name (a lower-case letter, then at most 31 letters, digits and single hyphens); add \
         `name = \"…\"`"
    );
    let named = crate::manifest::Overrides {
        name: Some("mine".parse().unwrap()),
        ..crate::manifest::Overrides::default()
    };
    assert_eq!(loaded.resolve(&named).unwrap().name.as_str(), "mine");
    assert_eq!(resolved("").name.as_str(), "agent");
}

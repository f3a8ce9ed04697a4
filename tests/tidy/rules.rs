//! What may happen in one place only, or nowhere.

use super::tokens::{Token, all, code, find};
use super::tree::Source;

/// Where what is not in the standard place is right, and why.
struct Rule {
    /// Files and folders where it may happen.
    places: &'static [&'static str],
    /// What is said elsewhere.
    what: &'static str,
}

/// The guest runs the agent's command with a prepared environment: that is its purpose.
const GUEST: &str = "src/sidecar/guest";

/// The roles that make a bottle without an engine: processes that start each other and pass streams on.
const NATIVE: &str = "src/sidecar/native";

const PROGRAMS: Rule = Rule {
    places: &["src/process", GUEST, "src/sidecar/native/program.rs"],
    what: "runs a program: only `process` does",
};
const PRINTS: Rule = Rule {
    // The sidecar's binary and the guest answer on standard output: it is their wire.
    places: &["src/ui", "src/sidecar/main.rs", GUEST, NATIVE],
    what: "prints: only `ui` does",
};
const ENVIRONMENT: Rule = Rule {
    places: &["src/env.rs", GUEST, NATIVE],
    what: "reads the environment: only `env` does",
};

/// What does no I/O and reads no clock.
const PURE: [&str; 9] = [
    "src/contract",
    "src/backends/containers/dialect",
    "src/backends/containers/mounts.rs",
    "src/backends/containers/plan.rs",
    "src/backends/native/plan.rs",
    "src/launch/homecoming/risk.rs",
    "src/manifest/resolve.rs",
    "src/state/reconcile.rs",
    "src/state/clean.rs",
];

/// Complains about programs that are run elsewhere than in `process`.
pub(crate) fn runs_programs(source: &Source) -> Vec<String> {
    PROGRAMS.apply(
        source,
        &[
            &["Command", ":", ":", "new"],
            &["duct", ":", ":"],
            &["which", ":", ":"],
        ],
    )
}

/// Complains about output elsewhere than in `ui`.
pub(crate) fn prints(source: &Source) -> Vec<String> {
    let macros = ["println", "print", "eprintln", "eprint"];
    let mut patterns: Vec<Vec<&str>> = macros.iter().map(|name| vec![*name, "!"]).collect();
    for stream in ["stdout", "stderr"] {
        // Asking whether a stream is a terminal is not printing on it.
        patterns.push(vec![":", ":", stream, "(", ")", ".", "!is_terminal"]);
        patterns.push(vec![":", ":", stream, "(", ")", "!."]);
        patterns.push(vec![":", ":", stream, "!("]);
    }
    let patterns: Vec<&[&str]> = patterns.iter().map(Vec::as_slice).collect();
    PRINTS.apply(source, &patterns)
}

/// Complains about the environment being read elsewhere than in `env`.
pub(crate) fn reads_environment(source: &Source) -> Vec<String> {
    if source.path.ends_with("build.rs") {
        return Vec::new();
    }
    let functions = [
        "var",
        "var_os",
        "vars",
        "vars_os",
        "current_dir",
        "current_exe",
        "temp_dir",
        "home_dir",
        "set_var",
        "remove_var",
    ];
    let patterns: Vec<Vec<&str>> = functions
        .iter()
        .map(|function| vec!["env", ":", ":", function])
        .collect();
    let patterns: Vec<&[&str]> = patterns.iter().map(Vec::as_slice).collect();
    ENVIRONMENT.apply(source, &patterns)
}

/// Complains about I/O and clocks in what is pure.
pub(crate) fn impure(source: &Source) -> Vec<String> {
    if !PURE.iter().any(|place| source.is_in(place)) {
        return Vec::new();
    }
    let patterns: [&[&str]; 14] = [
        &["Instant"],
        &["SystemTime"],
        &["File"],
        &["TcpStream"],
        &["TcpListener"],
        &["UdpSocket"],
        &["UnixStream"],
        &["ToSocketAddrs"],
        &["getrandom"],
        &["fs", ":", ":"],
        &["env", ":", ":"],
        &["thread", ":", ":"],
        &["process", ":", ":", "run"],
        &["now", "(", ")"],
    ];
    complain(
        source,
        &code(source),
        &patterns,
        "does I/O or reads a clock in what is pure",
    )
}

/// Complains about what was left for later, silenced or switched off.
pub(crate) fn unfinished(source: &Source) -> Vec<String> {
    let patterns: [&[&str]; 6] = [
        &["todo", "!"],
        &["unimplemented", "!"],
        &["dbg", "!"],
        &["[", "ignore"],
        &["[", "allow", "("],
        &["cfg_attr", "(", "test", ",", "ignore"],
    ];
    let mut complaints = complain(
        source,
        &all(source),
        &patterns,
        "is unfinished, silenced or switched off",
    );
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let is_word = |word: &str| words.contains(&word);
    for (line, text) in source.text.lines().enumerate() {
        if text
            .split(|letter: char| !letter.is_alphanumeric())
            .any(is_word)
        {
            complaints.push(source.complain(
                line + 1,
                "leaves something for later: open an issue instead",
            ));
        }
    }
    complaints
}

impl Rule {
    fn apply(&self, source: &Source, patterns: &[&[&str]]) -> Vec<String> {
        let exempt = !source.is_in("src") || self.places.iter().any(|place| source.is_in(place));
        if exempt {
            return Vec::new();
        }
        complain(source, &code(source), patterns, self.what)
    }
}

fn complain(source: &Source, tokens: &[Token], patterns: &[&[&str]], what: &str) -> Vec<String> {
    patterns
        .iter()
        .flat_map(|pattern| {
            find(tokens, pattern)
                .map(|line| source.complain(line, &format!("`{}` {what}", pattern.concat())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, expected: usize) {
        let complaints = rule(&Source::new(path, text));
        assert_eq!(complaints.len(), expected, "{path}: {text}: {complaints:?}");
    }

    #[test]
    fn a_program_that_is_run_elsewhere_is_found() {
        for text in [
            "fn a() { std::process::Command::new(b); }",
            "use duct::cmd;",
            "fn a() { which::which(b); }",
        ] {
            check(runs_programs, "src/launch/a.rs", text, 1);
            check(runs_programs, "src/process/a.rs", text, 0);
            check(runs_programs, "tests/cli/a.rs", text, 0);
            check(
                runs_programs,
                "src/launch/a.rs",
                &format!("#[cfg(test)] mod tests {{ {text} }}"),
                0,
            );
        }
        check(
            runs_programs,
            "src/launch/a.rs",
            "// Command::new\nconst A: &str = \"duct::cmd\";",
            0,
        );
    }

    #[test]
    fn printing_elsewhere_is_found() {
        for text in [
            "fn a() { println!(); }",
            "fn a() { eprint!(\"x\"); }",
            "fn a() { std::io::stdout().lock(); }",
            "fn a() { io::stderr(); }",
            "fn a() { b(io::stderr()); }",
            "use std::io::{self, Write}; use std::io::stdout;",
        ] {
            check(prints, "src/cli/a.rs", text, 1);
            check(prints, "src/ui/a.rs", text, 0);
        }
        check(
            prints,
            "src/cli/a.rs",
            "fn a() { captured.stdout(); b.stdout; std::io::stdout().is_terminal(); }",
            0,
        );
    }

    #[test]
    fn reading_the_environment_elsewhere_is_found() {
        for text in [
            "fn a() { std::env::var(b); }",
            "use std::env; fn a() { env::current_dir(); }",
        ] {
            check(reads_environment, "src/cli/a.rs", text, 1);
            check(reads_environment, "src/env.rs", text, 0);
        }
        check(
            reads_environment,
            "src/cli/a.rs",
            "use crate::env::Env; const A: &str = env!(\"B\");",
            0,
        );
    }

    #[test]
    fn what_is_pure_is_kept_pure() {
        for text in [
            "use std::fs::read;",
            "fn a() { Instant::now(); }",
            "use std::net::TcpStream;",
        ] {
            let found = impure(&Source::new("src/contract/a.rs", text));
            assert!(!found.is_empty(), "{text}");
            check(impure, "src/launch/a.rs", text, 0);
        }
        check(
            impure,
            "src/contract/a.rs",
            "use std::net::IpAddr; fn a(b: Duration) {}",
            0,
        );
    }

    #[test]
    fn what_is_left_for_later_is_found() {
        let word = concat!("TO", "DO");
        for text in [
            &format!("// {word}: later"),
            "#[ignore]\nfn a() {}",
            "#[ignore = \"x\"]\nfn a() {}",
            "#[allow(dead_code)]\nfn a() {}",
            "fn a() { todo!() }",
        ] {
            check(unfinished, "src/a.rs", text, 1);
        }
        check(
            unfinished,
            "src/a.rs",
            "#[expect(dead_code, reason = \"x\")]\nfn a() { b.ignore(); }",
            0,
        );
    }
}

//! The oracle as a program.

use duct::cmd;

const CONTAINER: &str = env!("CARGO_BIN_EXE_container");

#[track_caller]
fn ask(version: Option<&str>, input: &str) -> (Option<i32>, String, String) {
    let call = cmd!(CONTAINER, "--oracle-batch").stdin_bytes(input);
    let call = match version {
        Some(version) => call.env("APPLE_STAND_IN_VERSION", version),
        None => call.env_remove("APPLE_STAND_IN_VERSION"),
    };
    let output = call
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn verdicts_follow_the_version() {
    let line = "[\"run\",\"--kernel-arg\",\"a\",\"img\"]\n";
    let accepted = "{\"verdict\":\"accepted\",\"exit\":0,\"message\":\"\"}\n";
    assert_eq!(
        ask(None, line),
        (Some(0), accepted.to_owned(), String::new())
    );
    assert_eq!(ask(Some("1.5.0"), line).1, accepted);
    for version in ["1.0.0", "1.1.0"] {
        let (status, verdict, _) = ask(Some(version), line);
        assert_eq!(status, Some(0));
        assert!(
            verdict.starts_with("{\"verdict\":\"refused\",\"exit\":64,"),
            "{verdict}"
        );
    }
}

#[test]
fn a_misuse_ends_with_2_and_says_why() {
    let (status, answers, error) = ask(None, "[\"list\"]\nnonsense\n");
    assert_eq!((status, answers.lines().count()), (Some(2), 1));
    assert!(error.contains("line 2"), "{error}");
    let (status, answers, error) = ask(Some("9.9"), "[\"list\"]\n");
    assert_eq!((status, answers.as_str()), (Some(2), ""));
    assert!(error.contains("`9.9`"), "{error}");
}

#[test]
fn a_refusal_goes_to_standard_error_and_help_to_standard_output() {
    let run = |word: &str| {
        let call = cmd!(CONTAINER, word).stdout_capture().stderr_capture();
        let output = call.unchecked().run().unwrap();
        let status = output.status.code();
        (status, output.stdout.is_empty(), output.stderr.is_empty())
    };
    assert_eq!(run("--bogus"), (Some(64), true, false));
    assert_eq!(run("--help"), (Some(0), false, true));
}

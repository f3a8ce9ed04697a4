//! A bottle that has a hole, or whose engine fails half way, never runs its agent.

use crate::harness::{HELLO, Host, Origin, Outcome, Room, Wrapper};

pub(crate) fn a_bottle_with_a_hole_does_not_run_its_agent(room: &Room) {
    let origin = Origin::tls();
    // What `warn` accepts is the host's services, and no way out.
    room.agent_with_route(&origin, "[seal]\nhost-access = \"warn\"");
    let wrapper = Wrapper::new(room);
    let url = origin.url("/hello");
    let run = |drop: &str| {
        wrapper
            .run(room, &["curl", "-fsS", &url])
            .env("DROP", drop)
            .run()
    };

    let everything = format!("--internal|{}", hidden_by(room));
    for drop in ["--internal", &everything] {
        let refused = run(drop);
        refused
            .says("the bottle is not sealed")
            .says("routes what the agent sends")
            .code(125);
        assert_eq!(refused.stdout, "");
        assert_eq!(origin.connections(), Vec::new(), "{refused}");
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    }
    // The control: with every option passed on, the same wrapper lets it run.
    assert_eq!(run("").ok(), HELLO);
}

pub(crate) fn a_host_that_answers_is_refused_or_warned_about(room: &Room) {
    let refuse = match room.engine.host {
        Host::HiddenBy(_) => "",
        // Where the host always answers, it has to be asked for.
        Host::Gateway => "[seal]\nhost-access = \"refuse\"",
        Host::Hidden => {
            let name = room.engine.name;
            eprintln!("left out: {name} has no option that could be missing");
            return;
        }
    };
    let origin = Origin::tls();
    let wrapper = Wrapper::new(room);
    let url = origin.url("/hello");
    let run = || {
        wrapper
            .run(room, &["curl", "-fsS", &url])
            .env("DROP", hidden_by(room))
            .run()
    };

    room.agent_with_route(&origin, refuse);
    let refused = run();
    refused
        .says("the bottle is not sealed")
        .says("host-access = \"warn\"")
        .code(125);
    // docker does not say which one is the gateway of a subnet that it was given.
    let named = refused
        .stderr
        .contains("packets of the agent's arrived at the host")
        && refused.stderr.contains("the host is there: ");
    assert!(named, "the host's address is named: {refused}");
    assert_eq!(
        (refused.stdout.as_str(), origin.connections().len()),
        ("", 0)
    );
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());

    // The control: accepted by name, it runs, and says what it found.
    room.agent_with_route(&origin, "[seal]\nhost-access = \"warn\"");
    let warned = run();
    assert_eq!(warned.code(0).stdout, HELLO);
    warned.says("the host can be reached from inside");
}

pub(crate) fn a_call_that_fails_leaves_nothing(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let url = origin.url("/hello");
    let command = ["curl", "-fsS", url.as_str()];
    // The image is made first; then a launch has the same calls each time.
    room.run(&["true"]).code(0);
    let wrapper = Wrapper::new(room);
    assert_eq!(wrapper.run(room, &command).run().ok(), HELLO);
    let calls = wrapper.calls_before_the_agent();
    assert!(calls >= 10, "{calls}");

    for sample in 0..6 {
        let at = 1 + sample * (calls - 1) / 5;
        let wrapper = Wrapper::new(room);
        let failed = wrapper
            .run(room, &command)
            .env("FAIL_AT", at.to_string())
            .run();
        assert_eq!(
            failed.code,
            125,
            "call {at}, `{}`: {failed}",
            wrapper.words(at)
        );
        check_words(&failed, at, &wrapper);
        assert_eq!(
            room.engine.holds(&room.name),
            Vec::<String>::new(),
            "call {at}"
        );
        room.bottle(&["clean", "--yes"]).run().code(0);
    }
    assert_eq!(origin.connections().len(), 1, "only the agent that ran");
}

/// The option by which the engine hides its host, or what is no option.
fn hidden_by(room: &Room) -> &'static str {
    match room.engine.host {
        Host::HiddenBy(option) => option,
        Host::Hidden | Host::Gateway => "no-such-option",
    }
}

/// The error holds the engine's own words, and the phase where one had begun.
#[track_caller]
fn check_words(failed: &Outcome, at: usize, wrapper: &Wrapper) {
    let words = wrapper.words(at);
    failed.says("injected failure");
    let phases = ["engine", "image", "network", "sidecar", "agent", "seal"];
    let named = phases.iter().any(|phase| {
        failed
            .stderr
            .contains(&format!("error: the `{phase}` phase failed"))
    });
    let before = failed.stderr.contains("cannot be used");
    // A rule that cannot be laid is a hole, which has words of its own.
    let named = named || failed.stderr.contains("the bottle is not sealed");
    assert!(
        named || before,
        "call {at}, `{words}`, names no phase: {failed}"
    );
}

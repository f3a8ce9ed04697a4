//! What an agent file grants itself counts only once the user has trusted it.

use crate::harness::{HELLO, Origin, Room};

pub(crate) fn a_route_without_trust_is_refused_and_nothing_is_made(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let url = origin.url("/hello");
    let run = || {
        room.bottle(&[
            "run",
            "--backend",
            room.engine.name,
            "agent.toml",
            "--",
            "curl",
            "-fsS",
            &url,
        ])
        .run()
    };
    let refused = run();
    refused
        .says("bottle trust agent.toml")
        .says("api.test")
        .code(125);
    assert_eq!(room.states(), Vec::<String>::new());
    assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
    assert_eq!(origin.connections(), Vec::new());

    // The control: trusted, the same call gets through, again and again.
    room.bottle(&["trust", "agent.toml"]).run().code(0);
    for _ in 0..2 {
        assert_eq!(run().ok(), HELLO);
    }
    // Another content is another grant.
    room.agent_with_route(&origin, "methods = [\"GET\", \"POST\"]");
    run()
        .says("changed since")
        .says("bottle trust agent.toml")
        .code(125);
    assert_eq!(origin.requests().len(), 2);
}

pub(crate) fn what_grants_nothing_needs_no_trust(room: &Room) {
    room.agent("");
    let call = room.bottle(&[
        "run",
        "--backend",
        room.engine.name,
        "agent.toml",
        "--",
        "echo",
        "hi",
    ]);
    assert_eq!(call.run().ok(), "hi\n");
}

//! Which addresses a bottle's networks get.

use crate::harness::{Call, Room};

pub(crate) fn networks_are_small_and_never_where_somebody_is(room: &Room) {
    room.agent("");
    // A block of this scenario's own, in which nobody else is.
    let byte = |at: usize| u8::from_str_radix(&room.name[at..at + 2], 16).unwrap();
    let front = format!("10.{}.{}", 192 + byte(1) % 32, byte(3));
    let block = |length: u8| format!("{front}.0/{length}");
    let run = |length: u8, options: &[&str], command: &[&str]| -> Call {
        room.run_call(options, command)
            .env("BOTTLE_SUBNETS", block(length))
    };
    // Two networks fit in it, and both are in it.
    let id = run(28, &["--detach"], &["sleep", "600"]).run().ok();
    let id = id.trim();
    let address = |network: &str| {
        let (sidecar, network) = (
            format!("bottle-{id}-sidecar"),
            format!("bottle-{id}-{network}"),
        );
        let address = room.engine.address(&sidecar, &network);
        let last = address.strip_prefix(&format!("{front}.")).unwrap();
        last.parse::<u8>().unwrap()
    };
    let halves = [address("internal") / 8, address("egress") / 8];
    assert!(halves == [0, 1] || halves == [1, 0], "{halves:?}");
    // There is no room for a second bottle, and the first one is not disturbed.
    let full = run(28, &[], &["true"]).run();
    full.says("BOTTLE_SUBNETS").code(125);
    assert_eq!(room.exec(id, &["echo", "here"]).ok(), "here\n");
    // The control: a larger block has room.
    run(27, &[], &["true"]).run().code(0);
    room.stop(id);
    // Somebody else's network keeps what it has.
    let foreign = format!("{}-foreign", room.name);
    let subnet = format!("--subnet={}", block(29));
    room.engine.ask(&["network", "create", &subnet, &foreign]);
    let full = run(28, &[], &["true"]).run();
    let beside = run(27, &[], &["true"]).run();
    let kept = room.engine.holds(&foreign);
    room.engine.sweep(&[foreign]);
    full.says("BOTTLE_SUBNETS").code(125);
    beside.code(0);
    assert_eq!(kept.len(), 1, "{kept:?}");
}

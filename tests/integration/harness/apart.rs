//! Which engines must not run scenarios at the same time.
//!
//! podman's resolver listens on the host while a bottle with a way out is up. To an agent of
//! Apple's engine the host is the gateway, so such an agent reaches it: a true hole, which the seal
//! refuses, and which no Mac has. The stand-in shares its host with podman, and so takes turns.

use std::sync::{Condvar, Mutex, PoisonError};

/// Who takes turns: whichever engine holds the turn lets others of its own in.
static TURN: Mutex<Turn> = Mutex::new(Turn {
    holder: "",
    scenarios: 0,
});
static OVER: Condvar = Condvar::new();
const APART: [&str; 2] = ["podman", "macos-container"];

#[derive(Debug)]
struct Turn {
    holder: &'static str,
    scenarios: usize,
}

/// A turn of one scenario's.
#[derive(Debug)]
pub(super) struct Apart(());

/// Waits until no engine runs that this one must not run beside. Each scenario ends, and so does this.
pub(super) fn wait(engine: &'static str) -> Option<Apart> {
    if !APART.contains(&engine) {
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut turn = OVER
        .wait_while(turn, |turn| turn.scenarios > 0 && turn.holder != engine)
        .unwrap_or_else(PoisonError::into_inner);
    turn.holder = engine;
    turn.scenarios += 1;
    Some(Apart(()))
}

impl Drop for Apart {
    fn drop(&mut self) {
        TURN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .scenarios -= 1;
        OVER.notify_all();
    }
}

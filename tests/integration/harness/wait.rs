//! Waiting for something to become true, and never for longer than a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything here may take: a launch on a busy machine, with an image to build first.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until a question has an answer; fails with `what` when it has none in time.
#[track_caller]
pub(crate) fn until<T>(what: &str, time: Duration, ask: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {time:?}: {what}");
        thread::park_timeout(LOOK);
    }
}

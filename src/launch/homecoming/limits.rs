//! The bounds of what comes home, each with its reason.

use std::time::Duration;

/// The most bytes of file contents that are brought out at once: a day's work of an agent is far below,
/// a tree of installed packages stays below, and a disk is not filled by a file of zeros.
pub(super) const CONTENT_BYTES: u64 = 512 << 20;
/// The most changes that are read. The guest ends at fewer; what it says is not relied on.
pub(super) const CHANGES: usize = 250_000;
/// The most bytes that they are read from, all of which is held in memory. The guest ends at fewer.
pub(super) const CHANGES_BYTES: u64 = 64 << 20;
/// The most letters of a reason that the guest gives.
pub(super) const REASON: usize = 200;
/// The longest file whose lines are compared for people: nobody reads more, and both sides are in memory.
pub(super) const TEXT_BYTES: u64 = 4 << 20;
/// The most lines of such a file, for the same reasons: each is kept with its colour.
pub(super) const TEXT_LINES: usize = 200_000;
/// How long the lines of one file are compared before a coarser answer does.
pub(super) const TEXT_TIME: Duration = Duration::from_secs(2);
/// How long a comparison and the copy after it may take: reading a million files takes about a minute.
pub(super) const PATIENT: Duration = Duration::from_mins(10);
/// The same where somebody waits for the bottle's end: `bottle stop` gives a launcher a minute.
pub(super) const HASTY: Duration = Duration::from_secs(15);
/// How long git may take to write a branch.
pub(super) const GIT: Duration = Duration::from_mins(10);
/// How many names one message lists.
pub(super) const NAMES: usize = 10;

//! The bounds of bottles without an engine, each with its reason.

use std::time::Duration;

/// The longest message of the launcher: its certificates take some 220 kB, and a prompt and an
/// environment fit beside them many times over.
pub(super) const MESSAGE_BYTES: u64 = 16 << 20;
/// The most of what an agent prints that is kept: what is beyond is counted and dropped, so that an
/// agent cannot fill the host's disk.
pub(super) const LOG_BYTES: u64 = 64 << 20;
/// What one read of an agent's output takes at most: all that a pipe holds.
pub(super) const COPY_BUFFER: usize = 64 << 10;
/// What one write takes at most: a pipe that can be written at all takes this much without waiting.
pub(super) const WRITE_BYTES: usize = 4096;
/// How long the agent's processes have to end once they were asked to: the two seconds that their
/// first process gives them, and as much again for a busy machine.
pub(super) const STOP: Duration = Duration::from_secs(5);
/// How long the kernel may take to end what was killed.
pub(super) const KILL: Duration = Duration::from_secs(10);
/// How long the sidecar may take to write what its log still holds.
pub(super) const FAREWELL: Duration = Duration::from_secs(3);
/// How often a log that is followed is looked at.
pub(super) const FOLLOW: Duration = Duration::from_millis(100);
/// The most that is copied of one file of the host's `/etc`: a table of linked libraries takes some 100 kB.
pub(super) const ETC_BYTES: u64 = 4 << 20;
/// The files that the roots of file systems may hold: some hundred are made.
pub(super) const ROOT_FILES: u32 = 4096;

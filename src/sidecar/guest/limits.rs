//! The guest's bounds, each with its reason.

use std::time::Duration;

/// The longest message on standard input: a prompt and an environment fit many times over.
pub(super) const MESSAGE_BYTES: u64 = 8 << 20;
/// The longest file of `/proc` or `/etc` that is read to look round.
pub(super) const SURROUNDINGS_BYTES: u64 = 1 << 20;
/// The most attempts of one probe, three for each address of the host: room for a host with a bridge
/// for each of a hundred containers. Each has a thread, which the container's process limit counts.
pub(super) const ATTEMPTS: usize = 512;
/// The stack of an attempt's thread: its frames hold little more than one datagram.
pub(super) const ATTEMPT_STACK: usize = 128 << 10;
/// The longest that one attempt may be told to wait.
pub(super) const ATTEMPT_MILLIS: u64 = 30_000;
/// How long a control waits for what must answer: it does at once, but on a machine that is busy.
pub(super) const CONTROL_WAIT: Duration = Duration::from_secs(5);
/// The longest answer that an attempt reads: a DNS message without extensions has 512 bytes.
pub(super) const ANSWER_BYTES: usize = 2048;
/// The most resolvers that are asked for a name: as many as C libraries ask.
pub(super) const RESOLVERS: usize = 3;
/// How often each is asked: a datagram may get lost.
pub(super) const RESOLVE_TRIES: usize = 2;
/// How long each answer is waited for: a resolver of the same machine may have to ask others.
pub(super) const RESOLVE_WAIT: Duration = Duration::from_secs(2);
/// How long the kernel may take to let a new IPv6 address be used: usually one to two seconds.
pub(super) const SETTLE: Duration = Duration::from_secs(4);
/// How often that is looked at: the kernel tells it to nobody without a netlink socket.
pub(super) const SETTLE_STEP: Duration = Duration::from_millis(20);
/// How long the kernel may take to answer about a rule: it does at once, or loads a module first.
pub(super) const WALL_WAIT: Duration = Duration::from_secs(5);
/// How long processes have to end after SIGTERM; engines wait 10 s before they kill.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How often `init` looks whether the others have ended: no signal tells it, since most are not its children.
pub(super) const GRACE_STEP: Duration = Duration::from_millis(20);
/// How long others may still write to a command's output once it has ended: a filter that it did not
/// wait for needs milliseconds, and Apple's `container` takes the output for broken after 3 s.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// What one read of a command's output takes at most: all that a pipe holds.
pub(super) const RELAY_BUFFER: usize = 64 << 10;
/// The stack of a thread that copies a command's output: its buffer lies elsewhere.
pub(super) const RELAY_STACK: usize = 128 << 10;
/// What one read or write of a tar stream takes at most: fewer, larger system calls.
pub(super) const COPY_BUFFER: usize = 128 << 10;
/// The most folders of one tar stream: each is kept to the end, in about a kilobyte.
pub(super) const FOLDERS: usize = 200_000;
/// How much longer process 1 waits where a launcher ends the agent's command in time, and then saves what it
/// changed, for which it gives the guest 15 seconds.
pub(super) const LAUNCHER: Duration = Duration::from_secs(20);
/// How often process 1 looks round while nothing happens.
pub(super) const STAY: Duration = Duration::from_hours(1);
/// The most changes of one comparison: an agent that installs packages makes tens of thousands of files,
/// and the host keeps each change in a few hundred bytes.
pub(super) const CHANGES: usize = 200_000;
/// The most bytes of their lines, for long names and links: so many changes have about 200 bytes each, and
/// the host holds all of it in memory.
pub(super) const CHANGES_BYTES: usize = 48 << 20;
/// The most names that one comparison looks at: a million take about a minute.
pub(super) const ENTRIES: usize = 4_000_000;
/// How long a question is waited for after a workspace was unpacked: a run that is longer does not notice
/// that another program is started for it, and does not keep this one's memory for so long.
pub(super) const ASKED: Duration = Duration::from_secs(10);
/// The most folders of an image's own that are told: a line has about 100 bytes beside the path, and the
/// host reads 8 MiB at most.
pub(super) const BEFORE: usize = 20_000;
/// The most bytes of their paths, of which each may be written as three.
pub(super) const BEFORE_BYTES: usize = 1 << 20;

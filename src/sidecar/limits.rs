//! Every bound of the sidecar, with its reason. Nothing waits or grows without one of these.

use std::time::Duration;

/// Threads that look names up, which the system's resolver blocks. More look-ups than these wait,
/// so that an agent that asks for many names cannot use up the bottle's processes.
pub const RESOLVERS: usize = 16;

/// Connections of the agent at one time, a tunnel being one. Parallel installers open some
/// hundreds; beyond the bound new ones wait in the kernel's queue. Answers that nobody reads were
/// measured to hold 0.37 MiB each, so that all of them fit into half of the 256 MiB that a sidecar has.
pub const CONNECTIONS: usize = 320;

/// The most that an audit log may hold in all its files. A request takes some 800 bytes, so this is
/// for 300,000; beyond it the gate denies, rather than filling the host's disk for an agent that
/// wants it full. The oldest lines are never dropped: an agent could flush what it did with noise.
pub const AUDIT_BYTES: u64 = 256 << 20;

/// The most that one file of the log holds before the next one is begun: what an editor still
/// opens and a damaged disk block may cost. With the bound above there are about sixteen.
pub const AUDIT_FILE_BYTES: u64 = 16 << 20;

/// How long the line of a request's end may wait for others to be written with. Whoever follows the
/// log does not notice, and one call of the system does for many lines.
pub const AUDIT_DELAY: Duration = Duration::from_millis(5);

/// The most that waits like that.
pub const AUDIT_HELD_BYTES: usize = 64 << 10;

/// The longest line of an audit log that is taken up again. The longest that is written has a
/// target of 16 KiB and some headers.
pub const AUDIT_LINE_BYTES: u64 = 256 << 10;

/// The most that the headers of one head take in a line of the audit log: some dozens of common ones.
pub const AUDIT_HEADERS_BYTES: usize = 8 << 10;

/// The most of one header's value in the audit log.
pub const AUDIT_VALUE_BYTES: usize = 256;

/// What was found in one request and stopped nothing, in its last line of the audit log: an agent
/// chooses how much there is, and the first ones tell.
pub const AUDIT_FINDS: usize = 16;

/// The changes of the policy that are in force at one time: each request is held against all of
/// them. People make some dozens by hand.
pub const LIVE_CHANGES: usize = 256;

/// The longest time for which a change can be made: that of the bottle's certificate authority.
pub const LIVE_LIFE: Duration = CA_LIFE;

/// How long accepting rests after it failed, so that a lack of file descriptors is no busy loop.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long the agent may take for its TLS handshake, from the answer to CONNECT on.
pub const AGENT_HANDSHAKE: Duration = Duration::from_secs(15);

/// How long the agent may take to send a whole request head, and so also how long an idle
/// connection of it stays open. Common HTTP clients drop theirs after 15 to 60 seconds.
pub const REQUEST_HEAD: Duration = Duration::from_secs(90);

/// The longest request head. The target alone may have 16 KiB; cookies and tokens need the rest.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;

/// The longest response head that is taken from an origin.
pub const RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// The most header lines in one head, either way: what hyper and most servers use.
pub const HEADER_LINES: usize = 100;

/// The most bytes that are buffered for one connection in one direction. hyper wants room for a
/// whole head; bodies stop at it, which is what makes the slower side set the pace.
pub const BUFFER_BYTES: usize = REQUEST_HEAD_BYTES + 16 * 1024;

/// The requests of HTTP/2 that are under way at one time, over all connections of the agent; more
/// are answered 503. One of them whose bodies nobody takes holds two windows and two buffers, 256 KiB.
pub const STREAMS: usize = 1024;

/// The streams that an agent may have open on one connection: what common servers allow.
pub const AGENT_STREAMS: u32 = 128;

/// How much of an upload an agent may send ahead on one stream. The agent is less than a
/// millisecond away, so that this is no brake.
pub const AGENT_STREAM_WINDOW: u32 = 64 * 1024;

/// The same for all streams of one connection: sixteen uploads that stand still do not stop a
/// seventeenth.
pub const AGENT_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// The streams that are opened on one connection to an origin; the next one opens another
/// connection. Servers are asked to allow 100 (RFC 9113, section 6.5.2).
pub const ORIGIN_STREAMS: usize = 100;

/// How much an origin may send ahead on one stream: 2.5 MB/s over a round trip of 50 ms.
pub const ORIGIN_STREAM_WINDOW: u32 = 128 * 1024;

/// The same for all streams of one connection: all of them may stand still and stop no other.
pub const ORIGIN_CONNECTION_WINDOW: u32 = 100 * ORIGIN_STREAM_WINDOW;

/// What is written and not yet sent on one stream.
pub const STREAM_BUFFER_BYTES: usize = 32 * 1024;

/// How long an agent may say nothing over HTTP/2 before it is asked whether it is there. It is on the
/// same machine, so that only a frozen one does not answer.
pub const AGENT_PING: Duration = Duration::from_mins(2);

/// The same for an origin, while requests are under way. Servers of gRPC end a connection that asks
/// more often than every five minutes.
pub const ORIGIN_PING: Duration = Duration::from_secs(310);

/// How long either may take to answer that: a path that fails over takes less than a minute.
pub const PONG: Duration = Duration::from_mins(1);

/// The longest list of header fields in HTTP/2, which counts 32 bytes more for each field.
pub const HEADER_LIST_BYTES: u32 = 64 * 1024;

/// The requests that an agent may send to one host at once: fewer than the audit log has room for,
/// and as many as the busiest installer makes in an hour.
pub const HOST_BURST: u32 = 200_000;

/// The requests for one host in a second that may go on for ever. What programs do is some
/// hundreds; a loop that does nothing else does tens of thousands.
pub const HOST_RATE: u32 = 2_000;

/// How long frames that only cost are counted before the count begins anew.
pub const FLOOD_SPAN: Duration = Duration::from_secs(10);

/// How many streams an agent may reset within that: all that it may have open, twice.
pub const FLOOD_RESETS: u32 = 2 * AGENT_STREAMS;

/// How many times it may change its settings. Clients do so once or twice in all.
pub const FLOOD_SETTINGS: u32 = 100;

/// How many pings, priorities and empty frames it may send: clients that measure the way ping once
/// for each round trip.
pub const FLOOD_OTHERS: u32 = 20_000;

/// The longest line of a chunk's size, its extensions included. Nobody uses extensions.
pub const CHUNK_LINE_BYTES: usize = 256;

/// The longest trailer section of a request: a checksum or two, and a status.
pub const TRAILER_BYTES: usize = 8 * 1024;

/// How much of a refused request's body is read and thrown away, so that the agent gets to the answer.
pub const DISCARDED_BYTES: usize = 64 * 1024 * 1024;

/// How long that may take.
pub const DISCARDING: Duration = Duration::from_secs(5);

/// How long an origin's connection may be silent in both directions. Some model services think for
/// ten minutes before their first byte; an event stream that is alive sends something far more often.
/// In HTTP/2 it counts for each response by itself.
pub const ORIGIN_SILENCE: Duration = Duration::from_mins(15);

/// The same for a connection of the agent: later, so that the origin's silence is found first and
/// gets an answer that names it.
pub const AGENT_SILENCE: Duration = Duration::from_mins(16);

/// The bytes of an open WebSocket that are under way in one direction: a record of TLS.
pub const FRAME_BUFFER_BYTES: usize = 16 * 1024;

/// How long one side of a WebSocket may go on after the other has ended. A farewell takes one
/// round trip.
pub const FAREWELL: Duration = Duration::from_secs(10);

/// How long a name may take to resolve. The usual resolver tries twice with 5 seconds each.
pub const RESOLVE: Duration = Duration::from_secs(12);

/// The most addresses of one name that are kept and tried.
pub const ADDRESSES: usize = 8;

/// How long the checked addresses of a name are used again. Short, since a move of the service
/// must be followed; long enough that a burst of requests asks once.
pub const NAME_AGE: Duration = Duration::from_secs(30);

/// The names whose addresses are kept.
pub const NAMES: usize = 256;

/// How long one address may take to answer a connection: three SYNs of TCP's usual 1, 2, 4 seconds.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How long an origin may take for the TLS handshake.
pub const ORIGIN_HANDSHAKE: Duration = Duration::from_secs(15);

/// Idle connections to origins that are kept, in all: each holds some 30 KiB.
pub const POOL: usize = 128;

/// Idle connections that are kept for one origin. Agents ask a few origins, and one that they ask a
/// hundred things at the same time is asked the next hundred soon: a handshake costs more than the
/// request.
pub const POOL_PER_ORIGIN: usize = 96;

/// How long an idle connection to an origin is kept. Most servers close theirs after 60 seconds
/// or more, and one that both close at once costs a request.
pub const POOL_IDLE: Duration = Duration::from_secs(45);

/// Hosts whose certificates are kept. The agent chooses the names, so it must not choose the size.
pub const CERTIFICATES: usize = 256;

/// TLS sessions that can be resumed, for each of those hosts.
pub const SESSIONS: usize = 64;

/// The life of the bottle's CA. Its key dies with the process; this is for a certificate that was copied.
pub const CA_LIFE: Duration = Duration::from_hours(30 * 24);

/// The life of a leaf certificate.
pub const LEAF_LIFE: Duration = Duration::from_hours(7 * 24);

/// How much life a leaf must have left to be used again.
pub const LEAF_MARGIN: Duration = Duration::from_hours(24);

/// How far back certificates start, for an agent (in a virtual machine) whose clock is behind, and for
/// a clock that is set back while a bottle runs.
pub const CLOCK_SKEW: Duration = Duration::from_hours(24);

/// The longest line on the control channel: a whole configuration with its certificates.
pub const CONTROL_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Control connections at one time. The CLI uses one, and one more for each command by hand.
pub const CONTROL_CONNECTIONS: usize = 16;

/// How long a control connection may be silent; a `ctl` that was forgotten ends after it.
pub const CONTROL_SILENCE: Duration = Duration::from_hours(24);

/// How long `ctl` tries to connect: the container has only just started.
pub const CONTROL_CONNECT: Duration = Duration::from_secs(10);

/// How long `ctl` rests between two tries.
pub const CONTROL_RETRY: Duration = Duration::from_millis(10);

/// How long `ctl` waits for a reply. A configuration takes milliseconds.
pub const CONTROL_REPLY: Duration = Duration::from_secs(30);

// What is looked for in what leaves, and how much memory that may take (`dlp`).

/// How much of a token, or of the beginning of a private key, is looked at: the longest shape has 80
/// letters after its prefix, and the headers of an encrypted key take some 150 bytes.
pub const DLP_TOKEN_BYTES: usize = 384;

/// The longest known value that is looked for as a whole; of a longer one its beginning. A private key
/// of 4096 bits has 3.3 KiB.
pub const DLP_VALUE_BYTES: usize = 8 << 10;

/// How much of a body is looked at in one go: it stays in the processor's nearest caches.
pub const DLP_BLOCK_BYTES: usize = 16 << 10;

/// The bytes of a rule's window that are new to it.
pub const DLP_WINDOW_BYTES: usize = 16 << 10;

/// How much of the window before it a rule's window repeats: the longest match of a rule that is
/// found for sure. Rules describe tokens, and the longest of common ones are some hundred bytes.
pub const DLP_OVERLAP_BYTES: usize = 4 << 10;

/// The bytes of a window that may be searched again because a piece came, for each byte that came:
/// a message that is long enough to be one is judged at once, and a body that trickles in single
/// bytes waits until it is worth a look.
pub const DLP_CREDIT: usize = 256;

/// The credit that a stream begins with: that many small messages are judged at once.
pub const DLP_FIRST_CREDIT: usize = 4 << 20;

/// The content encodings that are undone on top of each other. More than one is hardly seen.
pub const DLP_ENCODINGS: usize = 3;

/// How much larger a body may be when it is decoded, once it is larger than [`DLP_FREE_BYTES`]. Logs and
/// source code reach 20 with common programs; deflate cannot exceed 1032.
pub const DLP_RATIO: u64 = 200;

/// The size up to which a decoded body may have any ratio: short messages of zeros are no bomb.
pub const DLP_FREE_BYTES: u64 = 4 << 20;

/// The largest window of brotli, as a power of two: what encoders choose for HTTP.
pub const DLP_BROTLI_WINDOW: u32 = 22;

/// The largest window of zstd, as a power of two: the bound of RFC 9659.
pub const DLP_ZSTD_WINDOW: u8 = 23;

/// The memory of all decoders together: eleven of the largest, or hundreds of common ones.
pub const DLP_DECODER_BYTES: usize = 96 << 20;

/// The largest file of rules. That of gitleaks has some 100 KiB.
pub const DLP_RULES_BYTES: usize = 4 << 20;

/// The most rules in all files: twenty times those of gitleaks.
pub const DLP_RULES: usize = 4096;

/// The memory that one compiled rule may take: a rule of gitleaks takes up to a few MiB for its
/// counted repetitions.
pub const DLP_RULE_BYTES: usize = 8 << 20;

//! An open WebSocket: bytes both ways as they come, as long as they are frames.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::timeout;

use super::frames::{BadFrame, Frames, Piece, Sender};
use super::messages::{Found, Incoming, Outgoing};
use crate::audit::Exchange;
use crate::dlp::{Stop, Unscannable};
use crate::gate::Permit;
use crate::limits;

/// A WebSocket that the origin agreed to, and that waits for the agent's side.
#[derive(Debug)]
pub struct Conversation {
    origin: Upgraded,
    out: Outgoing,
    back: Option<Incoming>,
    exchange: Arc<Exchange>,
}

/// Why a direction ended before its end.
#[derive(Debug, Error)]
enum Broken {
    #[error("{0} is gone: {1}")]
    Gone(&'static str, io::Error),
    #[error("{0} sent what is no WebSocket frame: {1}")]
    NoFrame(&'static str, BadFrame),
    #[error("the agent sent what must not leave")]
    Found,
    #[error("the origin sent what cannot be cleaned: {0}")]
    Unclean(Stop),
}

/// What the frames of one direction pass through.
enum Passage {
    Out(Box<Outgoing>),
    Back(Incoming),
    /// Nothing: they are only to be frames.
    Plain,
}

impl Conversation {
    pub(super) fn new(origin: Upgraded, permit: &Permit) -> Result<Self, Unscannable> {
        Ok(Self {
            origin,
            out: Outgoing::new(permit.watch())?,
            back: Incoming::new(permit.watch()),
            exchange: Arc::clone(permit.exchange()),
        })
    }

    /// Carries frames until both sides have ended. When one side has, the other gets a short time
    /// to finish; when one breaks, both end at once.
    pub async fn carry(self, agent: OnUpgrade) {
        let Ok(Ok(agent)) = timeout(limits::AGENT_HANDSHAKE, agent).await else {
            self.exchange.broke("the agent went away");
            return;
        };
        converse(
            TokioIo::new(agent),
            TokioIo::new(self.origin),
            [
                Passage::Out(Box::new(self.out)),
                self.back.map_or(Passage::Plain, Passage::Back),
            ],
            &self.exchange,
        )
        .await;
    }
}

async fn converse<A, O>(agent: A, origin: O, [out, back]: [Passage; 2], exchange: &Exchange)
where
    A: AsyncRead + AsyncWrite,
    O: AsyncRead + AsyncWrite,
{
    let (agent_reads, agent_writes) = split(agent);
    let (origin_reads, origin_writes) = split(origin);
    let out = pump(Sender::Agent, agent_reads, origin_writes, out, |bytes| {
        exchange.sent(bytes);
    });
    let back = pump(Sender::Origin, origin_reads, agent_writes, back, |bytes| {
        exchange.received(bytes);
    });
    tokio::pin!(out, back);
    let ended = tokio::select! {
        ended = &mut out => match ended {
            Ok(()) => timeout(limits::FAREWELL, back).await,
            broken @ Err(_) => Ok(broken),
        },
        ended = &mut back => match ended {
            Ok(()) => timeout(limits::FAREWELL, out).await,
            broken @ Err(_) => Ok(broken),
        },
    };
    // One that does not finish in time was told, and has nothing more to say that counts.
    if let Ok(Err(broken)) = ended {
        exchange.broke(&broken.to_string());
    }
}

/// Carries one direction to its end, and passes the end on.
async fn pump(
    sender: Sender,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passage: Passage,
    count: impl Fn(u64),
) -> Result<(), Broken> {
    let (source, sink) = match sender {
        Sender::Agent => ("the agent", "the origin"),
        Sender::Origin => ("the origin", "the agent"),
    };
    let mut frames = Frames::new(sender);
    let mut buffer = vec![0; limits::FRAME_BUFFER_BYTES];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(read) => read,
            // Many programs close without the goodbye of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(Broken::Gone(source, error)),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        let pieces = frames
            .read(bytes)
            .map_err(|bad| Broken::NoFrame(source, bad))?;
        let passed = passage.pass(bytes, pieces)?;
        let written = match read {
            0 => to.shutdown().await,
            _ => to.write_all(&passed).await,
        };
        match written {
            // The end of a side that has gone already needs no passing on.
            Ok(()) | Err(_) if read == 0 => return Ok(()),
            Ok(()) => {}
            Err(error) => return Err(Broken::Gone(sink, error)),
        }
        to.flush()
            .await
            .map_err(|error| Broken::Gone(sink, error))?;
        count(read as u64);
    }
}

impl Passage {
    /// Takes what was read, and returns the bytes that go on.
    fn pass<'a>(&mut self, bytes: &'a [u8], pieces: Vec<Piece>) -> Result<Cow<'a, [u8]>, Broken> {
        match self {
            Self::Out(out) => {
                out.pass(pieces).map_err(|Found| Broken::Found)?;
                Ok(Cow::Borrowed(bytes))
            }
            Self::Back(back) => back.pass(pieces).map(Cow::Owned).map_err(Broken::Unclean),
            Self::Plain => Ok(Cow::Borrowed(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bottle_contract::config::LogLevel;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::audit::{AuditLog, Counters};
    use crate::silence::Bounded;

    /// `Hello` of an agent's and of an origin's, from RFC 6455, section 5.7.
    const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    const HELLO_BACK: &[u8] = b"\x81\x05Hello";

    /// Both ends of a conversation that is under way, and what has become of it.
    fn conversation() -> (DuplexStream, DuplexStream, JoinHandle<()>) {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(&dir.path().join("audit.jsonl"), LogLevel::None).unwrap();
        let exchange = Exchange::begin(
            1,
            Arc::new(log),
            Arc::new(Counters::default()),
            Arc::from([]),
        );
        let (agent, near) = duplex(64);
        let (origin, far) = duplex(64);
        let near = Bounded::new(near, limits::AGENT_SILENCE);
        let far = Bounded::new(far, limits::ORIGIN_SILENCE);
        let task = tokio::spawn(async move {
            converse(near, far, [Passage::Plain, Passage::Plain], &exchange).await;
        });
        (agent, origin, task)
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_may_finish_after_the_other_has_ended() {
        let (mut agent, mut origin, task) = conversation();
        agent.write_all(HELLO).await.unwrap();
        agent.shutdown().await.unwrap();
        let mut arrived = Vec::new();
        origin.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, HELLO);
        origin.write_all(HELLO_BACK).await.unwrap();
        drop(origin);
        let mut back = Vec::new();
        agent.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, HELLO_BACK);
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_does_not_finish_is_cut_off() {
        let (mut agent, mut origin, task) = conversation();
        let begun = Instant::now();
        origin.shutdown().await.unwrap();
        task.await.unwrap();
        assert!(begun.elapsed() >= limits::FAREWELL);
        assert!(begun.elapsed() < 2 * limits::FAREWELL);
        assert_eq!(agent.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_conversation() {
        let (mut agent, mut origin, task) = conversation();
        let begun = Instant::now();
        for _ in 0..4 {
            tokio::time::advance(limits::ORIGIN_SILENCE / 2).await;
            agent.write_all(HELLO).await.unwrap();
            origin.read_exact(&mut [0; 11]).await.unwrap();
        }
        assert!(!task.is_finished());
        task.await.unwrap();
        assert!(begun.elapsed() >= 3 * limits::ORIGIN_SILENCE);
    }
}

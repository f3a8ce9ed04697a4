//! An open WebSocket: bytes both ways as they come, as long as they are frames.

use std::io;
use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::timeout;

use super::frames::{BadFrame, Frames, Sender};
use crate::audit::Exchange;
use crate::limits;

/// A WebSocket that the origin agreed to, and that waits for the agent's side.
#[derive(Debug)]
pub struct Conversation {
    origin: Upgraded,
    exchange: Arc<Exchange>,
}

/// Why a direction ended before its end.
#[derive(Debug, Error)]
enum Broken {
    #[error("{0} is gone: {1}")]
    Gone(&'static str, io::Error),
    #[error("{0} sent what is no WebSocket frame: {1}")]
    NoFrame(&'static str, BadFrame),
}

impl Conversation {
    pub(super) fn new(origin: Upgraded, exchange: Arc<Exchange>) -> Self {
        Self { origin, exchange }
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
            &self.exchange,
        )
        .await;
    }
}

async fn converse<A, O>(agent: A, origin: O, exchange: &Exchange)
where
    A: AsyncRead + AsyncWrite,
    O: AsyncRead + AsyncWrite,
{
    let (agent_reads, agent_writes) = split(agent);
    let (origin_reads, origin_writes) = split(origin);
    let out = pump(agent_reads, origin_writes, Sender::Agent, |bytes| {
        exchange.sent(bytes);
    });
    let back = pump(origin_reads, agent_writes, Sender::Origin, |bytes| {
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
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    sender: Sender,
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
        frames
            .read(bytes)
            .map_err(|bad| Broken::NoFrame(source, bad))?;
        let written = match read {
            0 => to.shutdown().await,
            _ => to.write_all(bytes).await,
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
        let task = tokio::spawn(async move { converse(near, far, &exchange).await });
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

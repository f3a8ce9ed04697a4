//! HTTP/2 by hand: what no library would send.

use bottle_contract::verdict::Reason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::agent::exchange;
use crate::h2::{PREFACE, origin};
use crate::world::{World, route, within};

const METHOD_GET: &[u8] = b"\x82";
const SCHEME_HTTPS: &[u8] = b"\x87";
const PATH: &[u8] = b"\x84";
/// `:authority: api.test`.
const AUTHORITY: &[u8] = b"\x01\x08api.test";

/// What came back on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// A head with this first byte: 0x88 is 200, and 0x8c is 400, in the static table of HPACK.
    Head(u8),
    Reset,
    Closed,
}

/// A field that stands for itself in HPACK.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0, u8::try_from(name.len()).unwrap()];
    field.extend(name.as_bytes());
    field.push(u8::try_from(value.len()).unwrap());
    field.extend(value.as_bytes());
    field
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A whole request: the head, and no body.
pub(crate) fn head(stream: u32, fields: &[&[u8]]) -> Vec<u8> {
    frame(1, 0x5, stream, &fields.concat())
}

pub(crate) async fn speaking(world: &World) -> TlsStream<TcpStream> {
    let stream = world.agent.tunnel("api.test").await.unwrap();
    let agent = world.agent.with_alpn(b"h2");
    let mut tls = agent.handshake(stream, "api.test").await.unwrap();
    tls.write_all(PREFACE).await.unwrap();
    tls
}

/// Reads up to what answers the first stream.
pub(crate) async fn back(tls: &mut TlsStream<TcpStream>) -> Back {
    let read = async {
        loop {
            let mut header = [0; 9];
            if tls.read_exact(&mut header).await.is_err() {
                return Back::Closed;
            }
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
            let mut payload = vec![0; length as usize];
            tls.read_exact(&mut payload).await.unwrap();
            match (header[3], header[8]) {
                (1, 1) => return Back::Head(payload[0]),
                (3, 1) => return Back::Reset,
                (7, _) => return Back::Closed,
                (_, _) => {}
            }
        }
    };
    within(read).await
}

#[tokio::test]
async fn heads_that_are_none_reach_nobody() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let host = field("host", "api.test");
    let good: &[&[u8]] = &[METHOD_GET, SCHEME_HTTPS, PATH, AUTHORITY];
    let with = |extra: &[u8]| [good, &[extra]].concat().concat();
    for (fields, expected) in [
        (good.concat(), Back::Head(0x88)),
        (with(&field("x-end", "1")), Back::Head(0x88)),
        // `Host` may stand in the place of `:authority`.
        (
            [METHOD_GET, SCHEME_HTTPS, PATH, &host].concat(),
            Back::Head(0x88),
        ),
        ([METHOD_GET, SCHEME_HTTPS, PATH].concat(), Back::Head(0x8c)),
        (with(&host.repeat(2)), Back::Head(0x8c)),
        (with(METHOD_GET), Back::Reset),
        (with(PATH), Back::Reset),
        (with(AUTHORITY), Back::Reset),
        ([&field("x", "1"), &good.concat()[..]].concat(), Back::Reset),
        (with(&field("connection", "close")), Back::Reset),
        (with(&field("transfer-encoding", "chunked")), Back::Reset),
        (with(&field("upgrade", "websocket")), Back::Reset),
        (with(&field("proxy-connection", "close")), Back::Reset),
        (with(&field("te", "gzip")), Back::Reset),
        (with(&field("content-length", "+1")), Back::Reset),
        (with(&field("content-length", "5")), Back::Reset),
        (with(&field(":status", "200")), Back::Reset),
        (with(&field(":protocol", "websocket")), Back::Reset),
        ([SCHEME_HTTPS, PATH, AUTHORITY].concat(), Back::Reset),
        ([METHOD_GET, SCHEME_HTTPS, AUTHORITY].concat(), Back::Reset),
        ([METHOD_GET, PATH, AUTHORITY].concat(), Back::Reset),
        (with(&field("X-Upper", "1")), Back::Reset),
        (with(&field("x-end", "1\r\nx: 2")), Back::Reset),
        (with(&field("x-end", "1\0")), Back::Reset),
        (with(&field("x y", "1")), Back::Reset),
        (with(&field("", "1")), Back::Reset),
        (with(&field(":own", "1")), Back::Reset),
    ] {
        let arrives = expected == Back::Head(0x88);
        let mut tls = speaking(&world).await;
        tls.write_all(&head(1, &[&fields])).await.unwrap();
        let mut got = back(&mut tls).await;
        if got == Back::Closed && expected == Back::Reset {
            // Some faults cost the whole connection.
            got = Back::Reset;
        }
        let shown = String::from_utf8_lossy(&fields);
        assert_eq!(got, expected, "{shown:?}");
        assert_eq!(origin.take().len(), usize::from(arrives), "{shown:?}");
    }
}

/// CVE-2023-44487 and its relatives.
#[tokio::test]
async fn a_flood_ends_the_connection() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let good: &[&[u8]] = &[METHOD_GET, SCHEME_HTTPS, PATH, AUTHORITY];
    let resets = (0..1000).flat_map(|number| {
        let stream = 2 * number + 1;
        [head(stream, good), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    });
    let settings = frame(4, 0, 0, &[]).repeat(1000);
    let pings = frame(6, 0, 0, &[0; 8]).repeat(30_000);
    for (flood, said) in [
        (resets.collect(), "resets too many streams"),
        (settings, "sends too many settings"),
        (pings, "sends too many frames without content"),
    ] {
        let flood: Vec<u8> = flood;
        let tls = speaking(&world).await;
        let (mut reads, mut writes) = tokio::io::split(tls);
        // Whoever floods does not wait for answers; the end of the connection may cut it short.
        let flooding = tokio::spawn(async move {
            drop(writes.write_all(&flood).await);
            writes
        });
        drop(within(reads.read_to_end(&mut Vec::new())).await);
        drop(within(flooding).await.unwrap());
        within(async {
            loop {
                let noted = world.decisions().into_iter().any(|decision| {
                    decision.reason == Some(Reason::Malformed)
                        && decision.detail.is_some_and(|detail| detail.contains(said))
                });
                if noted {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let asked = world.decisions().len();
    assert!(asked < 400, "{asked} of 1000 were decided about");
    origin.take();
    // A few resets are no flood.
    let mut tls = speaking(&world).await;
    for stream in [3, 5, 7] {
        let both = [head(stream, good), frame(3, 0, stream, &[0, 0, 0, 8])].concat();
        tls.write_all(&both).await.unwrap();
    }
    tls.write_all(&head(9, good)).await.unwrap();
    let answer = within(async {
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains("hello from the origin") {
            bytes.push(tls.read_u8().await.unwrap());
        }
        bytes
    });
    assert!(!answer.await.is_empty());
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let world = World::start(&[route("api.test")]).await;
    let origin = origin(&world, &[b"h2"]).await;
    let good: &[&[u8]] = &[METHOD_GET, SCHEME_HTTPS, PATH, AUTHORITY];
    let filler = field("x", &"a".repeat(100)).repeat(140);
    // Nine frames, the last one of which ends the head.
    let mut tls = speaking(&world).await;
    let mut bytes = frame(1, 0x1, 1, &[&good.concat(), &filler[..]].concat());
    for number in 0..8 {
        bytes.extend(frame(9, if number == 7 { 4 } else { 0 }, 1, &filler));
    }
    tls.write_all(&bytes).await.unwrap();
    let answer = back(&mut tls).await;
    assert_ne!(answer, Back::Head(0x88));
    drop(exchange(tls, "").await);
    assert!(origin.take().is_empty());
    let mut tls = speaking(&world).await;
    let enough = [&good.concat(), &field("x", &"a".repeat(100)).repeat(50)[..]].concat();
    tls.write_all(&head(1, &[&enough])).await.unwrap();
    assert_eq!(back(&mut tls).await, Back::Head(0x88));
}

//! Runs the table: over the forward proxy, inside a tunnel, and over HTTP/2.

use bottle_contract::policy::Route;
use tokio::io::AsyncWriteExt as _;

use super::connects::{CONNECTS, OPENINGS, Opening};
use super::fields::FIELDS;
use super::lines::{LINES, PATHS};
use super::names::{HOSTS, URLS};
use super::rows::{Row, bytes};
use super::streams::{Edit, End, STREAMS, StreamRow};
use crate::agent::{exchange, read_head};
use crate::h2_frames::{Back, back, field, head, speaking};
use crate::origin::Origin;
use crate::world::{PIN, World, route};

/// Where a name leads that no route has, so that a request that slipped through would arrive.
const ELSEWHERE: &str = "93.184.215.14";

/// What a request must not be followed by.
const SMUGGLED: &str = "GET /v1/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n";

/// The ways to the origin that a request of HTTP/1.1 can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Forward,
    Tunnel,
}

const BOTH: [Way; 2] = [Way::Forward, Way::Tunnel];

/// A sidecar, the origin that its route names, and one everywhere else.
struct Range {
    world: World,
    origin: Origin,
    elsewhere: Origin,
}

impl Range {
    async fn start() -> Self {
        let narrow = Route {
            methods: Some(vec!["GET".parse().unwrap(), "POST".parse().unwrap()]),
            paths: Some(vec!["/v1/**".parse().unwrap()]),
            ..route("api.test")
        };
        let world = World::start(&[narrow, route("other.test")]).await;
        let origin = Origin::speaking(&world.ca, &["api.test"], &[b"h2", b"http/1.1"]).await;
        world.fake.place(PIN, 443, origin.address);
        let elsewhere = Origin::plain().await;
        world.fake.name("evil.test", &[&[ELSEWHERE]]);
        for address in [ELSEWHERE, "127.0.0.1", "169.254.169.254", "0.0.0.0", "::1"] {
            let address: std::net::IpAddr = address.parse().unwrap();
            for port in [22, 80, 443] {
                world.fake.place(address, port, elsewhere.address);
            }
        }
        Self {
            world,
            origin,
            elsewhere,
        }
    }

    /// The origin that a way leads to.
    async fn for_way(way: Way) -> Self {
        let mut range = Self::start().await;
        if way == Way::Forward {
            range.origin = range.world.plain_origin().await;
        }
        range
    }

    async fn send(&self, way: Way, request: &[u8]) -> String {
        match way {
            Way::Forward => self.world.agent.raw(request).await,
            Way::Tunnel => self.world.agent.raw_inside("api.test", request).await,
        }
    }

    /// What must be so after a refusal: the log says it, and nobody has seen anything.
    fn refused(&self, before: usize, row: &str) {
        assert!(
            self.world.decisions().len() > before,
            "{row}: not in the log"
        );
        self.world.last_denial();
        assert!(self.origin.take().is_empty(), "{row}: the origin saw it");
        assert_eq!(self.elsewhere.connections(), 0, "{row}: another saw it");
    }

    /// What must be so after the twin: the origin has seen it, once.
    fn arrived(&self, row: &str) {
        let seen = self.origin.take();
        assert_eq!(seen.len(), 1, "{row}: {seen:?}");
        assert!(!seen[0].target.contains("smuggled"), "{row}: {seen:?}");
    }

    /// Sends both halves of a row, as `request` writes them.
    async fn check(&self, way: Way, row: &Row, request: impl Fn(&str) -> String) {
        let name = format!("{} ({way:?})", row.name);
        let before = self.world.decisions().len();
        let answer = self.send(way, &bytes(&request(row.refused))).await;
        let status = format!(" {} ", row.status);
        let line = answer.lines().next().unwrap_or_default();
        assert!(line.contains(&status), "{name}: {answer:?}");
        let answers = answer.lines().filter(|line| line.starts_with("HTTP/1."));
        assert_eq!(answers.count(), 1, "{name}: {answer:?}");
        self.refused(before, &name);
        let answer = self.send(way, &bytes(&request(row.arrives))).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer:?}");
        self.arrived(&name);
    }
}

#[test]
fn the_table_is_as_long_as_it_was() {
    let once = HOSTS.len() + URLS.len() + CONNECTS.len() + OPENINGS.len() + STREAMS.len();
    let twice = LINES.len() + PATHS.len() + FIELDS.len();
    assert!(once + twice >= 280, "{once} + {twice} rows");
    assert!(once + 2 * twice >= 390, "{once} + 2 * {twice} cases");
}

#[tokio::test]
async fn odd_request_lines_reach_nobody() {
    for way in BOTH {
        let range = Range::for_way(way).await;
        for row in LINES {
            range
                .check(way, row, |line| {
                    let line = line.replace('~', prefix(way));
                    format!("{line}\r\nHost: api.test\r\nConnection: close\r\n\r\n")
                })
                .await;
        }
    }
}

#[tokio::test]
async fn odd_paths_reach_nobody() {
    for way in BOTH {
        let range = Range::for_way(way).await;
        for row in PATHS {
            range
                .check(way, row, |path| {
                    let prefix = prefix(way);
                    format!(
                        "GET {prefix}{path} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"
                    )
                })
                .await;
        }
    }
}

#[tokio::test]
async fn odd_header_lines_reach_nobody() {
    for way in BOTH {
        let range = Range::for_way(way).await;
        for row in FIELDS {
            range
                .check(way, row, |fields| {
                    let prefix = prefix(way);
                    let close = if fields.contains("Connection:") {
                        ""
                    } else {
                        "Connection: close\r\n"
                    };
                    format!(
                        "POST {prefix}/v1/a HTTP/1.1\r\nHost: api.test\r\n{close}{fields}{SMUGGLED}"
                    )
                })
                .await;
        }
    }
}

#[tokio::test]
async fn a_host_inside_a_tunnel_must_be_the_tunnels() {
    let range = Range::start().await;
    for row in HOSTS {
        range
            .check(Way::Tunnel, row, |host| {
                format!("GET /v1/a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            })
            .await;
    }
}

#[tokio::test]
async fn odd_urls_reach_nobody() {
    let range = Range::for_way(Way::Forward).await;
    for row in URLS {
        range
            .check(Way::Forward, row, |url| {
                let after = url.split_once("//").map_or("", |(_, after)| after);
                let host = after.split(['/', '\\']).next().unwrap_or_default();
                format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            })
            .await;
    }
}

#[tokio::test]
async fn odd_targets_of_connect_open_no_tunnel() {
    let range = Range::start().await;
    for row in CONNECTS {
        let before = range.world.decisions().len();
        let close = "Connection: close\r\n\r\n";
        let request = bytes(&format!("CONNECT {}{close}", row.refused));
        let answer = range.world.agent.raw(&request).await;
        let status = format!("HTTP/1.1 {} ", row.status);
        assert!(answer.starts_with(&status), "{}: {answer:?}", row.name);
        range.refused(before, row.name);
        let mut stream = range.world.agent.dial().await;
        let request = bytes(&format!("CONNECT {}\r\n", row.arrives));
        stream.write_all(&request).await.unwrap();
        let answer = read_head(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{}: {answer:?}",
            row.name
        );
        inside(&range, stream, row.name).await;
    }
}

#[tokio::test]
async fn only_tls_with_the_right_name_opens_a_tunnel() {
    let range = Range::start().await;
    for (name, opening) in OPENINGS {
        let before = range.world.decisions().len();
        let stream = range.world.agent.tunnel("api.test").await.unwrap();
        let answer = match opening {
            Opening::Bytes(text) => exchange(stream, bytes(text)).await,
            Opening::Name(host) => {
                let tls = range.world.agent.handshake(stream, host).await.unwrap();
                exchange(tls, REQUEST).await
            }
            Opening::NoName => {
                let agent = range.world.agent.without_sni();
                let tls = agent.handshake(stream, "api.test").await.unwrap();
                exchange(tls, REQUEST).await
            }
        };
        let named = !matches!(opening, Opening::Bytes(_));
        assert_eq!(
            answer.starts_with("HTTP/1.1 421 "),
            named,
            "{name}: {answer:?}"
        );
        assert!(
            !answer.contains("hello from the origin"),
            "{name}: {answer:?}"
        );
        range.refused(before, name);
        let stream = range.world.agent.tunnel("api.test").await.unwrap();
        inside(&range, stream, name).await;
    }
}

const REQUEST: &str = "GET /v1/a HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";

/// Asks inside a tunnel, and is answered.
async fn inside(range: &Range, stream: tokio::net::TcpStream, row: &str) {
    let tls = range.world.agent.tls(stream, "api.test").await;
    let answer = exchange(tls, REQUEST).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{row}: {answer:?}");
    range.arrived(row);
}

#[tokio::test]
async fn odd_streams_reach_nobody() {
    let range = Range::start().await;
    for StreamRow {
        name,
        refused,
        arrives,
        end,
    } in STREAMS
    {
        let before = range.world.decisions().len();
        let got = ask(&range, *refused).await;
        let ended = match got {
            Back::Head(status) => {
                assert_ne!(status, 0x88, "{name}");
                range.refused(before, name);
                End::Refused
            }
            Back::Reset | Back::Closed => End::Broken,
        };
        assert_eq!(ended, *end, "{name}");
        assert!(range.origin.take().is_empty(), "{name}");
        assert_eq!(range.elsewhere.connections(), 0, "{name}");
        assert_eq!(ask(&range, *arrives).await, Back::Head(0x88), "{name}");
        range.arrived(name);
    }
}

async fn ask(range: &Range, edit: Edit) -> Back {
    let mut tls = speaking(&range.world).await;
    let fields: Vec<Vec<u8>> = edited(edit)
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    tls.write_all(&head(1, &fields)).await.unwrap();
    back(&mut tls).await
}

fn edited(edit: Edit) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "api.test"),
        (":path", "/v1/a"),
    ];
    match edit {
        Edit::Set(name, value) => {
            for field in fields.iter_mut().filter(|field| field.0 == name) {
                field.1 = value;
            }
        }
        Edit::Add(name, value) => fields.push((name, value)),
        Edit::Front(name, value) => fields.insert(0, (name, value)),
        Edit::Drop(name) => fields.retain(|field| field.0 != name),
    }
    fields
}

fn prefix(way: Way) -> &'static str {
    match way {
        Way::Forward => "http://api.test",
        Way::Tunnel => "",
    }
}

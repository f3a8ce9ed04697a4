//! Probes against listeners on loopback, and the attempts that surroundings suggest.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;

use bottle_contract::probe::Outcome;
use rustix::net::{self, AddressFamily, SocketType};

use super::*;

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const PATIENCE: Duration = Duration::from_secs(20);

fn request(attempts: Vec<Attempt>, timeout_millis: u64) -> ProbeRequest {
    ProbeRequest {
        token: "token-7".to_owned(),
        attempts,
        random_name: "nobody-has-this.test".to_owned(),
        oracle_port: 4444,
        timeout_millis,
        far_timeout_millis: None,
    }
}

fn attempt(target: TargetKind, how: How, to: SocketAddr) -> Attempt {
    Attempt {
        target,
        how,
        to,
        origin: Origin::Asked,
    }
}

/// Probes one address, without any surroundings.
fn outcome(target: TargetKind, how: How, to: SocketAddr, timeout_millis: u64) -> Outcome {
    let request = request(vec![attempt(target, how, to)], timeout_millis);
    let mut report = probe(&request, &Surroundings::default()).unwrap();
    assert_eq!(report.results.len(), 1);
    report.results.remove(0).outcome
}

fn answered(detail: &str) -> Outcome {
    Outcome::Answered {
        detail: detail.to_owned(),
    }
}

fn declined(detail: &str) -> Outcome {
    Outcome::Declined {
        detail: detail.to_owned(),
    }
}

/// A resolver that answers every query with one code; gives back the query.
fn resolver(code: u8) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = socket.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut query = vec![0; 512];
        let (length, from) = socket.recv_from(&mut query).unwrap();
        query.truncate(length);
        socket.send_to(&reply(&query, code), from).unwrap();
        query
    });
    (to, thread)
}

fn reply(query: &[u8], code: u8) -> Vec<u8> {
    let mut reply = query.to_vec();
    reply[2] = 0x81;
    reply[3] = 0x80 | code;
    reply
}

#[test]
fn an_open_port_answers_and_gets_the_token() {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let to = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    assert_eq!(
        outcome(TargetKind::Host, How::Tcp, to, 5000),
        answered("connected")
    );
    assert_eq!(thread.join().unwrap(), "token-7");
}

#[test]
fn a_closed_port_refuses_over_tcp_and_udp() {
    // Both ports stay taken, so that no other test can open them in between: one is
    // bound and does not listen, one hears only itself.
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(LOOPBACK)).unwrap();
    let tcp: SocketAddr = net::getsockname(&socket).unwrap().try_into().unwrap();
    let own = UdpSocket::bind(LOOPBACK).unwrap();
    let udp = own.local_addr().unwrap();
    own.connect(udp).unwrap();
    assert_eq!(
        outcome(TargetKind::Host, How::Tcp, tcp, 5000),
        Outcome::Refused
    );
    assert_eq!(
        outcome(TargetKind::Host, How::Udp, udp, 5000),
        Outcome::Refused
    );
    assert_eq!(
        outcome(TargetKind::Resolver, How::Dns, udp, 5000),
        Outcome::Refused
    );
    assert_eq!(
        outcome(TargetKind::Resolver, How::Tcp, tcp, 5000),
        Outcome::Refused
    );
}

#[test]
fn a_datagram_is_answered_or_met_with_silence() {
    let echo = UdpSocket::bind(LOOPBACK).unwrap();
    echo.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = echo.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut heard = [0; 64];
        let (length, from) = echo.recv_from(&mut heard).unwrap();
        echo.send_to(&heard[..length], from).unwrap();
        heard[..length].to_vec()
    });
    assert_eq!(
        outcome(TargetKind::Host, How::Udp, to, 5000),
        answered("7 bytes")
    );
    assert_eq!(thread.join().unwrap(), b"token-7");

    let mute = UdpSocket::bind(LOOPBACK).unwrap();
    let begin = Instant::now();
    let silent = outcome(TargetKind::Host, How::Udp, mute.local_addr().unwrap(), 200);
    assert_eq!(silent, Outcome::Silent);
    assert!(begin.elapsed() < PATIENCE / 4, "{:?}", begin.elapsed());
}

#[test]
fn a_resolver_is_judged_by_its_code() {
    for (code, expected) in [
        (0, answered("NOERROR")),
        (3, answered("NXDOMAIN")),
        (1, declined("FORMERR")),
        (2, declined("SERVFAIL")),
        (4, declined("NOTIMP")),
        (5, declined("REFUSED")),
    ] {
        let (to, thread) = resolver(code);
        assert_eq!(
            outcome(TargetKind::Resolver, How::Dns, to, 5000),
            expected,
            "{code}"
        );
        let query = thread.join().unwrap();
        assert_eq!(query, dns::query("nobody-has-this.test").unwrap());
    }
}

#[test]
fn a_local_resolver_over_tcp_is_judged_by_its_answer_not_by_its_open_port() {
    for (code, expected) in [
        (Some(3), answered("NXDOMAIN")),
        (Some(5), declined("REFUSED")),
        (None, Outcome::Refused),
    ] {
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let to = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            if let Some(code) = code {
                stream
                    .write_all(&dns::framed(&reply(&query, code)))
                    .unwrap();
            }
        });
        assert_eq!(
            outcome(TargetKind::Resolver, How::Tcp, to, 5000),
            expected,
            "{code:?}"
        );
        thread.join().unwrap();
    }
}

#[test]
fn an_address_without_a_way_is_unreachable() {
    // A link-local address without its interface: no system knows where to send that.
    let to: SocketAddr = "[fe80::1]:9".parse().unwrap();
    for how in [How::Tcp, How::Udp, How::Dns] {
        let outcome = outcome(TargetKind::Host, how, to, 5000);
        assert!(
            matches!(outcome, Outcome::Unreachable { .. }),
            "{how} {outcome:?}"
        );
    }
}

#[test]
fn all_attempts_run_at_once_and_keep_their_order() {
    let mute: Vec<UdpSocket> = (0..ATTEMPTS)
        .map(|_| UdpSocket::bind(LOOPBACK).unwrap())
        .collect();
    let attempts: Vec<Attempt> = mute
        .iter()
        .map(|socket| attempt(TargetKind::Host, How::Udp, socket.local_addr().unwrap()))
        .collect();
    let begin = Instant::now();
    let report = probe(&request(attempts.clone(), 300), &Surroundings::default()).unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    let tried: Vec<Attempt> = report
        .results
        .into_iter()
        .map(|result| {
            assert_eq!(result.outcome, Outcome::Silent);
            result.attempt
        })
        .collect();
    assert_eq!(tried, attempts);
}

#[test]
fn silence_on_many_connections_takes_the_time_of_one() {
    // A queue of accepted connections that is full: the kernel drops what comes then.
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(LOOPBACK)).unwrap();
    net::listen(&socket, 0).unwrap();
    let to: SocketAddr = net::getsockname(&socket).unwrap().try_into().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&to, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    let open = TcpListener::bind(LOOPBACK).unwrap();
    let mut attempts = vec![attempt(TargetKind::Outside, How::Tcp, to); 80];
    attempts.push(attempt(
        TargetKind::Outside,
        How::Tcp,
        open.local_addr().unwrap(),
    ));
    let begin = Instant::now();
    let report = probe(&request(attempts, 200), &Surroundings::default()).unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    let (last, silent) = report.results.split_last().unwrap();
    assert_eq!(last.outcome, answered("connected"));
    assert_eq!(silent.len(), 80);
    for result in silent {
        assert_eq!(result.outcome, Outcome::Silent);
    }
}

#[test]
fn a_probe_out_of_bounds_is_refused() {
    let to = "127.0.0.1:1".parse().unwrap();
    let many = vec![attempt(TargetKind::Host, How::Tcp, to); ATTEMPTS + 1];
    let nowhere = Surroundings::default();
    assert!(probe(&request(many[1..].to_vec(), 5000), &nowhere).is_ok());
    let error = probe(&request(many, 5000), &nowhere)
        .unwrap_err()
        .to_string();
    let told = format!("{} attempts", ATTEMPTS + 1);
    assert!(error.contains(&told), "{error}");
    for millis in [0, ATTEMPT_MILLIS + 1] {
        assert!(probe(&request(Vec::new(), millis), &nowhere).is_err());
    }
}

#[test]
fn surroundings_suggest_attempts_that_nobody_asked_for() {
    let places = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let surroundings = Surroundings {
        addresses: ["10.1.0.3".parse().unwrap()].into(),
        gateways: places(&["10.1.0.254:0"]),
        first_addresses: places(&["10.1.0.1:0", "10.1.0.3:0"]),
        neighbours: places(&["10.1.0.2:0", "10.1.0.254:0"]),
        resolvers: places(&["10.1.0.254:53", "127.0.0.11:53"]),
        ..Surroundings::default()
    };
    let asked = vec![
        attempt(
            TargetKind::Sidecar,
            How::Tcp,
            "10.1.0.2:8080".parse().unwrap(),
        ),
        attempt(TargetKind::Host, How::Tcp, "10.1.0.1:4444".parse().unwrap()),
    ];
    let found: Vec<String> = found(&request(asked, 100), &surroundings)
        .iter()
        .map(|attempt| format!("{:?} {} {}", attempt.origin, attempt.how, attempt.to))
        .collect();
    assert_eq!(
        found,
        [
            "Found DNS 10.1.0.254:53",
            "Found TCP 10.1.0.254:53",
            "Found DNS 127.0.0.11:53",
            "Found TCP 127.0.0.11:53",
            "Found TCP 10.1.0.254:4444",
            "Found UDP 10.1.0.254:4444",
            "Found UDP 10.1.0.1:4444",
            "Found DNS 10.1.0.1:53",
        ]
    );
}

#[test]
fn an_answer_from_far_away_has_its_own_time() {
    let (resolver, _thread) = slow_resolver(Duration::from_millis(400));
    let asked = |far: Option<u64>| {
        let mut request = request(vec![attempt(TargetKind::Resolver, How::Dns, resolver)], 50);
        request.far_timeout_millis = far;
        let mut report = probe(&request, &Surroundings::default()).unwrap();
        report.results.remove(0).outcome
    };
    assert_eq!(asked(Some(20_000)), answered("NXDOMAIN"));
    assert_eq!(asked(None), Outcome::Silent);
    let mut bad = request(Vec::new(), 50);
    bad.far_timeout_millis = Some(0);
    assert!(probe(&bad, &Surroundings::default()).is_err());
}

/// A resolver that knows no name, and takes its time to say so.
fn slow_resolver(time: Duration) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    let to = socket.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut query = vec![0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            // What is to be late cannot be had without waiting.
            let until = Instant::now() + time;
            while Instant::now() < until {
                thread::park_timeout(until.saturating_duration_since(Instant::now()));
            }
            let mut answer = query[..length].to_vec();
            answer[2] = 0x81;
            answer[3] = 0x83;
            let _gone = socket.send_to(&answer, from);
        }
    });
    (to, thread)
}

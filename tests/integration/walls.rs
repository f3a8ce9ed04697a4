//! Round the sidecar there is no way: what the agent tries by itself arrives nowhere.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::harness::{HELLO, Host, Origin, Packets, Room, host_address};

/// Tries to reach addresses, as `[how, address, port]`, and prints what came of each.
pub(crate) const ATTACK: &str = r#"
import errno, json, socket, sys
def attempt(how, host, port):
    kind = socket.SOCK_STREAM if how == "tcp" else socket.SOCK_DGRAM
    try:
        family, _, _, _, to = socket.getaddrinfo(host, port, 0, kind, 0, socket.AI_NUMERICHOST)[0]
        with socket.socket(family, kind) as s:
            s.settimeout(0.4)
            s.connect(to)
            if how == "udp":
                s.send(b"from the agent")
                return "sent"
            return "open"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
print(json.dumps([[*target, attempt(*target)] for target in json.loads(sys.argv[1])]))
"#;

/// Asks every resolver for a name, by hand, and the system for the other names.
const RESOLVE: &str = r#"
import json, random, socket, struct, sys
servers = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")]
name = "%032x.example.com" % random.getrandbits(128)
question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + question
def ask(kind, server):
    try:
        with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind) as s:
            s.settimeout(2)
            s.connect((server, 53))
            tcp = kind == socket.SOCK_STREAM
            s.send(struct.pack(">H", len(query)) + query if tcp else query)
            answer = s.recv(4096)[2 if tcp else 0:]
            return "status %d, answers %d" % (answer[3] & 15, struct.unpack(">H", answer[6:8])[0])
    except OSError as error:
        return "none"
def resolve(name):
    try:
        return sorted({found[4][0] for found in socket.getaddrinfo(name, None)})
    except OSError:
        return []
print(json.dumps({
    "servers": servers,
    "answers": [ask(kind, server) for server in servers for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)],
    "names": {name: resolve(name) for name in sys.argv[1:]},
}))
"#;

pub(crate) fn nothing_leads_past_the_sidecar(room: &Room) {
    let origin = Origin::tls();
    let packets = Packets::listen();
    room.agent_with_route(&origin, "");
    let id = room.detach(&["sleep", "600"]);

    let targets = targets(room, &id, origin.port(), packets.port());
    assert!(targets.len() >= 8, "{targets:?}");
    let results = attack(
        &room
            .exec(&id, &["python3", "-c", ATTACK, &json!(targets).to_string()])
            .ok(),
    );
    let excused = excused(room, &id);
    let came_through: Vec<&Value> = results
        .iter()
        .filter(|result| ["open", "ECONNREFUSED"].contains(&result[3].as_str().unwrap()))
        .filter(|result| !excused.contains(&result[1].as_str().unwrap().to_owned()))
        .collect();
    assert!(came_through.is_empty(), "{came_through:?}");
    if excused.is_empty() {
        assert_eq!(origin.connections(), Vec::new(), "{results:?}");
        assert_eq!(packets.senders(), Vec::new(), "{results:?}");
    }
    let (connections, senders) = (origin.connections().len(), packets.senders().len());

    // The control: the same script reaches the same listeners from the sidecar's other network.
    let host = host_address();
    let control = json!([["tcp", host, origin.port()], ["udp", host, packets.port()]]).to_string();
    let results = attack(&beside_the_sidecar(
        room,
        &id,
        &["python3", "-c", ATTACK, &control],
    ));
    assert_eq!(
        (&results[0][3], &results[1][3]),
        (&json!("open"), &json!("sent"))
    );
    assert_eq!(
        (origin.connections().len(), packets.senders().len()),
        (connections + 1, senders + 1)
    );
    room.stop(&id);
}

pub(crate) fn without_the_proxy_variables_curl_gets_nowhere(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let (url, port) = (origin.url("/hello"), origin.port());
    let host = host_address();
    let direct = match room.engine.host {
        Host::HiddenBy(_) | Host::Hidden => format!(
            "curl -sSk --noproxy '*' --max-time 5 --resolve api.test:{port}:{host} {url} && exit 9; \
             curl -sSk --noproxy '*' --max-time 5 https://{host}:{port}/hello && exit 9; "
        ),
        // The origin is on the host, which answers there by itself.
        Host::Gateway => String::new(),
    };
    let script = format!(
        "unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy; \
         {direct}curl -sS --noproxy '*' --max-time 5 {url} && exit 9; exit 0"
    );
    let printed = room.run(&["sh", "-c", &script]).ok();
    assert_eq!(printed, "");
    assert_eq!(origin.connections(), Vec::new());
    // The control: with them the same curl gets there.
    assert_eq!(room.run(&["curl", "-fsS", &url]).ok(), HELLO);
    assert_eq!(origin.connections().len(), 1);
}

pub(crate) fn no_name_is_resolved_but_by_the_sidecar(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let id = room.detach(&["sleep", "600"]);
    let sidecar = format!("bottle-{id}-sidecar");
    let names = ["example.com", "api.test", &sidecar, "sidecar"];
    let command = [&["python3", "-c", RESOLVE], names.as_slice()].concat();
    let found: Value = serde_json::from_str(&room.exec(&id, &command).ok()).unwrap();
    // Apple's engine leaves the image's own file alone, which names nobody.
    assert!(
        room.engine.host == Host::Gateway || !found["servers"].as_array().unwrap().is_empty(),
        "nobody was asked: {found}"
    );
    for answer in found["answers"].as_array().unwrap() {
        assert!(
            ["none", "status 2, answers 0", "status 5, answers 0"]
                .contains(&answer.as_str().unwrap()),
            "{found}"
        );
    }
    let internal = room
        .engine
        .address(&sidecar, &format!("bottle-{id}-internal"));
    for name in names {
        for address in found["names"][name].as_array().unwrap() {
            assert_eq!(address, &json!(internal), "{name}: {found}");
        }
    }
    // The controls: the sidecar finds what a route names, and the same script finds a name where there is one.
    assert_eq!(
        room.exec(&id, &["curl", "-fsS", &origin.url("/hello")])
            .ok(),
        HELLO
    );
    let known = room
        .exec(&id, &["python3", "-c", RESOLVE, "localhost"])
        .ok();
    assert!(known.contains("127.0.0.1"), "{known}");
    room.stop(&id);
}

/// The host's own addresses, where the engine makes it the gateway: `host-access` is about these.
fn excused(room: &Room, id: &str) -> Vec<String> {
    if room.engine.host != Host::Gateway {
        return Vec::new();
    }
    let networks = ["internal", "egress"].map(|role| format!("bottle-{id}-{role}"));
    let own = if_addrs::get_if_addrs().unwrap();
    own.iter()
        .map(|interface| interface.ip().to_string())
        .chain(networks.iter().flat_map(|name| room.engine.gateways(name)))
        .collect()
}

/// Everything around the agent that has an address, by TCP and UDP.
fn targets(room: &Room, id: &str, tcp: u16, udp: u16) -> Vec<Value> {
    let (internal, egress) = (
        format!("bottle-{id}-internal"),
        format!("bottle-{id}-egress"),
    );
    let sidecar = room
        .engine
        .address(&format!("bottle-{id}-sidecar"), &egress);
    let mut addresses: Vec<String> = if_addrs::get_if_addrs()
        .unwrap()
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|address| !address.is_loopback())
        .map(|address| match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => format!("{v6}%eth0"),
            IpAddr::V4(_) | IpAddr::V6(_) => address.to_string(),
        })
        .collect();
    assert!(
        addresses.contains(&host_address().to_string()),
        "{addresses:?}"
    );
    addresses.extend(room.engine.gateways(&internal));
    addresses.extend(room.engine.gateways(&egress));
    addresses.push(sidecar.clone());
    addresses.sort();
    addresses.dedup();
    let mut targets = vec![json!(["tcp", sidecar, 3128])];
    for address in addresses {
        targets.extend([json!(["tcp", address, tcp]), json!(["udp", address, udp])]);
    }
    targets
}

/// Reads what [`ATTACK`] printed.
pub(crate) fn attack(printed: &str) -> Vec<Value> {
    serde_json::from_str(printed).unwrap()
}

/// Runs a command in an ordinary container on the network by which the sidecar gets out.
#[track_caller]
fn beside_the_sidecar(room: &Room, id: &str, command: &[&str]) -> String {
    let network = format!("bottle-{id}-egress");
    let words = ["run", "--rm", "--network", &network, room.engine.image];
    room.engine.ask(&[&words, command].concat())
}

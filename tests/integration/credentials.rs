//! The credential reaches the origin, and never the agent.

use crate::harness::{HELLO, Origin, Room};

const TOKEN: &str = "tok-2f81c0d7a94be6";
const AUTH: &str = "auth = { scheme = \"bearer\", secret = { host = \"EXAMPLE_TOKEN\" } }";

/// Looks for a text in all processes and files; it comes in two parts, so that the search does not
/// find itself.
const SEARCH: &str = r#"
import os, sys
needle = (sys.argv[1] + sys.argv[2]).encode()
places = ["/proc/%s/%s" % (pid, file) for pid in os.listdir("/proc") if pid.isdigit()
          for file in ("environ", "cmdline")]
for top in ("/.bottle", "/tmp", "/etc", "/home", "/run", "/workspace"):
    places += [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
for place in places:
    try:
        if needle in open(place, "rb").read():
            print("found in", place)
    except OSError:
        pass
"#;

/// Prints who issued the certificate that the proxy shows for a host.
const ISSUER: &str = r#"
import os, socket, ssl, sys
proxy = os.environ["HTTPS_PROXY"].split("//")[1].split(":")
raw = socket.create_connection((proxy[0], int(proxy[1])), 20)
raw.sendall(("CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n" % (sys.argv[1], sys.argv[2], sys.argv[1], sys.argv[2])).encode())
assert b" 200 " in raw.recv(4096)
shown = ssl.create_default_context().wrap_socket(raw, server_hostname=sys.argv[1]).getpeercert()
print(dict(pair[0] for pair in shown["issuer"])["commonName"])
"#;

pub(crate) fn the_origin_gets_the_credential_and_replaces_the_agents_own(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, AUTH);
    let url = origin.url("/hello");
    let own = "Authorization: Bearer the-agents-own";
    let script = format!("curl -fsS {url} && curl -fsS -H '{own}' {url}");
    let printed = room
        .run_call(&[], &["sh", "-c", &script])
        .env("EXAMPLE_TOKEN", TOKEN)
        .run()
        .ok();
    assert_eq!(printed, HELLO.repeat(2));

    let seen = origin.requests();
    assert_eq!(seen.len(), 2, "{seen:?}");
    for request in &seen {
        let line = (request.method.as_str(), request.target.as_str());
        assert_eq!(line, ("GET", "/hello"));
        assert_eq!(request.header("authorization"), [format!("Bearer {TOKEN}")]);
    }

    // The control: without `auth`, what the agent sends is what arrives.
    room.agent_with_route(&origin, "");
    room.run(&["curl", "-fsS", "-H", own, &url]).code(0);
    let last = origin.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), ["Bearer the-agents-own"]);
}

pub(crate) fn the_agent_cannot_find_the_credential(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, &format!("{AUTH}\n[env]\nMARK = \"mark-77aa31\""));
    let detached = room
        .run_call(&["--detach"], &["sleep", "600"])
        .env("EXAMPLE_TOKEN", TOKEN);
    let id = detached.run().ok().trim().to_owned();
    let env = room.exec(&id, &["env"]).ok();
    assert!(
        env.contains("HTTPS_PROXY=") && !env.contains(TOKEN),
        "{env}"
    );

    let (half, rest) = TOKEN.split_at(9);
    let search = |half: &str, rest: &str| {
        let user = room.exec(&id, &["python3", "-c", SEARCH, half, rest]).ok();
        if !room.engine.has_containers() {
            return user;
        }
        let agent = format!("bottle-{id}-agent");
        let as_root = [
            "exec", "-u", "0:0", &agent, "python3", "-c", SEARCH, half, rest,
        ];
        user + &room.engine.ask(&as_root)
    };
    assert_eq!(search(half, rest), "");
    // The control: an ordinary variable is found, also by the same search.
    assert!(search("mark-", "77aa31").contains("/proc/"));

    let containers = ["agent", "sidecar"].into_iter();
    for role in containers.filter(|_| room.engine.has_containers()) {
        let name = format!("bottle-{id}-{role}");
        let inspected = room.engine.container(&name).to_string();
        assert!(inspected.contains(&id) && !inspected.contains(TOKEN));
        let logs = room.engine.call(&["logs", &name]).run();
        assert!(!(logs.stdout + &logs.stderr).contains(TOKEN));
    }
    let inspected = room.bottle(&["inspect", &id]).run().ok();
    assert!(inspected.contains("api.test"), "{inspected}");
    assert!(!inspected.contains(TOKEN));
    room.stop(&id);
}

pub(crate) fn the_certificate_is_the_bottles_own(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "");
    let id = room.detach(&["sleep", "600"]);
    let port = origin.port().to_string();
    let issuer = room
        .exec(&id, &["python3", "-c", ISSUER, "api.test", &port])
        .ok();
    assert_eq!(issuer.trim(), format!("bottle {id} CA"));
    room.stop(&id);
}

pub(crate) fn common_tools_trust_the_bottle_without_flags(room: &Room) {
    let origin = Origin::tls();
    room.agent_with_route(&origin, "git = \"fetch\"");
    let id = room.detach(&["sleep", "600"]);
    let (hello, repository) = (origin.url("/hello"), origin.url("/repo.git"));
    let urllib = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).read().decode(), end='')";
    let fetch = "fetch(process.argv[1]).then(r => r.text()).then(t => process.stdout.write(t))";
    let git = format!("{}\trefs/heads/main\n", "1".repeat(40));
    let mut tried = 0;
    for (tool, command, expected) in [
        ("curl", &["curl", "-fsS", &hello] as &[&str], HELLO),
        ("python3", &["python3", "-c", urllib, &hello], HELLO),
        ("git", &["git", "ls-remote", &repository], &git),
        (
            "openssl",
            &[
                "sh",
                "-c",
                "openssl verify -CAfile $SSL_CERT_FILE /.bottle/run/ca.pem",
            ],
            "/.bottle/run/ca.pem: OK\n",
        ),
        ("node", &["node", "-e", fetch, &hello], HELLO),
    ] {
        let found = format!("command -v {tool}");
        if room.exec(&id, &["sh", "-c", &found]).code != 0 {
            eprintln!("left out: the image has no {tool}");
            continue;
        }
        // Node.js reads the proxy variables from version 22 on only.
        let old_node = "node -e 'process.exit(process.versions.node.split(\".\")[0] < 22 ? 0 : 1)'";
        if tool == "node" && room.exec(&id, &["sh", "-c", old_node]).code == 0 {
            eprintln!("left out: the image's node knows no proxy variables");
            continue;
        }
        assert_eq!(room.exec(&id, command).ok(), expected, "{tool}");
        tried += 1;
    }
    assert!(tried >= 2, "the image has neither curl nor python3");
    // The control: with the public roots alone the same tool refuses the same certificate.
    let roots = ["--cacert", "/.bottle/roots.pem", "--capath", "/nonexistent"];
    let refused = room.exec(&id, &[&["curl", "-sS", &hello], roots.as_slice()].concat());
    refused.code(60).says("certificate");
    room.stop(&id);
}

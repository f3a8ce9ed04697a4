//! `bottle check` and the proxy give the same answer, on a table of requests.

use bottle_contract::intent::{Intent, parse_url};
use bottle_contract::policy::{Auth, AuthScheme, GitAccess, Policy, Route};
use bottle_contract::verdict::{Reason, Verdict};

use crate::world::{PIN, Setup, route};

/// One route of each kind.
fn routes() -> Vec<Route> {
    vec![
        route("exact.test"),
        route("*.wild.test"),
        Route {
            ports: vec![8443],
            ..route("port.test")
        },
        Route {
            methods: Some(vec!["GET".parse().unwrap(), "HEAD".parse().unwrap()]),
            ..route("method.test")
        },
        Route {
            paths: Some(vec!["/v1/**".parse().unwrap(), "/x/*/y".parse().unwrap()]),
            ..route("path.test")
        },
        Route {
            git: GitAccess::Fetch,
            ..route("git.test")
        },
        Route {
            auth: Some(Auth {
                scheme: AuthScheme::Bearer,
                secret: "TOKEN".to_owned(),
            }),
            ports: vec![443, 8080],
            ..route("auth.test")
        },
        route("10.9.8.7"),
    ]
}

/// Every host in every scheme and port, and every path with every method where it matters.
fn table() -> Vec<(&'static str, String)> {
    let mut table = Vec::new();
    let hosts = [
        "exact.test",
        "EXACT.test",
        "a.wild.test",
        "a.b.wild.test",
        "wild.test",
        "notwild.test",
        "port.test",
        "method.test",
        "path.test",
        "git.test",
        "auth.test",
        "10.9.8.7",
        "evil.test",
        "exact.test.evil.test",
    ];
    for host in hosts {
        for scheme in ["http", "https"] {
            for port in ["", ":80", ":443", ":8443", ":8080", ":22"] {
                table.push(("GET", format!("{scheme}://{host}{port}/")));
            }
        }
        for method in ["POST", "get"] {
            table.push((method, format!("https://{host}/v1/a?b=c")));
        }
    }
    for path in [
        "",
        "?v1",
        "/v1",
        "/v1/",
        "/v1/a/b",
        "/v1/%61",
        "/v1/a%2Fb",
        "/v1/a%2eb",
        "/v1//a",
        "/v2/a",
        "/x/a/y",
        "/x/a/b/y",
        "/V1/a",
        "/v1/a;b=c",
        "/v1/a?x=/../b",
    ] {
        for method in ["GET", "POST"] {
            table.push((method, format!("https://path.test{path}")));
        }
    }
    for path in [
        "/a.git/info/refs?service=git-upload-pack",
        "/a.git/info/refs?service=git-receive-pack",
        "/a.git/info/refs?service=git%2Dreceive-pack",
        "/a.git/info/refs",
        "/a.git/git-upload-pack",
        "/a.git/git-receive-pack",
        "/a.git/git-receive%2dpack",
        "/a.git/HEAD",
    ] {
        for host in ["git.test", "exact.test"] {
            table.push(("GET", format!("https://{host}{path}")));
            table.push(("POST", format!("http://{host}{path}")));
        }
    }
    table
}

/// What `bottle check` says.
fn expected(policy: &Policy, method: &str, url: &str) -> Result<usize, Reason> {
    let (scheme, host, port, target) = parse_url(url).unwrap();
    let intent = Intent {
        scheme,
        method: method.parse().unwrap(),
        host,
        port,
        target,
    };
    match policy.decide(&intent) {
        Verdict::Allow(allowed) => Ok(allowed.route),
        Verdict::Deny(denial) => Err(denial.reason),
    }
}

#[tokio::test]
async fn the_check_and_the_proxy_agree() {
    let routes = routes();
    let world = Setup::new(&routes).secret("TOKEN", "value").start().await;
    let names = [
        "exact.test",
        "a.wild.test",
        "a.b.wild.test",
        "port.test",
        "method.test",
        "path.test",
        "git.test",
        "auth.test",
        "10.9.8.7",
    ];
    let tls = world.tls_origin(&names).await;
    let plain = world.plain_origin().await;
    // Port 8443 speaks TLS and 8080 the clear, so only agreement on what is allowed is asked for there.
    world.fake.place(PIN, 8443, tls.address);
    world.fake.place(PIN, 8080, plain.address);
    let policy = Policy { routes };
    let table = table();
    assert!(table.len() >= 200, "{}", table.len());
    let (mut allowed, mut denied) = (0, 0);
    for (method, url) in &table {
        let before = world.decisions().len();
        let answer = world.agent.ask(method, url, &[], "").await;
        let decisions = world.decisions().split_off(before);
        let [decision] = &*decisions else {
            panic!("{method} {url}: {decisions:?}");
        };
        let got = match decision.reason {
            None => Ok(decision.route.unwrap()),
            Some(reason) => Err(reason),
        };
        let wanted = expected(&policy, method, url);
        assert_eq!(got, wanted, "{method} {url}");
        let header = answer.header("x-bottle-denied");
        assert_eq!(
            header.is_empty(),
            wanted.is_ok(),
            "{method} {url}: {}",
            answer.body
        );
        match wanted {
            Ok(_) => allowed += 1,
            Err(_) => denied += 1,
        }
    }
    assert!(
        allowed >= 50 && denied >= 50,
        "{allowed} allowed, {denied} denied"
    );
    // Nothing that was denied reached an origin.
    assert!(tls.take().len() + plain.take().len() <= allowed);
}

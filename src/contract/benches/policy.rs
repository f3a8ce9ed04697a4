//! What one decision costs, with few routes and with many.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has no result"
)]

use std::hint::black_box;

use bottle_contract::dlp::RouteDlp;
use bottle_contract::intent::{Intent, parse_url};
use bottle_contract::policy::{GitAccess, Policy, Route};
use criterion::{Criterion, criterion_group, criterion_main};

fn route(host: &str) -> Route {
    Route {
        host: host.parse().expect("a host"),
        ports: vec![443, 80],
        methods: Some(vec![
            "GET".parse().expect("a method"),
            "POST".parse().expect("a method"),
        ]),
        paths: Some(vec![
            "/v1/**".parse().expect("a pattern"),
            "/repos/*/issues".parse().expect("a pattern"),
        ]),
        address: None,
        auth: None,
        git: GitAccess::None,
        dlp: RouteDlp::default(),
    }
}

fn intent(url: &str) -> Intent {
    let (scheme, host, port, target) = parse_url(url).expect("a URL");
    Intent {
        scheme,
        method: "GET".parse().expect("a method"),
        host,
        port,
        target,
    }
}

/// Asks for the last route, so that all are looked at, and for a host that none names.
fn decision(criterion: &mut Criterion) {
    for count in [4, 64] {
        let mut routes: Vec<Route> = (1..count)
            .map(|number| route(&format!("*.service-{number}.example.com")))
            .collect();
        routes.push(route("api.example.com"));
        let policy = Policy { routes };
        for (name, url) in [
            ("allow", "https://api.example.com/v1/messages?beta=true"),
            ("deny", "https://evil.example.net/v1/messages"),
        ] {
            let intent = intent(url);
            criterion.bench_function(&format!("policy_{name}_{count}_routes"), |bencher| {
                bencher.iter(|| black_box(policy.decide(black_box(&intent))));
            });
        }
    }
}

criterion_group!(benches, decision);
criterion_main!(benches);

//! Credentials that the agent never sees.

use bottle_contract::policy::{Auth, AuthScheme, Route};

use crate::world::{Setup, World, route};

fn with_auth(host: &str, scheme: AuthScheme) -> Route {
    Route {
        auth: Some(Auth {
            scheme,
            secret: "TOKEN".to_owned(),
        }),
        ..route(host)
    }
}

async fn world() -> World {
    let user = "robot".to_owned();
    let name = "x-api-key".to_owned();
    Setup::new(&[
        with_auth("bearer.test", AuthScheme::Bearer),
        with_auth("basic.test", AuthScheme::Basic { user }),
        with_auth("header.test", AuthScheme::Header { name }),
        route("plain.test"),
    ])
    .secret("TOKEN", "s3cret-value")
    .start()
    .await
}

#[tokio::test]
async fn each_scheme_is_put_in_and_replaces_the_agents_own() {
    let world = world().await;
    let names = ["bearer.test", "basic.test", "header.test", "plain.test"];
    let origin = world.tls_origin(&names).await;
    let own = [("authorization", "Bearer mine"), ("x-api-key", "mine")];
    for (host, headers, authorization, key) in [
        ("bearer.test", &[][..], Some("Bearer s3cret-value"), None),
        ("bearer.test", &own, Some("Bearer s3cret-value"), None),
        (
            "basic.test",
            &own,
            Some("Basic cm9ib3Q6czNjcmV0LXZhbHVl"),
            None,
        ),
        ("header.test", &own, None, Some("s3cret-value")),
        ("plain.test", &own, Some("Bearer mine"), Some("mine")),
    ] {
        let url = format!("https://{host}/");
        assert_eq!(world.agent.ask("GET", &url, headers, "").await.status, 200);
        let seen = origin.only();
        let all = |name: &str| -> Vec<String> {
            seen.headers
                .get_all(name)
                .iter()
                .map(|value| value.to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            all("authorization"),
            Vec::from_iter(authorization),
            "{host}"
        );
        assert_eq!(all("x-api-key"), Vec::from_iter(key), "{host}");
    }
}

#[tokio::test]
async fn a_credential_in_a_trailer_does_not_get_through() {
    let world = world().await;
    let origin = world.tls_origin(&["header.test"]).await;
    let request = "POST / HTTP/1.1\r\nHost: header.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: x-api-key\r\n\r\n2\r\nhi\r\n0\r\nx-api-key: mine\r\n\r\n";
    let answer = world.agent.raw_inside("header.test", request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = origin.only();
    assert_eq!(seen.body, "hi");
    assert_eq!(seen.headers["x-api-key"], "s3cret-value");
    assert!(!seen.headers.contains_key("trailer"));
}

#[tokio::test]
async fn the_secret_is_in_no_answer_and_not_in_the_log() {
    let world = world().await;
    let _origin = world.tls_origin(&["bearer.test"]).await;
    let answer = world.agent.get("https://bearer.test/?q=1").await;
    assert_eq!(answer.status, 200);
    world.finished(1).await;
    // Also where the agent knows it and tries to send it.
    let stopped = world.agent.get("https://bearer.test/?q=s3cret-value").await;
    assert_eq!(stopped.status, 403);
    assert!(!stopped.body.contains("s3cret"));
    let denied = world.agent.get("https://other.test/").await;
    assert!(!denied.body.contains("s3cret"));
    let log = std::fs::read_to_string(&world.log).unwrap();
    assert!(!log.contains("s3cret"), "{log}");
    assert!(log.contains(r#""credential":true"#), "{log}");
    let shown = format!("{:?}", world.sidecar);
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_credential_does_not_go_in_the_clear() {
    let mut clear = with_auth("bearer.test", AuthScheme::Bearer);
    clear.ports = vec![8080];
    let world = Setup::new(&[clear, route("plain.test")])
        .secret("TOKEN", "s3cret-value")
        .start()
        .await;
    let origin = world.plain_origin().await;
    world.fake.place(crate::world::PIN, 8080, origin.address);
    let answer = world.agent.get("http://bearer.test:8080/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-bottle-denied")),
        (403, "scheme")
    );
    assert!(origin.take().is_empty());
    assert_eq!(world.agent.get("http://plain.test/").await.status, 200);
    assert_eq!(origin.take().len(), 1);
}

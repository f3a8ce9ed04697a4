//! Placeholders: their real values go to their own routes, over TLS, in headers, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;

use crate::agent::read_h2;
use crate::dlp_world::{NEIGHBOUR, PLACEHOLDER, REAL, SECRET, bottle, keeper};
use crate::origin::text;
use crate::world::PIN;

#[tokio::test]
async fn a_placeholder_becomes_the_real_value_towards_its_own_route() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let basic = |value: &str| format!("Basic {}", STANDARD.encode(format!("me:{value}")));
    for (name, sent, expected) in [
        (
            "authorization",
            format!("Bearer {PLACEHOLDER}"),
            format!("Bearer {REAL}"),
        ),
        ("authorization", basic(PLACEHOLDER), basic(REAL)),
        ("x-any-name", PLACEHOLDER.to_owned(), REAL.to_owned()),
        ("cookie", format!("t={PLACEHOLDER}"), format!("t={REAL}")),
    ] {
        let answer = world
            .agent
            .ask("GET", "https://own.test/", &[(name, &sent)], "")
            .await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let arrived = got.take().pop().unwrap();
        assert!(!arrived.holds(PLACEHOLDER), "{arrived:?}");
        let decision = world.decisions().pop().unwrap();
        assert_eq!(decision.swapped, ["TOKEN"]);
        // The header is marked as sensitive on our side only: the origin sees the value.
        assert!(arrived.holds(&expected), "{expected}: {arrived:?}");
    }
    // Without it nothing is put in.
    let own = [("authorization", NEIGHBOUR)];
    let answer = world.agent.ask("GET", "https://own.test/", &own, "").await;
    assert_eq!(answer.status, 200);
    let arrived = got.take().pop().unwrap();
    assert!(
        arrived.holds(NEIGHBOUR) && !arrived.holds(REAL),
        "{arrived:?}"
    );
    assert!(world.decisions().pop().unwrap().swapped.is_empty());
    world.log_is_clean();
}

#[tokio::test]
async fn the_same_in_http2() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[b"h2"]).await;
    let mut sender = world.agent.h2("own.test").await;
    let request = Request::get("https://own.test/")
        .header("authorization", format!("Bearer {PLACEHOLDER}"))
        .body(text(""))
        .unwrap();
    assert_eq!(read_h2(&mut sender, request).await.status, 200);
    assert!(got.take().pop().unwrap().holds(&format!("Bearer {REAL}")));
}

#[tokio::test]
async fn anywhere_else_it_is_stopped_and_nothing_is_put_in() {
    let world = bottle().start().await;
    let (origin, got) = keeper(&world, &[]).await;
    world.fake.place(PIN, 80, origin.address);
    let bearer = format!("Bearer {PLACEHOLDER}");
    let header = [("authorization", &*bearer)];
    let path = format!("https://own.test/{PLACEHOLDER}");
    let query = format!("https://own.test/?t={PLACEHOLDER}");
    for (url, headers, body, place) in [
        // To another host, and to one that has a credential of its own.
        (
            "https://plain.test/",
            &header[..],
            "",
            "header authorization",
        ),
        ("https://auth.test/", &[("x-t", &*bearer)], "", "header x-t"),
        // In the clear.
        ("http://own.test/", &header, "", "header authorization"),
        // On its own route, but where it could be written down.
        (&path, &[], "", "path"),
        (&query, &[], "", "query"),
        ("https://own.test/", &[], PLACEHOLDER, "body"),
    ] {
        let answer = world.agent.ask("POST", url, headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-bottle-denied")),
            (403, "placeholder"),
            "{url}"
        );
        world.stopped_by("TOKEN", place);
        got.never(PLACEHOLDER);
    }
    // The client's own credential for a host with `auth` is replaced, whatever it is.
    let answer = world
        .agent
        .ask("GET", "https://auth.test/", &header, "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(got.take().pop().unwrap().holds(&format!("Bearer {SECRET}")));
    world.log_is_clean();
}

#[tokio::test]
async fn the_real_value_itself_is_stopped_also_towards_its_own_route() {
    let world = bottle().start().await;
    let (_origin, got) = keeper(&world, &[]).await;
    let headers = [("x-t", REAL)];
    let answer = world
        .agent
        .ask("GET", "https://own.test/", &headers, "")
        .await;
    assert_eq!(answer.status, 403);
    world.stopped_by("REAL", "header x-t");
    assert!(got.take().is_empty());
}

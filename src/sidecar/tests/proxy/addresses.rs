//! Names resolve in the sidecar only, and only checked addresses are dialled.

use std::net::IpAddr;
use std::sync::Arc;

use bottle_contract::policy::Route;
use bottle_contract::verdict::Reason;
use bottle_sidecar::app::Outside;

use crate::origin::Origin;
use crate::world::{PIN, Setup, World, route};

/// Seems public; the test's dialer leads it to loopback.
const PUBLIC: &str = "8.7.6.5";

fn unpinned(host: &str) -> Route {
    Route {
        address: None,
        ..route(host)
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_unless_it_is_pinned() {
    let world = World::start(&[unpinned("*.dns.test"), route("pinned.test")]).await;
    let origin = world.tls_origin(&["a.dns.test", "pinned.test"]).await;
    for (answer, class) in [
        (&["127.0.0.1"][..], "loopback"),
        (&["10.9.8.7"], "private"),
        (&["169.254.169.254"], "link-local"),
        (&["100.64.0.1"], "carrier-grade NAT"),
        (&["0.0.0.0"], "unspecified"),
        (&["224.0.0.1"], "multicast"),
        (&["::1"], "loopback"),
        (&["::ffff:127.0.0.1"], "loopback"),
        (&["64:ff9b::10.0.0.1"], "private"),
        (&["2002:7f00:1::"], "loopback"),
        (&["fd00::1"], "private"),
        (&[PUBLIC, "10.9.8.7"], "private"),
    ] {
        let ip: IpAddr = answer.last().unwrap().parse().unwrap();
        world.fake.place(ip, 443, origin.address);
        world.fake.name("a.dns.test", &[answer]);
        let denied = world.agent.get("https://a.dns.test/").await;
        assert_eq!(denied.status, 403, "{answer:?}");
        assert_eq!(denied.header("x-bottle-denied"), "address");
        assert!(
            denied.body.contains(class) && denied.body.contains("address = "),
            "{}",
            denied.body
        );
        assert!(matches!(
            world.last_denial().reason,
            Some(Reason::Address(_))
        ));
    }
    assert_eq!(origin.connections(), 0);
    assert!(world.fake.dialled.lock().unwrap().is_empty());

    assert_eq!(world.agent.get("https://pinned.test/").await.status, 200);
    assert_eq!(*world.fake.dialled.lock().unwrap(), [(PIN, 443).into()]);
    assert!(
        !world
            .fake
            .looked_up
            .lock()
            .unwrap()
            .contains(&"pinned.test".to_owned())
    );
}

#[tokio::test]
async fn the_address_that_is_dialled_is_the_one_that_was_checked() {
    let world = World::start(&[unpinned("api.test")]).await;
    let public = Origin::tls(&world.ca, &["api.test"]).await;
    let inside = Origin::tls(&world.ca, &["api.test"]).await;
    world
        .fake
        .place(PUBLIC.parse::<IpAddr>().unwrap(), 443, public.address);
    world.fake.place(PIN, 443, inside.address);
    // A second answer would lead inside.
    world.fake.name("api.test", &[&[PUBLIC], &["10.9.8.7"]]);
    for _ in 0..3 {
        assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    }
    let wanted = (PUBLIC.parse::<IpAddr>().unwrap(), 443).into();
    assert!(
        world
            .fake
            .dialled
            .lock()
            .unwrap()
            .iter()
            .all(|address| *address == wanted)
    );
    assert_eq!(inside.connections(), 0);
    assert_eq!(public.take().len(), 3);
    assert_eq!(world.decisions()[0].address.as_deref(), Some(PUBLIC));
}

#[tokio::test]
async fn a_name_that_is_denied_is_never_looked_up() {
    let narrow = Route {
        methods: Some(vec!["GET".parse().unwrap()]),
        ..unpinned("api.test")
    };
    let world = World::start(&[narrow]).await;
    let origin = Origin::tls(&world.ca, &["api.test"]).await;
    world
        .fake
        .place(PUBLIC.parse::<IpAddr>().unwrap(), 443, origin.address);
    world.fake.name("api.test", &[&[PUBLIC]]);
    assert_eq!(
        world
            .agent
            .get("https://secret-data.evil.test/")
            .await
            .status,
        403
    );
    assert_eq!(
        world
            .agent
            .get("http://secret-data.evil.test/")
            .await
            .status,
        403
    );
    assert_eq!(
        world
            .agent
            .ask("POST", "https://api.test/", &[], "x")
            .await
            .status,
        403
    );
    assert!(world.fake.looked_up.lock().unwrap().is_empty());
    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert_eq!(*world.fake.looked_up.lock().unwrap(), ["api.test"]);
}

#[tokio::test]
async fn a_name_without_an_address_says_so() {
    let world = World::start(&[unpinned("*.test")]).await;
    world.fake.name("empty.test", &[&[]]);
    for name in ["missing.test", "empty.test"] {
        let answer = world.agent.get(&format!("https://{name}/")).await;
        assert_eq!(answer.status, 502);
        assert_eq!(answer.header("x-bottle-denied"), "unresolved");
        assert!(
            answer.body.contains("resolve") && answer.body.contains(name),
            "{}",
            answer.body
        );
        assert_eq!(world.last_denial().reason, Some(Reason::Unresolved));
    }
}

#[tokio::test]
async fn an_address_as_the_host_is_checked_too() {
    let world = World::start(&[
        unpinned("127.0.0.1"),
        unpinned("[::ffff:10.9.8.7]"),
        unpinned(PUBLIC),
    ])
    .await;
    let origin = world.plain_origin().await;
    for ip in ["127.0.0.1", "::ffff:10.9.8.7", PUBLIC] {
        world
            .fake
            .place(ip.parse::<IpAddr>().unwrap(), 80, origin.address);
    }
    for url in [
        "http://127.0.0.1/",
        "http://[::ffff:10.9.8.7]/",
        "http://[::ffff:a09:807]/",
    ] {
        let answer = world.agent.get(url).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-bottle-denied")),
            (403, "address"),
            "{url}"
        );
    }
    for url in ["http://2130706433/", "http://127.1/", "http://0x7f.1/"] {
        assert_eq!(world.agent.get(url).await.status, 400, "{url}");
    }
    assert!(origin.take().is_empty());
    assert_eq!(
        world.agent.get(&format!("http://{PUBLIC}/")).await.status,
        200
    );
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_does_not_answer() {
    let world = World::start(&[unpinned("api.test")]).await;
    let origin = Origin::tls(&world.ca, &["api.test"]).await;
    let second: IpAddr = "8.7.6.4".parse().unwrap();
    world.fake.place(second, 443, origin.address);
    world.fake.name("api.test", &[&[PUBLIC, "8.7.6.4"]]);
    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert_eq!(world.fake.dialled.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_systems_own_network_is_used_outside_of_tests() {
    let mut pinned = route("api.test");
    pinned.address = Some("127.0.0.1".parse().unwrap());
    let setup = Setup::new(&[]);
    let origin = Origin::tls(&setup.ca, &["api.test"]).await;
    pinned.ports = vec![origin.address.port()];
    let mut setup = setup;
    setup.config.policy.routes = vec![
        pinned,
        Route {
            ports: vec![80],
            ..unpinned("localhost")
        },
    ];
    let world = setup.start_with(Outside::system()).await;
    let url = format!("https://api.test:{}/", origin.address.port());
    let answer = world.agent.get(&url).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = world.agent.get("http://localhost/").await;
    assert_eq!(
        answer.header("x-bottle-denied"),
        "address",
        "{}",
        answer.body
    );
    assert_eq!(Arc::strong_count(&world.fake), 1);
}

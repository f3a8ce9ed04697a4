//! The policy is changed while it serves: at once, written down, and without harm to what is under way.

use bottle_contract::audit::AuditEvent;
use bottle_contract::control::{Reply, Request};
use bottle_contract::live::{Change, LiveChange};
use bottle_contract::policy::{Auth, AuthScheme, Route};
use bottle_contract::verdict::Reason;

use crate::world::{PIN, Setup, World, route, within};

/// An address that is public, so that a route without a pin may lead there.
const PUBLIC: &str = "93.184.215.14";

/// A route as `bottle allow` makes it.
fn added(host: &str) -> Route {
    Route {
        address: None,
        ..route(host)
    }
}

fn allow(route: Route) -> Change {
    Change::Allow { route }
}

fn deny(host: &str) -> Change {
    Change::Deny {
        host: host.parse().unwrap(),
        port: None,
    }
}

fn ask(world: &World, change: Change, seconds: Option<u64>) -> Result<Vec<LiveChange>, String> {
    let by = "cli".to_owned();
    match world.sidecar.respond(Request::Change {
        change: Box::new(change),
        seconds,
        by,
    }) {
        Reply::Routes { live, .. } => Ok(live),
        Reply::Error { message } => Err(message),
        reply => panic!("{reply:?}"),
    }
}

/// A world with an origin for both names, one of which has a route.
async fn world() -> (World, crate::origin::Origin) {
    let setup = Setup::new(&[route("old.test")]);
    setup.fake.name("new.test", &[&[PUBLIC]]);
    let world = setup.start().await;
    let origin = world.tls_origin(&["old.test", "new.test"]).await;
    let public: std::net::IpAddr = PUBLIC.parse().unwrap();
    world.fake.place(public, 443, origin.address);
    (world, origin)
}

async fn status(world: &World, url: &str) -> u16 {
    world.agent.get(url).await.status.as_u16()
}

#[tokio::test]
async fn what_is_allowed_works_from_the_answer_on_and_what_is_denied_ends_with_it() {
    let (world, origin) = world().await;
    assert_eq!(status(&world, "https://new.test/").await, 403);
    assert_eq!(
        ask(&world, allow(added("new.test")), None).unwrap().len(),
        1
    );
    assert_eq!(status(&world, "https://new.test/").await, 200);
    assert_eq!(origin.take().len(), 1);

    for host in ["new.test", "old.test"] {
        ask(&world, deny(host), None).unwrap();
        let refused = world.agent.get(&format!("https://{host}/")).await;
        assert_eq!(refused.status, 403, "{host}");
        assert_eq!(refused.header("x-bottle-denied"), "withdrawn");
        assert_eq!(world.last_denial().reason, Some(Reason::Withdrawn));
    }
    assert!(origin.take().is_empty());
    // The manifest's own route is in force again, with its pin.
    ask(&world, allow(added("old.test")), None).unwrap();
    assert_eq!(status(&world, "https://old.test/").await, 200);
    assert_eq!(world.fake.dialled.lock().unwrap().last().unwrap().ip(), PIN);
}

#[tokio::test]
async fn a_request_under_way_and_an_open_connection_go_on_as_far_as_they_are_allowed() {
    let (world, _origin) = world().await;
    let mut open = world.agent.keep_alive("old.test").await;
    let mut ask_again = async || {
        let request = http::Request::get("/").header("host", "old.test");
        let request = request.body(http_body_util::Full::default()).unwrap();
        crate::agent::read(&mut open, request).await.status
    };
    ask(&world, allow(added("new.test")), None).unwrap();
    ask(&world, deny("other.test"), None).unwrap();
    assert_eq!(ask_again().await, 200);
    ask(&world, deny("old.test"), None).unwrap();
    assert_eq!(ask_again().await, 403);
}

#[tokio::test]
async fn methods_and_paths_count_for_what_is_added() {
    let (world, origin) = world().await;
    let some = Route {
        methods: Some(vec!["GET".parse().unwrap()]),
        paths: Some(vec!["/x/**".parse().unwrap()]),
        ..added("new.test")
    };
    ask(&world, allow(some), None).unwrap();
    assert_eq!(status(&world, "https://new.test/x/y").await, 200);
    assert_eq!(status(&world, "https://new.test/z").await, 403);
    let post = world
        .agent
        .ask("POST", "https://new.test/x/y", &[], "")
        .await;
    assert_eq!(post.status, 403);
    assert_eq!(origin.take().len(), 1);
}

#[tokio::test]
async fn a_host_that_the_manifest_pins_stays_where_it_is() {
    let narrow = Route {
        paths: Some(vec!["/x".parse().unwrap()]),
        ..route("old.test")
    };
    let world = World::start(&[narrow]).await;
    let _origin = world.tls_origin(&["old.test"]).await;
    assert_eq!(status(&world, "https://old.test/y").await, 403);
    ask(&world, allow(added("old.test")), None).unwrap();
    assert_eq!(status(&world, "https://old.test/y").await, 200);
    assert!(world.fake.looked_up.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_end_comes_by_itself_and_is_written_down() {
    let (world, origin) = world().await;
    let live = ask(&world, allow(added("new.test")), Some(1)).unwrap();
    assert!(live[0].ends.as_ref().unwrap().ends_with('Z'), "{live:?}");
    assert_eq!(status(&world, "https://new.test/").await, 200);
    // Nobody asks for anything: the sidecar's own timer writes it.
    within(async {
        while !world
            .records()
            .iter()
            .any(|record| matches!(&record.event, AuditEvent::Expired(over) if *over == live[0]))
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    origin.take();
    assert_eq!(status(&world, "https://new.test/").await, 403);
    assert!(origin.take().is_empty());
    let Reply::Routes { live, .. } = world.sidecar.respond(Request::Routes) else {
        panic!("no routes");
    };
    assert_eq!(live, []);
}

#[tokio::test]
async fn each_change_is_written_down_with_who_made_it() {
    let (world, _origin) = world().await;
    let mut expected = ask(&world, allow(added("new.test")), Some(60)).unwrap();
    expected.extend(ask(&world, deny("old.test"), None).unwrap().pop());
    let written: Vec<LiveChange> = world
        .records()
        .into_iter()
        .filter_map(|record| match record.event {
            AuditEvent::Changed(change) => Some(change),
            _ => None,
        })
        .collect();
    assert_eq!(written, expected);
    assert!(written.iter().all(|change| change.by == "cli"));
}

#[tokio::test]
async fn what_cannot_be_done_says_why_and_changes_nothing() {
    let (world, _origin) = world().await;
    let credential = Route {
        auth: Some(Auth {
            scheme: AuthScheme::Bearer,
            secret: "TOKEN".to_owned(),
        }),
        ..added("new.test")
    };
    let nowhere = Route {
        ports: Vec::new(),
        ..added("new.test")
    };
    for (change, seconds, part) in [
        (allow(credential), None, "has no credential"),
        (allow(route("new.test")), None, "pins no address"),
        (allow(nowhere), None, "at least one port"),
        (allow(added("new.test")), Some(0), "1 second to 30 days"),
        (
            allow(added("new.test")),
            Some(u64::MAX),
            "1 second to 30 days",
        ),
    ] {
        let message = ask(&world, change, seconds).unwrap_err();
        assert!(message.contains(part), "{message}");
        assert_eq!(status(&world, "https://new.test/").await, 403);
    }
    assert_eq!(status(&world, "https://old.test/").await, 200);
    for number in 0..256 {
        ask(&world, deny(&format!("h{number}.test")), None).unwrap();
    }
    let message = ask(&world, deny("old.test"), None).unwrap_err();
    assert!(message.contains("256 changes"), "{message}");
    assert_eq!(status(&world, "https://old.test/").await, 200);
    // One that is there already takes no other place.
    assert_eq!(ask(&world, deny("h0.test"), None).unwrap().len(), 256);
}

#[tokio::test]
async fn an_added_route_does_not_lead_to_private_addresses() {
    let (world, origin) = world().await;
    world.fake.name("inside.test", &[&["10.9.8.7"]]);
    ask(&world, allow(added("inside.test")), None).unwrap();
    let refused = world.agent.get("https://inside.test/").await;
    assert_eq!(refused.header("x-bottle-denied"), "address");
    assert!(origin.take().is_empty());
}

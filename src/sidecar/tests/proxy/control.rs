//! The control channel: configured once, and nothing served before.

use std::collections::BTreeMap;

use bottle_contract::config::SidecarConfig;
use bottle_contract::control::{Reply, Request};
use bottle_contract::dlp::Dlp;
use bottle_contract::policy::{Auth, AuthScheme, Policy, Route};
use bottle_contract::secret::Secret;
use bottle_sidecar::app::App;
use bottle_sidecar::control::{Respond as _, bind, relay, serve};
use std::sync::Arc;

use crate::world::{Setup, World, route, within};

fn configure(config: SidecarConfig) -> Request {
    Request::Configure {
        config: Box::new(config),
    }
}

fn message(reply: Reply) -> String {
    match reply {
        Reply::Error { message } => message,
        Reply::Ready { .. }
        | Reply::Ca { .. }
        | Reply::Routes { .. }
        | Reply::Stats { .. }
        | Reply::AuditHead { .. } => panic!("{reply:?} is no error"),
    }
}

fn bearer(host: &str) -> Route {
    Route {
        auth: Some(Auth {
            scheme: AuthScheme::Bearer,
            secret: "TOKEN".to_owned(),
        }),
        ..route(host)
    }
}

#[tokio::test]
async fn it_is_configured_once() {
    let setup = Setup::new(&[route("api.test")]);
    let app = App::new(setup.outside(), setup.root());
    for request in [
        Request::Ready,
        Request::Ca,
        Request::Routes,
        Request::Stats,
        Request::AuditHead,
    ] {
        assert!(message(app.respond(request).await).contains("not configured yet"));
    }
    let Reply::Ready { listen, ca, .. } = app.respond(configure(setup.config.clone())).await else {
        panic!("it is not ready");
    };
    assert_ne!(listen[0].port(), 0);
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    let again = app.respond(configure(setup.config.clone())).await;
    assert!(message(again).contains("configured already"));
    assert!(matches!(
        app.respond(Request::Ready).await,
        Reply::Ready { .. }
    ));
    assert_eq!(app.respond(Request::Ca).await, Reply::Ca { ca });
    assert_eq!(
        app.respond(Request::Routes).await,
        Reply::Routes {
            policy: setup.config.policy,
            live: Vec::new(),
            scanning: Some(Dlp::default().shown()),
        }
    );
}

#[tokio::test]
async fn a_kernel_that_forwards_is_refused() {
    let setup = Setup::new(&[route("api.test")]);
    let app = App::new(setup.outside(), setup.root());
    for setting in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
        setup.kernel(setting, "1\n");
        let refused = message(app.respond(configure(setup.config.clone())).await);
        assert!(refused.contains(setting), "{refused}");
        setup.kernel(setting, "0\n");
    }
    assert!(matches!(
        app.respond(configure(setup.config.clone())).await,
        Reply::Ready { .. }
    ));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_kept_is_an_error_and_can_be_mended() {
    let good = Setup::new(&[bearer("api.test")]).secret("TOKEN", "value");
    let app = App::new(good.outside(), good.root());
    let ask = |change: fn(&mut SidecarConfig)| {
        let mut config = good.config.clone();
        change(&mut config);
        app.respond(configure(config))
    };
    for (change, parts) in [
        (
            (|config| config.secrets.clear()) as fn(&mut SidecarConfig),
            ["`TOKEN`", "not given"],
        ),
        (
            |config| {
                let value = Secret::new("hunter2\r\nX: y".to_owned());
                config.secrets.insert("TOKEN".to_owned(), value);
            },
            ["`TOKEN`", "control character"],
        ),
        (
            |config| config.extra_ca.push("no PEM".to_owned()),
            ["trusted roots", "extra CA 2"],
        ),
        (
            |config| config.audit_path = "/nonexistent/audit".to_owned(),
            ["audit log", "/nonexistent/audit"],
        ),
        (
            |config| config.audit_path = "/dev/full".to_owned(),
            ["audit log", "/dev/full"],
        ),
        (
            |config| config.listen = vec!["192.0.2.1:1".parse().unwrap()],
            ["listen on", "192.0.2.1:1"],
        ),
        (|config| config.listen.clear(), ["no address", "listen"]),
    ] {
        let message = message(ask(change).await);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert!(matches!(ask(|_| ()).await, Reply::Ready { .. }));
}

#[tokio::test]
async fn routes_are_replaced_while_it_serves() {
    let world = World::start(&[route("old.test")]).await;
    let origin = world.tls_origin(&["old.test", "new.test"]).await;
    assert_eq!(world.agent.get("https://old.test/").await.status, 200);
    assert_eq!(world.agent.get("https://new.test/").await.status, 403);
    // A connection that was let in under the old routes.
    let mut open = world.agent.keep_alive("old.test").await;

    let policy = Policy {
        routes: vec![bearer("new.test")],
    };
    let reload = |secrets: &[(&str, &str)]| {
        let secrets: BTreeMap<String, Secret> = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())))
            .collect();
        let policy = policy.clone();
        world.sidecar.respond(Request::Reload { policy, secrets })
    };
    assert!(message(reload(&[])).contains("`TOKEN`"));
    assert_eq!(world.agent.get("https://old.test/").await.status, 200);
    let replaced = reload(&[("TOKEN", "fresh")]);
    assert_eq!(
        replaced,
        Reply::Routes {
            policy: policy.clone(),
            live: Vec::new(),
            scanning: Some(Dlp::default().shown()),
        }
    );
    assert_eq!(world.agent.get("https://old.test/").await.status, 403);
    let request = http::Request::get("/").header("host", "old.test");
    let request = request.body(http_body_util::Full::default()).unwrap();
    assert_eq!(crate::agent::read(&mut open, request).await.status, 403);
    origin.take();
    assert_eq!(world.agent.get("https://new.test/").await.status, 200);
    assert_eq!(origin.only().headers["authorization"], "Bearer fresh");
}

#[tokio::test]
async fn lines_are_relayed_in_order_even_when_the_socket_comes_late() {
    let setup = Setup::new(&[]);
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/control.sock");
    let mut input = Vec::new();
    for line in [
        "\"not a request\"",
        "{\"request\":\"ready\"}",
        "",
        "{\"request\":\"stats\"}",
    ] {
        input.extend_from_slice(line.as_bytes());
        input.push(b'\n');
    }
    let mut configure = serde_json::to_vec(&configure(setup.config.clone())).unwrap();
    // Without a line end at the end of the input.
    input.append(&mut configure);
    let early = socket.clone();
    let client = tokio::spawn(async move {
        let mut output = Vec::new();
        relay(&early, &input[..], &mut output).await.unwrap();
        String::from_utf8(output).unwrap()
    });
    tokio::task::yield_now().await;
    let listener = bind(&socket).unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let app = Arc::new(App::new(setup.outside(), setup.root()));
    let server = tokio::spawn(serve(listener, app));
    let output = within(client).await.unwrap();
    let replies: Vec<Reply> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(replies.len(), 4, "{output}");
    assert!(message(replies[0].clone()).contains("not a control request"));
    assert!(message(replies[1].clone()).contains("not configured yet"));
    assert!(message(replies[2].clone()).contains("not configured yet"));
    assert!(matches!(replies[3], Reply::Ready { .. }), "{output}");
    server.abort();
}

#[tokio::test]
async fn a_broken_line_is_not_quoted() {
    let setup = Setup::new(&[]);
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    let listener = bind(&socket).unwrap();
    let server = tokio::spawn(serve(
        listener,
        Arc::new(App::new(setup.outside(), setup.root())),
    ));
    let mut output = Vec::new();
    let line = "{\"request\":\"reload\",\"policy\":{\"routes\":\"hunter2\"},\"secrets\":{\"A\":\"hunter2\"}}\n";
    within(relay(&socket, line.as_bytes(), &mut output))
        .await
        .unwrap();
    let output = String::from_utf8(output).unwrap();
    assert!(
        output.contains("not a control request") && !output.contains("hunter2"),
        "{output}"
    );
    server.abort();
}

//! A fault in our own code costs the connection that meets it, and no other.

use std::net::SocketAddr;
use std::sync::Arc;

use bottle_sidecar::app::Outside;
use bottle_sidecar::relay::{Dial, Dialling};

use crate::agent::exchange;
use crate::world::{Fake, Setup, route};

/// Dials as the other one does, but panics for one port.
#[derive(Debug)]
struct Faulty(Arc<Fake>);

impl Dial for Faulty {
    fn dial(&self, address: SocketAddr) -> Dialling {
        assert_ne!(address.port(), 80, "this is the fault that is looked for");
        self.0.dial(address)
    }
}

#[tokio::test]
async fn a_panic_denies_one_connection_only() {
    let setup = Setup::new(&[route("api.test")]);
    let outside = Outside {
        dialer: Arc::new(Faulty(Arc::clone(&setup.fake))),
        ..setup.outside()
    };
    let world = setup.start_with(outside).await;
    let origin = world.tls_origin(&["api.test"]).await;
    let plain = world.plain_origin().await;
    let mut kept = world.agent.keep_alive("api.test").await;
    let request = || {
        let request = http::Request::get("/").header("host", "api.test");
        request.body(http_body_util::Full::default()).unwrap()
    };
    let answer = crate::agent::read(&mut kept, request()).await;
    assert_eq!(answer.status, 200);
    let stream = world.agent.dial().await;
    let faulty = "GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n";
    assert_eq!(exchange(stream, faulty).await, "");
    assert!(plain.take().is_empty());
    // The one that was open, and a new one.
    let answer = crate::agent::read(&mut kept, request()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.agent.get("https://api.test/").await.status, 200);
    assert_eq!(origin.take().len(), 3);
    // What was decided about it has an end in the log.
    let decision = world
        .decisions()
        .into_iter()
        .find(|one| one.port == Some(80))
        .unwrap();
    assert_eq!(world.finished(decision.id).await.status, None);
}

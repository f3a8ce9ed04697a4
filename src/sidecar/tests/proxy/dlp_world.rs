//! A bottle with secrets, and an origin that keeps every byte which arrives.

use std::sync::{Arc, Mutex};

use bottle_contract::audit::{Decision, Outcome};
use bottle_contract::dlp::{Dlp, Placeholder};
use bottle_contract::policy::{Auth, AuthScheme, Route};
use bottle_contract::secret::Secret;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::origin::{Origin, text};
use crate::world::{PIN, Setup, World, route};

/// The credential of `auth.test`, which no agent is given.
pub(crate) const SECRET: &str = "s3cr3t-Qm7xVd20pLwK";
/// What looks alike and is none.
pub(crate) const NEIGHBOUR: &str = "s3cr3t-Qm8yWd20pLwK";
/// What the agent has in the place of [`REAL`].
pub(crate) const PLACEHOLDER: &str = "stand1nF0rARealOneQqZz";
/// What goes to `own.test` in its place.
pub(crate) const REAL: &str = "r3alOne-8hTfGwX5uBc1";
/// What is planted as a trap.
pub(crate) const CANARY: &str = "c4naryKq9WmZ7tXbYv3RsP0dLh";

/// A bottle in which `auth.test` gets a credential, `own.test` the real value of a placeholder, and
/// `plain.test` and everything below `wild.test` nothing.
pub(crate) fn bottle() -> Setup {
    let auth = Route {
        auth: Some(Auth {
            scheme: AuthScheme::Bearer,
            secret: "SECRET".to_owned(),
        }),
        ..route("auth.test")
    };
    let mut own = route("own.test");
    own.dlp.placeholders.insert("TOKEN".to_owned());
    let routes = [auth, own, route("plain.test"), route("*.wild.test")];
    let mut setup = Setup::new(&routes)
        .secret("SECRET", SECRET)
        .secret("REAL", REAL);
    setup.config.dlp = Dlp {
        canary: Some(Secret::new(CANARY.to_owned())),
        placeholders: vec![Placeholder {
            name: "TOKEN".to_owned(),
            secret: "REAL".to_owned(),
            value: Secret::new(PLACEHOLDER.to_owned()),
        }],
        ..Dlp::default()
    };
    setup
}

/// What an origin got of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Got(Arc<Mutex<Vec<Arrived>>>);

/// One request, as far as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The head as text.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the origin saw its end.
    pub(crate) whole: bool,
}

impl Got {
    /// What arrived since the last time.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Nothing that arrived holds this, whatever else did, and no request with a body was whole.
    pub(crate) fn never(&self, what: &str) {
        for arrived in self.take() {
            assert!(!arrived.holds(what), "{arrived:?}");
            assert!(!arrived.whole, "{arrived:?}");
        }
    }

    async fn keep(self, request: Request<Incoming>) -> Response<crate::origin::Body> {
        let (head, mut body) = request.into_parts();
        let index = {
            let mut all = self.0.lock().unwrap();
            all.push(Arrived {
                head: format!("{} {} {:?}", head.method, head.uri, head.headers),
                body: Vec::new(),
                whole: false,
            });
            all.len() - 1
        };
        let mut kept = Vec::new();
        let mut whole = true;
        while let Some(frame) = body.frame().await {
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => kept.extend_from_slice(&data),
                Ok(Err(frame)) => kept.extend(format!("{:?}", frame.trailers_ref()).bytes()),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        if let Some(arrived) = self.0.lock().unwrap().get_mut(index) {
            arrived.body = kept;
            arrived.whole = whole;
        }
        Response::new(text("kept"))
    }
}

impl Arrived {
    pub(crate) fn holds(&self, what: &str) -> bool {
        self.head.contains(what)
            || self
                .body
                .windows(what.len())
                .any(|window| window == what.as_bytes())
    }
}

/// Puts an origin at the pin that keeps what arrives for all hosts of [`bottle`].
pub(crate) async fn keeper(world: &World, protocols: &[&[u8]]) -> (Origin, Got) {
    let names = [
        "auth.test",
        "own.test",
        "plain.test",
        "a.wild.test",
        &format!("{}.wild.test", NEIGHBOUR.to_lowercase()),
    ];
    let origin = Origin::speaking(&world.ca, &names, protocols).await;
    world.fake.place(PIN, 443, origin.address);
    let got = Got::default();
    let keep = got.clone();
    origin.answer(move |request| keep.clone().keep(request));
    (origin, got)
}

impl World {
    /// The log has none of these values.
    pub(crate) fn log_is_clean(&self) {
        let log = std::fs::read_to_string(&self.log).unwrap().to_lowercase();
        for value in [SECRET, REAL, PLACEHOLDER, CANARY] {
            assert!(!log.contains(&value.to_lowercase()), "{log}");
        }
    }

    /// The last decision was to stop, for what was found by this detector in this place.
    pub(crate) fn stopped_by(&self, detector: &str, place: &str) -> Decision {
        let decision = self.decisions().pop().unwrap();
        assert_eq!(decision.verdict, Outcome::Deny, "{decision:?}");
        let found = decision.found.clone().expect("nothing was found");
        assert_eq!((&*found.detector, &*found.place), (detector, place));
        decision
    }
}

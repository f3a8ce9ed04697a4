//! Credentials: checked once, when they come in, and ready to be put into a request.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bottle_contract::policy::{Auth, AuthScheme, Policy};
use bottle_contract::secret::Secret;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use crate::headers::{belongs_to_connection, remove_spellings};

/// One header that the sidecar puts in. Its value prints as `Sensitive`.
#[derive(Clone, Debug)]
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
}

/// Why a route's credential cannot be used. Names the secret, never the value.
#[derive(Debug, Error)]
pub enum InvalidSecret {
    /// The policy names a secret that did not come with it.
    #[error("route {route} (`{host}`) needs the secret `{secret}`, which was not given")]
    Missing {
        /// The route's place, from 0.
        route: usize,
        /// Its host.
        host: String,
        /// The secret's name.
        secret: String,
    },
    /// A placeholder stands for a secret that did not come with it.
    #[error("the placeholder `{placeholder}` needs the secret `{secret}`, which was not given")]
    Unplaced {
        /// The placeholder's name.
        placeholder: String,
        /// The secret's name.
        secret: String,
    },
    /// The value is empty.
    #[error("the secret `{secret}` is empty")]
    Empty {
        /// The secret's name.
        secret: String,
    },
    /// The value has a byte that no header may hold.
    #[error(
        "the secret `{secret}` has a control character (a line break at its end is the usual cause)"
    )]
    ControlCharacter {
        /// The secret's name.
        secret: String,
    },
    /// The user name has a colon or a control character.
    #[error(
        "route {route} (`{host}`): a user name for `basic` has no colon and no control character"
    )]
    User {
        /// The route's place, from 0.
        route: usize,
        /// Its host.
        host: String,
    },
    /// The header's name is not one, or one that belongs to the connection.
    #[error("route {route} (`{host}`): `{name}` cannot be the header of a credential")]
    HeaderName {
        /// The route's place, from 0.
        route: usize,
        /// Its host.
        host: String,
        /// The header's name.
        name: String,
    },
}

/// The headers by which common services take a credential.
pub(super) const CREDENTIALS: [&str; 6] = [
    "authorization",
    "api-key",
    "private-token",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
];

impl Credential {
    /// Returns the name of the header.
    pub(super) fn name(&self) -> &HeaderName {
        &self.name
    }

    /// Removes what the agent sent in its place.
    pub(super) fn remove_from(&self, headers: &mut HeaderMap) {
        remove_spellings(headers, &[self.name.as_str()]);
        // An agent's own credential beside ours could pick another account: an attacker's.
        remove_spellings(headers, &CREDENTIALS);
    }

    /// Tells whether some of these headers are removed.
    pub(super) fn replaces_some_of(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| {
            let name = name.as_str().replace('_', "-");
            name == self.name.as_str() || CREDENTIALS.contains(&name.as_str())
        })
    }

    /// Puts itself in, in the place of whatever the agent sent.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        self.remove_from(headers);
        headers.insert(self.name.clone(), self.value.clone());
    }
}

/// Makes the credentials of all routes, in their order.
pub(super) fn credentials(
    policy: &Policy,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Vec<Option<Credential>>, InvalidSecret> {
    let make = |(route, (host, auth)): (usize, (String, Option<&Auth>))| {
        auth.map(|auth| credential(route, &host, auth, secrets))
            .transpose()
    };
    policy
        .routes
        .iter()
        .map(|route| (route.host.to_string(), route.auth.as_ref()))
        .enumerate()
        .map(make)
        .collect()
}

fn credential(
    route: usize,
    host: &str,
    auth: &Auth,
    secrets: &BTreeMap<String, Secret>,
) -> Result<Credential, InvalidSecret> {
    let Some(secret) = secrets.get(&auth.secret) else {
        return Err(InvalidSecret::Missing {
            route,
            host: host.to_owned(),
            secret: auth.secret.clone(),
        });
    };
    let value = checked(&auth.secret, secret)?;
    let (name, text) = match &auth.scheme {
        AuthScheme::Bearer => (AUTHORIZATION, Secret::new(format!("Bearer {value}"))),
        AuthScheme::Basic { user } => {
            if user.contains(|c: char| c == ':' || c.is_control()) {
                return Err(InvalidSecret::User {
                    route,
                    host: host.to_owned(),
                });
            }
            let pair = Secret::new(format!("{user}:{value}"));
            let encoded = STANDARD.encode(pair.expose());
            (AUTHORIZATION, Secret::new(format!("Basic {encoded}")))
        }
        AuthScheme::Header { name } => (
            header_name(route, host, name)?,
            Secret::new(value.to_owned()),
        ),
    };
    let mut value = HeaderValue::from_bytes(text.expose().as_bytes()).map_err(|_| {
        InvalidSecret::ControlCharacter {
            secret: auth.secret.clone(),
        }
    })?;
    value.set_sensitive(true);
    Ok(Credential { name, value })
}

pub(super) fn checked<'a>(name: &str, secret: &'a Secret) -> Result<&'a str, InvalidSecret> {
    let value = secret.expose();
    if value.is_empty() {
        Err(InvalidSecret::Empty {
            secret: name.to_owned(),
        })
    } else if value.chars().any(char::is_control) {
        Err(InvalidSecret::ControlCharacter {
            secret: name.to_owned(),
        })
    } else {
        Ok(value)
    }
}

fn header_name(route: usize, host: &str, name: &str) -> Result<HeaderName, InvalidSecret> {
    HeaderName::from_bytes(name.as_bytes())
        .ok()
        .filter(|name| !belongs_to_connection(name))
        .ok_or_else(|| InvalidSecret::HeaderName {
            route,
            host: host.to_owned(),
            name: name.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scheme: AuthScheme, value: &str, expected: Result<(&str, &str), &str>) {
        let auth = Auth {
            scheme,
            secret: "TOKEN".to_owned(),
        };
        let secrets = BTreeMap::from([("TOKEN".to_owned(), Secret::new(value.to_owned()))]);
        let got = credential(0, "api.test", &auth, &secrets);
        if let Err(error) = &got {
            let shown = error.to_string();
            assert!(value.is_empty() || !shown.contains(value), "{shown}");
        }
        match (got, expected) {
            (Ok(got), Ok((name, value))) => {
                assert_eq!(
                    (got.name.as_str(), got.value.as_bytes()),
                    (name, value.as_bytes())
                );
                assert!(!format!("{got:?}").contains(value));
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn each_scheme_makes_its_header() {
        check(
            AuthScheme::Bearer,
            "s3cret",
            Ok(("authorization", "Bearer s3cret")),
        );
        let user = "me".to_owned();
        check(
            AuthScheme::Basic { user },
            "pw",
            Ok(("authorization", "Basic bWU6cHc=")),
        );
        let name = "x-api-key".to_owned();
        check(
            AuthScheme::Header { name },
            "k e y",
            Ok(("x-api-key", "k e y")),
        );
    }

    #[test]
    fn what_could_break_a_header_is_refused_by_name() {
        for bad in [
            "value\n",
            "value\r\nx: y",
            "val\0ue",
            "val\tue",
            "val\u{7f}",
        ] {
            check(
                AuthScheme::Bearer,
                bad,
                Err("`TOKEN` has a control character"),
            );
            let user = "me".to_owned();
            check(AuthScheme::Basic { user }, bad, Err("`TOKEN`"));
        }
        check(AuthScheme::Bearer, "", Err("`TOKEN` is empty"));
        let user = "a:b".to_owned();
        check(AuthScheme::Basic { user }, "pw", Err("user name"));
        for bad in ["", "a b", "host", "content-length", "connection", "te"] {
            let name = bad.to_owned();
            check(
                AuthScheme::Header { name },
                "v",
                Err("cannot be the header"),
            );
        }
    }

    #[test]
    fn a_missing_secret_is_named() {
        let auth = Auth {
            scheme: AuthScheme::Bearer,
            secret: "OTHER".to_owned(),
        };
        let error = credential(3, "api.test", &auth, &BTreeMap::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("route 3 (`api.test`) needs the secret `OTHER`")
        );
    }
}

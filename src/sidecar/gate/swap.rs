//! Placeholders: what the agent has, and the real value that takes its place towards some routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bottle_contract::dlp::Dlp;
use bottle_contract::secret::Secret;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;

use super::credential::{InvalidSecret, checked};

/// How the credentials of a user with a password begin (RFC 7617).
const BASIC: &str = "basic ";

/// One placeholder with its real value. Neither prints.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    name: String,
    placeholder: Secret,
    real: Secret,
}

impl Swap {
    /// Makes all of a bottle. A real value has to fit into a header.
    pub(super) fn all(
        dlp: &Dlp,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Vec<Self>, InvalidSecret> {
        dlp.placeholders
            .iter()
            .map(|placeholder| {
                let name = placeholder.name.clone();
                let secret = placeholder.secret.clone();
                let Some(real) = secrets.get(&secret) else {
                    return Err(InvalidSecret::Unplaced {
                        placeholder: name,
                        secret,
                    });
                };
                checked(&secret, real)?;
                checked(&name, &placeholder.value)?;
                Ok(Self {
                    name,
                    placeholder: placeholder.value.clone(),
                    real: real.clone(),
                })
            })
            .collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts the real value in wherever the placeholder stands in the value of a header.
    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        self.replace(headers, self.real.expose());
    }

    /// Takes the placeholder out, and says in which headers it stood.
    pub(super) fn take_out_of(&self, headers: &mut HeaderMap) -> Vec<HeaderName> {
        self.replace(headers, "")
    }

    /// Tells whether the placeholder stands in the value of some header.
    pub(super) fn stands_in(&self, headers: &HeaderMap) -> bool {
        headers
            .values()
            .any(|value| self.replaced(value, "").is_some())
    }

    fn replace(&self, headers: &mut HeaderMap, with: &str) -> Vec<HeaderName> {
        let mut changed = Vec::new();
        for (name, value) in headers.iter_mut() {
            if let Some(new) = self.replaced(value, with) {
                *value = new;
                changed.push(name.clone());
            }
        }
        changed
    }

    fn replaced(&self, value: &HeaderValue, with: &str) -> Option<HeaderValue> {
        let text = value.to_str().ok()?;
        let new = self
            .replaced_text(text, with)
            .or_else(|| self.replaced_in_basic(text, with))?;
        // What was made of a sound value and one that was checked is sound.
        let mut new = HeaderValue::from_bytes(new.expose().as_bytes()).ok()?;
        new.set_sensitive(true);
        Some(new)
    }

    fn replaced_text(&self, text: &str, with: &str) -> Option<Secret> {
        let placeholder = self.placeholder.expose();
        text.contains(placeholder)
            .then(|| Secret::new(text.replace(placeholder, with)))
    }

    /// The placeholder as part of a user and a password, which travel in base64.
    fn replaced_in_basic(&self, text: &str, with: &str) -> Option<Secret> {
        let (scheme, encoded) = text.split_at_checked(BASIC.len())?;
        if !scheme.eq_ignore_ascii_case(BASIC) {
            return None;
        }
        let pair = STANDARD.decode(encoded.trim()).ok()?;
        let pair = Secret::new(String::from_utf8(pair).ok()?);
        let new = self.replaced_text(pair.expose(), with)?;
        let encoded = STANDARD.encode(new.expose());
        Some(Secret::new(format!("{scheme}{encoded}")))
    }
}

#[cfg(test)]
mod tests {
    use bottle_contract::dlp::Placeholder;

    use super::*;

    fn dlp() -> Dlp {
        Dlp {
            placeholders: vec![Placeholder {
                name: "TOKEN".to_owned(),
                secret: "REAL".to_owned(),
                value: Secret::new("stand-in-1234".to_owned()),
            }],
            ..Dlp::default()
        }
    }

    fn swaps(real: &str) -> Result<Vec<Swap>, InvalidSecret> {
        let secrets = BTreeMap::from([("REAL".to_owned(), Secret::new(real.to_owned()))]);
        Swap::all(&dlp(), &secrets)
    }

    fn check(value: &str, expected: &str) {
        let swap = &swaps("the-real-one").unwrap()[0];
        let mut headers = HeaderMap::new();
        headers.insert("x-any", HeaderValue::from_str(value).unwrap());
        assert_eq!(swap.stands_in(&headers), value != expected, "{value}");
        swap.put_into(&mut headers);
        assert_eq!(headers["x-any"], expected, "{value}");
    }

    #[test]
    fn a_placeholder_is_replaced_wherever_it_stands_in_a_value() {
        check("stand-in-1234", "the-real-one");
        check("Bearer stand-in-1234", "Bearer the-real-one");
        check("stand-in-1234,stand-in-1234", "the-real-one,the-real-one");
        check("stand-in-1235", "stand-in-1235");
        let basic = |pair: &str| STANDARD.encode(pair);
        for (pair, expected) in [
            ("me:stand-in-1234", "me:the-real-one"),
            ("stand-in-1234:x", "the-real-one:x"),
            ("me:other", "me:other"),
        ] {
            check(
                &format!("Basic {}", basic(pair)),
                &format!("Basic {}", basic(expected)),
            );
        }
        check("basic !", "basic !");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_by_name() {
        let error = swaps("two\nlines").unwrap_err().to_string();
        assert!(
            error.contains("`REAL`") && !error.contains("lines"),
            "{error}"
        );
        let error = Swap::all(&dlp(), &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("`TOKEN` needs the secret `REAL`"), "{error}");
        let shown = format!("{:?}", swaps("the-real-one").unwrap());
        assert!(!shown.contains("the-real-one"), "{shown}");
    }
}

//! What `bottle allow` and `bottle deny` share: the host they name, and the way to the sidecar.

use std::str::FromStr;

use bottle_contract::control::{Reply, Request};
use bottle_contract::host::HostPattern;
use bottle_contract::intent::{InvalidUrl, Method, parse_authority};
use bottle_contract::live::{Change, LiveChange};

use super::context::Context;
use super::exec::require_running;
use crate::error::Result;
use crate::launch::{ask, backend_of, unfit};

/// Who changes the policy, as the audit log names it.
const BY: &str = "cli";

/// A host or all below one, and a port where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: HostPattern,
    pub(super) port: Option<u16>,
}

impl FromStr for Place {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let below = text.strip_prefix("*.");
        let (host, port) = parse_authority(below.unwrap_or(text))?;
        let host = match below {
            Some(_) => format!("*.{host}").parse()?,
            None => HostPattern::Exact(host),
        };
        Ok(Self { host, port })
    }
}

/// Tells the sidecar of a running bottle, and prints what is in force from now on.
pub(super) fn tell(
    context: &Context,
    id: &str,
    change: Change,
    seconds: Option<u64>,
) -> Result<()> {
    let inventory = context.survey()?;
    let bottle = inventory.find(id)?;
    require_running(bottle)?;
    let backend = backend_of(context.registry(), bottle)?;
    let request = Request::Change {
        change: Box::new(change),
        seconds,
        by: BY.to_owned(),
    };
    match ask(backend, &bottle.id, &request)? {
        Reply::Routes { live, .. } => {
            if let Some(newest) = live.last() {
                context
                    .ui()
                    .note(format!("{}: {}", bottle.id, changed(newest)));
            }
            Ok(())
        }
        reply => Err(unfit(&reply)),
    }
}

/// One change in a line, for people.
pub(super) fn changed(live: &LiveChange) -> String {
    let mut text = match &live.change {
        Change::Allow { route } => {
            let mut text = format!("allow {}:{}", route.host, joined(&route.ports, ","));
            if let Some(methods) = &route.methods {
                text = format!("{text} {}", joined::<Method>(methods, ","));
            }
            if let Some(paths) = &route.paths {
                text = format!("{text} {}", joined(paths, " "));
            }
            text
        }
        Change::Deny { host, port: None } => format!("deny {host}"),
        Change::Deny {
            host,
            port: Some(port),
        } => format!("deny {host}:{port}"),
    };
    if let Some(ends) = &live.ends {
        text = format!("{text}, until {ends}");
    }
    format!("{text} (by {})", live.by)
}

fn joined<T: ToString>(items: &[T], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_or_all_below_one_and_perhaps_a_port() {
        let check = |text: &str, host: &str, port| {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.host.to_string().as_str(), place.port), (host, port));
        };
        check("a.test", "a.test", None);
        check("A.test:8443", "a.test", Some(8443));
        check("*.a.test", "*.a.test", None);
        check("*.a.test:80", "*.a.test", Some(80));
        check("[2001:db8::1]:443", "[2001:db8::1]", Some(443));
        for bad in [
            "",
            "*",
            "*.",
            "a.test:",
            "a.test:0x1",
            "a.test:99999",
            "https://a.test",
            "*.1.2.3.4",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_change_is_one_line() {
        let line = r#"{"change":{"kind":"allow","route":{"host":"a.test","ports":[443,80],"methods":["GET"],"paths":["/x/**"]}},"by":"cli","ends":"T"}"#;
        assert_eq!(
            changed(&serde_json::from_str(line).unwrap()),
            "allow a.test:443,80 GET /x/**, until T (by cli)"
        );
        let line = r#"{"change":{"kind":"deny","host":"*.a.test","port":80},"by":"cli"}"#;
        assert_eq!(
            changed(&serde_json::from_str(line).unwrap()),
            "deny *.a.test:80 (by cli)"
        );
    }
}

//! What is changed about a policy while its bottle runs.
//!
//! The newest change that is about a request says whether it is withdrawn. One that is not is
//! decided by the manifest's routes first, which may have credentials, and then by those that were
//! added, which have none.

use serde::{Deserialize, Serialize};

use crate::audit::Outcome;
use crate::host::{Host, HostPattern};
use crate::intent::Intent;
use crate::policy::Route;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A route is added.
    Allow {
        /// It has no credential, and pins no address.
        route: Route,
    },
    /// Hosts are withdrawn, whatever routes there are.
    Deny {
        /// The hosts.
        host: HostPattern,
        /// The port; `None` means all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
}

/// A change that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveChange {
    /// What was changed.
    pub change: Change,
    /// By whom.
    pub by: String,
    /// When it ends by itself, in UTC (RFC 3339); `None` when it stays as long as the bottle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// Tells whether a request is withdrawn by these changes, of which the last one is the newest.
pub fn withdrawn<'a>(
    changes: impl DoubleEndedIterator<Item = &'a Change>,
    intent: &Intent,
) -> bool {
    changes.rev().find_map(|change| change.says(intent)) == Some(Outcome::Deny)
}

/// The same for a CONNECT, of which only host and port are known.
pub fn withdraws<'a>(
    changes: impl DoubleEndedIterator<Item = &'a Change>,
    host: &Host,
    port: u16,
) -> bool {
    changes.rev().find_map(|change| change.says_of(host, port)) == Some(Outcome::Deny)
}

impl Change {
    /// Returns what this says about a request; `None` where it is about another one.
    fn says(&self, intent: &Intent) -> Option<Outcome> {
        match self {
            Self::Allow { route } => route.covers(intent).is_ok().then_some(Outcome::Allow),
            Self::Deny { .. } => self.says_of(&intent.host, intent.port),
        }
    }

    fn says_of(&self, host: &Host, port: u16) -> Option<Outcome> {
        match self {
            Self::Allow { route } => {
                (route.host.matches(host) && route.ports.contains(&port)).then_some(Outcome::Allow)
            }
            Self::Deny {
                host: pattern,
                port: withdrawn,
            } => (pattern.matches(host) && withdrawn.is_none_or(|withdrawn| withdrawn == port))
                .then_some(Outcome::Deny),
        }
    }

    /// Tells whether an earlier change says nothing any more beside this one: the same hosts, and
    /// no port, method or path that this one leaves out.
    pub fn replaces(&self, earlier: &Self) -> bool {
        let (pattern, ports) = earlier.place();
        match self {
            Self::Allow { route } => {
                route.host == *pattern
                    && ports.is_some_and(|ports| ports.iter().all(|p| route.ports.contains(p)))
                    && (route.methods.is_none() && route.paths.is_none()
                        || matches!(earlier, Self::Allow { route: same } if same == route))
            }
            Self::Deny { host, port: None } => host == pattern,
            Self::Deny {
                host,
                port: Some(port),
            } => host == pattern && ports.is_some_and(|ports| ports == [*port]),
        }
    }

    fn place(&self) -> (&HostPattern, Option<&[u16]>) {
        match self {
            Self::Allow { route } => (&route.host, Some(&route.ports)),
            Self::Deny { host, port } => (host, port.as_ref().map(std::slice::from_ref)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlp::RouteDlp;
    use crate::intent::parse_url;
    use crate::policy::GitAccess;

    fn add(host: &str, paths: Option<&str>) -> Change {
        Change::Allow {
            route: Route {
                host: host.parse().unwrap(),
                ports: vec![443, 80],
                methods: None,
                paths: paths.map(|path| vec![path.parse().unwrap()]),
                address: None,
                auth: None,
                git: GitAccess::None,
                dlp: RouteDlp::default(),
            },
        }
    }

    fn deny(host: &str, port: Option<u16>) -> Change {
        let host = host.parse().unwrap();
        Change::Deny { host, port }
    }

    fn intent(url: &str) -> Intent {
        let (scheme, host, port, target) = parse_url(url).unwrap();
        Intent {
            scheme,
            method: "GET".parse().unwrap(),
            host,
            port,
            target,
        }
    }

    fn check(changes: &[Change], url: &str, request: bool, tunnel: bool) {
        let intent = intent(url);
        assert_eq!(
            withdrawn(changes.iter(), &intent),
            request,
            "{url} {changes:?}"
        );
        let found = withdraws(changes.iter(), &intent.host, intent.port);
        assert_eq!(found, tunnel, "{url} {changes:?}");
    }

    #[test]
    fn the_newest_change_that_is_about_a_request_counts() {
        let a = "https://a.test/";
        check(&[], a, false, false);
        check(&[deny("a.test", None)], a, true, true);
        check(&[deny("a.test", None)], "https://b.test/", false, false);
        check(&[deny("*.test", None)], a, true, true);
        check(&[deny("a.test", Some(443))], a, true, true);
        check(&[deny("a.test", Some(80))], a, false, false);
        check(
            &[deny("a.test", None), add("a.test", None)],
            a,
            false,
            false,
        );
        check(&[add("a.test", None), deny("a.test", None)], a, true, true);
        // A route that covers some of it gives some of it back.
        let some = [deny("a.test", None), add("a.test", Some("/x"))];
        check(&some, "https://a.test/x", false, false);
        check(&some, "https://a.test/y", true, false);
    }

    #[test]
    fn what_a_newer_change_says_all_of_is_replaced() {
        for (newer, earlier, expected) in [
            (deny("a.test", None), add("a.test", Some("/x")), true),
            (deny("a.test", None), deny("a.test", Some(1)), true),
            (deny("a.test", Some(443)), deny("a.test", Some(443)), true),
            (deny("a.test", Some(443)), add("a.test", None), false),
            (deny("*.test", None), add("a.test", None), false),
            (add("a.test", None), add("a.test", Some("/x")), true),
            (add("a.test", None), deny("a.test", Some(443)), true),
            (add("a.test", None), deny("a.test", None), false),
            (add("a.test", Some("/x")), add("a.test", Some("/x")), true),
            (add("a.test", Some("/x")), add("a.test", Some("/y")), false),
            (add("a.test", Some("/x")), deny("a.test", Some(443)), false),
        ] {
            assert_eq!(newer.replaces(&earlier), expected, "{newer:?} {earlier:?}");
        }
    }
}

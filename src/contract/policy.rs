//! What a bottle may reach, and the one function that says so.
//!
//! `bottle check` and the sidecar's gate both call [`Policy::decide`], so they cannot disagree.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::dlp::RouteDlp;
use crate::host::{Host, HostPattern};
use crate::intent::{Intent, Method, Scheme};
use crate::path::{PathPattern, Target, percent_decoded};
use crate::verdict::{Allowed, Denial, Reason, Verdict};

/// All that a bottle may reach. Empty means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The routes, in the order in which they are tried.
    pub routes: Vec<Route>,
}

/// One thing that a bottle may reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The hosts.
    pub host: HostPattern,
    /// The ports; never empty.
    pub ports: Vec<u16>,
    /// The methods; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<Method>>,
    /// The paths; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<PathPattern>>,
    /// The address to dial instead of asking DNS; also the only way to a private address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The credential that the sidecar puts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What git may do over HTTP.
    #[serde(default)]
    pub git: GitAccess,
    /// How what leaves by this route is scanned.
    #[serde(default, skip_serializing_if = "RouteDlp::is_default")]
    pub dlp: RouteDlp,
}

/// How a credential is put into a request. The value itself is not part of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Where and how it goes in.
    pub scheme: AuthScheme,
    /// The name under which the sidecar was given the value.
    pub secret: String,
}

/// Where and how a credential goes into a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum AuthScheme {
    /// `Authorization: Bearer <value>` (RFC 6750).
    Bearer,
    /// `Authorization: Basic <base64 of user:value>` (RFC 7617).
    Basic {
        /// The user name; the secret is the password.
        user: String,
    },
    /// A header of this name with the value as it is.
    Header {
        /// The header's name in lower case.
        name: String,
    },
}

/// What git may do over smart HTTP. A push never goes through a plain route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GitAccess {
    /// Nothing.
    #[default]
    None,
    /// Clone and fetch.
    Fetch,
}

/// What a request is to git's smart HTTP protocol (git's `gitprotocol-http` documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GitService {
    UploadPack,
    ReceivePack,
}

impl Policy {
    /// Decides about a request: the first route that covers all of it permits it; else it is denied.
    pub fn decide(&self, intent: &Intent) -> Verdict {
        let mut nearest = Denial {
            reason: Reason::Host,
            route: None,
        };
        for (index, route) in self.routes.iter().enumerate() {
            match route.covers(intent) {
                Ok(()) => return Verdict::Allow(Allowed { route: index }),
                Err(reason) if reason > nearest.reason => {
                    nearest = Denial {
                        reason,
                        route: Some(index),
                    }
                }
                Err(_) => {}
            }
        }
        Verdict::Deny(nearest)
    }

    /// Tells whether some route names this host and port: what a CONNECT may ask for before a request is seen.
    pub fn names(&self, host: &Host, port: u16) -> Verdict {
        let mut nearest = Denial {
            reason: Reason::Host,
            route: None,
        };
        for (index, route) in self.routes.iter().enumerate() {
            if route.host.matches(host) {
                if route.ports.contains(&port) {
                    return Verdict::Allow(Allowed { route: index });
                }
                nearest = Denial {
                    reason: Reason::Port,
                    route: Some(index),
                };
            }
        }
        Verdict::Deny(nearest)
    }
}

impl Route {
    /// Says what of the request this route does not cover, the first of host, port, scheme, method, path, git.
    pub(crate) fn covers(&self, intent: &Intent) -> Result<(), Reason> {
        if !self.host.matches(&intent.host) {
            return Err(Reason::Host);
        }
        if !self.ports.contains(&intent.port) {
            return Err(Reason::Port);
        }
        if !self.allows_scheme(intent) {
            return Err(Reason::Scheme);
        }
        if self
            .methods
            .as_ref()
            .is_some_and(|methods| !methods.contains(&intent.method))
        {
            return Err(Reason::Method);
        }
        self.allows_path(&intent.target)?;
        self.allows_git(&intent.target)
    }

    /// Ports 80 and 443 carry what they are for, so that nobody can ask for `http` on 443;
    /// on other ports a credential goes over TLS only.
    fn allows_scheme(&self, intent: &Intent) -> bool {
        match (intent.port, intent.scheme) {
            (80, scheme) => scheme == Scheme::Http,
            (443, scheme) => scheme == Scheme::Https,
            (_, Scheme::Http) => self.auth.is_none(),
            (_, Scheme::Https) => true,
        }
    }

    fn allows_path(&self, target: &Target) -> Result<(), Reason> {
        match &self.paths {
            None => Ok(()),
            Some(_) if target.is_ambiguous() => Err(Reason::AmbiguousPath),
            Some(paths) if paths.iter().any(|pattern| pattern.matches(target)) => Ok(()),
            Some(_) => Err(Reason::Path),
        }
    }

    fn allows_git(&self, target: &Target) -> Result<(), Reason> {
        match (git_service(target), self.git) {
            (None, _) | (Some(GitService::UploadPack), GitAccess::Fetch) => Ok(()),
            (Some(GitService::UploadPack), GitAccess::None) => Err(Reason::GitFetch),
            (Some(GitService::ReceivePack), GitAccess::None | GitAccess::Fetch) => {
                Err(Reason::GitPush)
            }
        }
    }
}

/// Recognises both steps of smart HTTP, `…/info/refs?service=S` and `…/S`, and the LFS that goes with it.
///
/// Servers differ in what they drop from the end of a path and in how often they decode it, so a name
/// counts wherever it stands, and what is not plainly a fetch counts as a push.
fn git_service(target: &Target) -> Option<GitService> {
    let path = decoded_to_the_end(target.path());
    let query = decoded_to_the_end(target.query().unwrap_or_default());
    let asks = path.contains("info/refs") && query.contains("service");
    if path.contains("git-receive-pack")
        || query.contains("git-receive-pack")
        || path.contains("info/lfs")
    {
        Some(GitService::ReceivePack)
    } else if path.contains("git-upload-pack") || asks && query.contains("git-upload-pack") {
        Some(GitService::UploadPack)
    } else if asks {
        Some(GitService::ReceivePack)
    } else {
        None
    }
}

/// Decodes percent-encodings of percent-encodings, and drops doubled slashes.
fn decoded_to_the_end(text: &str) -> String {
    /// More layers than any server takes off.
    const LAYERS: usize = 4;
    let mut text = text.to_ascii_lowercase();
    for _ in 0..LAYERS {
        if !text.contains('%') && !text.contains("//") {
            break;
        }
        text = percent_decoded(&text).replace("//", "/");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::intent::parse_url;

    fn route(host: &str) -> Route {
        Route {
            host: host.parse().unwrap(),
            ports: vec![443, 80],
            methods: None,
            paths: None,
            address: None,
            auth: None,
            git: GitAccess::None,
            dlp: RouteDlp::default(),
        }
    }

    fn intent(method: &str, url: &str) -> Intent {
        let (scheme, host, port, target) = parse_url(url).unwrap();
        Intent {
            scheme,
            method: method.parse().unwrap(),
            host,
            port,
            target,
        }
    }

    fn check(routes: &[Route], method: &str, url: &str, expected: Result<usize, Reason>) {
        let verdict = Policy {
            routes: routes.to_vec(),
        }
        .decide(&intent(method, url));
        let got = match verdict {
            Verdict::Allow(allowed) => Ok(allowed.route),
            Verdict::Deny(denial) => Err(denial.reason),
        };
        assert_eq!(got, expected, "{method} {url}");
    }

    #[test]
    fn an_empty_policy_denies_everything() {
        check(&[], "GET", "https://api.test/", Err(Reason::Host));
    }

    #[test]
    fn an_empty_list_of_methods_or_paths_permits_none() {
        let none = Route {
            methods: Some(Vec::new()),
            ..route("api.test")
        };
        check(&[none], "GET", "https://api.test/", Err(Reason::Method));
        let none = Route {
            paths: Some(Vec::new()),
            ..route("api.test")
        };
        check(&[none], "GET", "https://api.test/", Err(Reason::Path));
    }

    #[test]
    fn each_part_must_be_covered_and_the_nearest_miss_is_named() {
        let v1 = Route {
            methods: Some(vec!["GET".parse().unwrap()]),
            paths: Some(vec!["/v1/**".parse().unwrap()]),
            ..route("api.test")
        };
        let routes = [route("other.test"), v1];
        check(&routes, "GET", "https://api.test/v1/x", Ok(1));
        check(&routes, "GET", "https://evil.test/v1/x", Err(Reason::Host));
        check(
            &routes,
            "GET",
            "https://api.test:8443/v1/x",
            Err(Reason::Port),
        );
        check(
            &routes,
            "POST",
            "https://api.test/v1/x",
            Err(Reason::Method),
        );
        check(&routes, "get", "https://api.test/v1/x", Err(Reason::Method));
        check(&routes, "GET", "https://api.test/v2/x", Err(Reason::Path));
        check(
            &routes,
            "GET",
            "https://api.test/v1/a%2fb",
            Err(Reason::AmbiguousPath),
        );
        check(
            &routes,
            "GET",
            "http://api.test:443/v1/x",
            Err(Reason::Scheme),
        );
        check(
            &routes,
            "GET",
            "https://api.test:80/v1/x",
            Err(Reason::Scheme),
        );
    }

    #[test]
    fn a_credential_needs_tls_on_an_unusual_port() {
        let auth = Some(Auth {
            scheme: AuthScheme::Bearer,
            secret: "s".to_owned(),
        });
        let routes = [Route {
            ports: vec![8080],
            auth,
            ..route("api.test")
        }];
        check(&routes, "GET", "http://api.test:8080/", Err(Reason::Scheme));
        check(&routes, "GET", "https://api.test:8080/", Ok(0));
    }

    #[test]
    fn git_is_fetched_where_it_is_allowed_and_pushed_nowhere() {
        let fetch = [Route {
            git: GitAccess::Fetch,
            ..route("git.test")
        }];
        let plain = [route("git.test")];
        for (url, with_fetch, without) in [
            (
                "https://git.test/a.git/info/refs?service=git-upload-pack",
                Ok(0),
                Err(Reason::GitFetch),
            ),
            (
                "https://git.test/a.git/git-upload-pack",
                Ok(0),
                Err(Reason::GitFetch),
            ),
            (
                "https://git.test/a.git/info/refs?service=git-receive-pack",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            (
                "https://git.test/a.git/git-receive-pack",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            (
                "https://git.test/a.git/git-receive%2Dpack",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            (
                "https://git.test/a.git%2fgit-receive-pack",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            (
                "https://git.test/a.git/git-receive-pack/",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            (
                "https://git.test/a.git/info/refs?service=git-receive%2dpack",
                Err(Reason::GitPush),
                Err(Reason::GitPush),
            ),
            ("https://git.test/a.git/info/refs", Ok(0), Ok(0)),
            ("https://git.test/a.git/HEAD", Ok(0), Ok(0)),
        ] {
            check(&fetch, "POST", url, with_fetch);
            check(&plain, "POST", url, without);
        }
    }

    #[test]
    fn a_push_is_a_push_however_it_is_spelled() {
        let fetch = [Route {
            git: GitAccess::Fetch,
            ..route("git.test")
        }];
        let plain = [route("git.test")];
        for push in [
            "git-receive-pack;x=1",
            "git-receive-pack%20",
            "git-receive-pack.",
            "git-receive-pack%5c",
            "git-receive-pack%3fx",
            "git-receive-pack/x",
            "git%252dreceive-pack",
            "info//refs?service=git-receive-pack",
            "info/refs?a=1&service=git%252Dreceive%2Dpack",
            "info/lfs/objects/batch",
        ] {
            let url = format!("https://git.test/a.git/{push}");
            check(&fetch, "POST", &url, Err(Reason::GitPush));
            check(&plain, "POST", &url, Err(Reason::GitPush));
        }
        check(
            &fetch,
            "GET",
            "https://git.test/a.git/objects/info/packs",
            Ok(0),
        );
    }

    #[test]
    fn a_tunnel_is_named_by_host_and_port() {
        let policy = Policy {
            routes: vec![route("api.test")],
        };
        let ask = |host: &str, port| policy.names(&host.parse().unwrap(), port);
        assert!(matches!(ask("api.test", 443), Verdict::Allow(_)));
        assert!(matches!(
            ask("api.test", 22),
            Verdict::Deny(Denial {
                reason: Reason::Port,
                ..
            })
        ));
        assert!(matches!(
            ask("api.test.evil", 443),
            Verdict::Deny(Denial {
                reason: Reason::Host,
                ..
            })
        ));
    }

    proptest! {
        /// A request that is permitted is covered in every part by the route that permits it,
        /// and no tunnel is refused for a request that would be permitted.
        #[test]
        fn a_permit_is_always_covered(host in "[ab]\\.(x|y)", port in prop::sample::select(vec![80u16, 443, 8080]), path in "(/[ab]){1,3}", tls: bool) {
            let routes = vec![
                Route { paths: Some(vec!["/a/**".parse().unwrap()]), ..route("*.x") },
                Route { ports: vec![8080], ..route("b.y") },
            ];
            let policy = Policy { routes };
            let scheme = if tls { "https" } else { "http" };
            let intent = intent("GET", &format!("{scheme}://{host}:{port}{path}"));
            if let Verdict::Allow(allowed) = policy.decide(&intent) {
                let route = &policy.routes[allowed.route];
                prop_assert!(route.host.matches(&intent.host) && route.ports.contains(&intent.port));
                prop_assert!(matches!(policy.names(&intent.host, intent.port), Verdict::Allow(_)));
            }
        }
    }
}

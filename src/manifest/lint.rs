//! What a manifest may say but hardly means. Nothing here stops a launch.

use std::fmt;

use bottle_contract::address::AddressClass;
use bottle_contract::host::{Host, HostPattern};
use bottle_contract::policy::{GitAccess, Route};

use super::layer::LayerRoute;
use super::load::Loaded;
use super::place::{Place, Placed};
use super::schema::ModeChoice;

/// More routes than this are hardly a policy that somebody still reads.
const MANY_ROUTES: usize = 256;

/// Methods that are written in upper case; in any other case they are different methods.
const COMMON_METHODS: [&str; 8] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];

/// Something that is allowed but hardly meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// What it is, and what follows from it.
    pub text: String,
}

/// Looks for what is allowed but hardly meant, in the order of folding.
pub fn lint(loaded: &Loaded) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let routes = &loaded.folded.routes;
    for (index, route) in routes.iter().enumerate() {
        let mut warn = |text: String| {
            warnings.push(Warning {
                place: route.place.clone(),
                text,
            });
        };
        lint_route(&route.value, &mut warn);
        let mut earlier = routes.iter().take(index);
        let cover = earlier.find(|earlier| covers(&earlier.value, &route.value));
        if let Some(cover) = cover {
            warn(format!(
                "this route is never used: the one at {} comes first and covers all of it",
                cover.place
            ));
        }
    }
    if let Some(first) = routes.get(MANY_ROUTES) {
        warnings.push(Warning {
            place: first.place.clone(),
            text: format!("there are {} routes; few people read so many", routes.len()),
        });
    }
    warnings.extend(lint_workspace(loaded.folded.workspace_mode.as_ref()));
    warnings.extend(loaded.clashes.iter().map(|clash| Warning {
        place: clash.later.clone(),
        text: format!(
            "`{}` replaces the value that stands at {}",
            clash.name, clash.earlier
        ),
    }));
    warnings
}

fn lint_workspace(mode: Option<&Placed<ModeChoice>>) -> Option<Warning> {
    let mode = mode.filter(|mode| mode.value == ModeChoice::Mount)?;
    Some(Warning {
        place: mode.place.clone(),
        text: "with `mount` the agent changes the files of the host, hooks and scripts \
               that you run later included"
            .to_owned(),
    })
}

fn lint_route(route: &LayerRoute, warn: &mut impl FnMut(String)) {
    lint_host(route, warn);
    let policy = &route.route;
    if route.auth.is_some() && policy.ports.contains(&80) {
        warn("port 80 sends the credential in the clear; leave it out".to_owned());
    }
    match &policy.methods {
        Some(methods) if methods.is_empty() => {
            warn("`methods` is empty, so the route permits nothing".to_owned());
        }
        Some(methods) => {
            for method in methods {
                let upper = method.as_str().to_ascii_uppercase();
                if COMMON_METHODS.contains(&upper.as_str()) && upper != method.as_str() {
                    warn(format!(
                        "methods are case-sensitive: `{method}` is not `{upper}`"
                    ));
                }
            }
        }
        None => {}
    }
    if policy.paths.as_ref().is_some_and(Vec::is_empty) {
        warn("`paths` is empty, so the route permits nothing".to_owned());
    }
}

fn lint_host(route: &LayerRoute, warn: &mut impl FnMut(String)) {
    match &route.route.host {
        HostPattern::Below(suffix) => {
            if route.auth.is_some() {
                warn(format!(
                    "the credential goes to every host below `{suffix}`; name the hosts that need it"
                ));
            }
            if route.route.address.is_some() {
                warn(format!("every host below `{suffix}` goes to one address"));
            }
            if !suffix.contains('.') {
                warn(format!("`*.{suffix}` is a whole top-level domain"));
            }
        }
        HostPattern::Exact(Host::Address(host)) => match route.route.address {
            Some(address) if address != *host => warn(format!(
                "the host is the address {host}, but {address} is dialled"
            )),
            None if AddressClass::of(*host) != AddressClass::Public => warn(format!(
                "{host} is not public, so the route permits nothing; add `address = \"{host}\"` if you mean it"
            )),
            Some(_) | None => {}
        },
        HostPattern::Exact(Host::Name(_)) => {}
    }
}

/// Tells whether every request that the later route permits is permitted by the earlier one.
fn covers(earlier: &LayerRoute, later: &LayerRoute) -> bool {
    let (first, second) = (&earlier.route, &later.route);
    let methods = covers_list(first.methods.as_deref(), second.methods.as_deref());
    let paths = covers_list(first.paths.as_deref(), second.paths.as_deref());
    let git = first.git == second.git || first.git == GitAccess::Fetch;
    // On unusual ports a route with a credential takes no `http`.
    let scheme = earlier.auth.is_none() || later.auth.is_some() || has_usual_ports(second);
    covers_host(&first.host, &second.host)
        && second.ports.iter().all(|port| first.ports.contains(port))
        && methods
        && paths
        && git
        && scheme
}

fn has_usual_ports(route: &Route) -> bool {
    route.ports.iter().all(|port| [80, 443].contains(port))
}

fn covers_host(earlier: &HostPattern, later: &HostPattern) -> bool {
    match (earlier, later) {
        (pattern, HostPattern::Exact(host)) => pattern.matches(host),
        (HostPattern::Below(suffix), HostPattern::Below(inner)) => {
            inner == suffix || inner.ends_with(&format!(".{suffix}"))
        }
        (HostPattern::Exact(_), HostPattern::Below(_)) => false,
    }
}

/// `None` is everything.
fn covers_list<T: PartialEq>(earlier: Option<&[T]>, later: Option<&[T]>) -> bool {
    match (earlier, later) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => later.iter().all(|item| earlier.contains(item)),
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.text)
    }
}

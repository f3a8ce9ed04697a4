//! What was decided about a request, and how to say it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::AddressClass;
use crate::host::Host;
use crate::intent::Intent;

/// What the policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go.
    Allow(Allowed),
    /// It may not.
    Deny(Denial),
}

/// The route that permits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Its place in the policy, from 0.
    pub route: usize,
}

/// Why a request may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The route that came nearest, from 0.
    pub route: Option<usize>,
}

/// Why a request is denied. The order is that of the checks: later means nearer to a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No route names the host.
    Host,
    /// A route names the host, but not the port.
    Port,
    /// `http` on 443, `https` on 80, or a credential in the clear.
    Scheme,
    /// A route names host and port, but not the method.
    Method,
    /// A route names host, port and method, but not the path.
    Path,
    /// The path has an encoded `/`, `\` or `.`, and the route names paths.
    AmbiguousPath,
    /// A git clone or fetch where the route does not say `git = "fetch"`.
    GitFetch,
    /// A git push, which no plain route lets through.
    GitPush,
    /// CONNECT host, SNI and Host header are not the same.
    NameMismatch,
    /// The name resolves to an address that is not public, and no route pins it.
    Address(AddressClass),
    /// The name does not resolve.
    Unresolved,
    /// A secret of this bottle is on its way out, as it is or encoded.
    Secret,
    /// A placeholder is on its way to where nothing is put in for it.
    Placeholder,
    /// The planted value is on its way out: somebody collects what looks like secrets.
    Canary,
    /// What has the shape of a vendor's token, or a private key, is on its way out.
    Token,
    /// A rule of the manifest's rule files matches.
    Rule,
    /// A header's value holds a line break, as it is or encoded.
    Injection,
    /// The body cannot be scanned, and the route says `unscannable = "deny"`.
    Unscannable,
    /// Somebody withdrew the host while the bottle runs.
    Withdrawn,
    /// There are too many requests for the host.
    Rate,
    /// The request is not well-formed, or uses what is not supported.
    Malformed,
    /// The audit log cannot be written.
    AuditUnavailable,
}

impl Denial {
    /// Says what to change in the manifest to let the request through; `None` where nothing should.
    pub fn remedy(&self, intent: &Intent) -> Option<String> {
        let host = &intent.host;
        match self.reason {
            Reason::Host => Some(route_for(host, intent.port)),
            Reason::Port => Some(format!(
                "[[egress.routes]]\nhost = \"{host}\"\nport = {}",
                intent.port
            )),
            Reason::Method => Some(format!(
                "methods = [\"{}\"]  # in the route for {host}",
                intent.method
            )),
            Reason::Path | Reason::AmbiguousPath => Some(format!(
                "paths = [\"{}\"]  # in the route for {host}",
                intent.target.path()
            )),
            Reason::GitFetch => Some(format!("git = \"fetch\"  # in the route for {host}")),
            Reason::Address(_) => Some(format!(
                "address = \"…\"  # in the route for {host}: the address you mean"
            )),
            Reason::Unscannable => {
                Some(format!("unscannable = \"pass\"  # in the route for {host}"))
            }
            Reason::Scheme
            | Reason::Secret
            | Reason::Placeholder
            | Reason::Canary
            | Reason::Token
            | Reason::Rule
            | Reason::Injection
            | Reason::GitPush
            | Reason::NameMismatch
            | Reason::Unresolved
            | Reason::Withdrawn
            | Reason::Rate
            | Reason::Malformed
            | Reason::AuditUnavailable => None,
        }
    }
}

/// The route that lets everything to this host and port through.
pub fn route_for(host: &Host, port: u16) -> String {
    format!("[[egress.routes]]\nhost = \"{host}\"{}", port_line(port))
}

fn port_line(port: u16) -> String {
    if port == 443 || port == 80 {
        String::new()
    } else {
        format!("\nport = {port}")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => out.write_str("no route names this host"),
            Self::Port => out.write_str("no route names this port of the host"),
            Self::Scheme => out.write_str("http on 443, https on 80, or a credential without TLS"),
            Self::Method => out.write_str("the route does not allow this method"),
            Self::Path => out.write_str("the route does not allow this path"),
            Self::AmbiguousPath => out.write_str(
                "the path hides a separator in a percent-encoding, and the route names paths",
            ),
            Self::GitFetch => out.write_str("the route does not allow git to fetch"),
            Self::GitPush => out.write_str("a git push does not go through a plain route"),
            Self::NameMismatch => {
                out.write_str("the CONNECT host, the TLS server name and the Host header differ")
            }
            Self::Address(class) => write!(
                out,
                "the name resolves to a {class} address, and the route pins none"
            ),
            Self::Unresolved => out.write_str("the name does not resolve"),
            Self::Secret => out.write_str("a secret of this bottle is on its way out"),
            Self::Placeholder => {
                out.write_str("a placeholder stands where no real value is put in for it")
            }
            Self::Canary => out.write_str("the value that was planted as a trap is on its way out"),
            Self::Token => out.write_str("a token or a private key is on its way out"),
            Self::Rule => out.write_str("a rule for secrets matches"),
            Self::Injection => out.write_str("a line break in a header's value"),
            Self::Unscannable => out.write_str("the body cannot be scanned for secrets"),
            Self::Withdrawn => out.write_str("`bottle deny` withdrew this host"),
            Self::Rate => out.write_str("there are too many requests for this host"),
            Self::Malformed => {
                out.write_str("the request is not well-formed, or uses what is not supported")
            }
            Self::AuditUnavailable => out.write_str("the audit log cannot be written"),
        }
    }
}

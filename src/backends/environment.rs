//! The variables that every agent gets, so that its tools find the proxy and trust the bottle's CA.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bottle_contract::guest;
use bottle_contract::secret::Secret;

use super::request::{LaunchRequest, RootAccess};

/// The variables by which tools find a proxy; many read only one case.
const PROXY: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// The variables by which tools find what to trust, all as a file of PEM certificates.
///
/// Node.js; OpenSSL, Go and most of what is built on them; Python's requests; curl; git; pip;
/// cargo; the AWS tools; Deno; Codex.
const TRUST: [&str; 10] = [
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "DENO_CERT",
    "CODEX_CA_CERTIFICATE",
];

/// Returns the agent's whole environment: what is stamped, and the manifest's own on top.
pub(crate) fn stamped(request: &LaunchRequest, proxy: SocketAddr) -> BTreeMap<String, Secret> {
    let url = format!("http://{proxy}");
    // Without the sidecar's own address here, a tool would ask the proxy for the proxy.
    let direct = format!("localhost,127.0.0.1,::1,{}", proxy.ip());
    let mut env: BTreeMap<String, String> = PROXY
        .iter()
        .map(|name| ((*name).to_owned(), url.clone()))
        .collect();
    env.extend(
        TRUST
            .iter()
            .map(|name| ((*name).to_owned(), guest::CA_BUNDLE.to_owned())),
    );
    env.extend(["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), direct.clone())));
    // Node.js reads the proxy variables only when it is told to.
    env.insert("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned());
    env.insert("BOTTLE_ID".to_owned(), request.labels.id.to_string());
    if request.root == RootAccess::ReadOnly {
        // The image's own home cannot be written.
        env.insert("HOME".to_owned(), guest::HOME.to_owned());
    }
    if request.prompt.is_some() {
        env.insert("BOTTLE_PROMPT_FILE".to_owned(), guest::PROMPT.to_owned());
    }
    let mut env: BTreeMap<String, Secret> = env
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
    env.extend(request.env.clone());
    env
}

//! What all attempts share: the request, the surroundings, and the sidecar as the agent knows it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bottle_contract::attack::AttackRequest;
use bottle_contract::probe::TargetKind;

use crate::guest::limits::ATTEMPT_MILLIS;
use crate::guest::probe::Surroundings;

/// What all attempts share.
#[derive(Debug)]
pub(super) struct Scene {
    /// What was asked for.
    pub(super) request: AttackRequest,
    /// What the kernel lists.
    pub(super) around: Surroundings,
    /// The sidecar, as the proxy variables name it.
    pub(super) sidecar: Option<SocketAddr>,
    /// Where the agent works.
    pub(super) workdir: PathBuf,
    /// The agent's home.
    pub(super) home: PathBuf,
}

impl Scene {
    /// Looks round.
    pub(super) fn new(request: AttackRequest) -> anyhow::Result<Self> {
        if !(1..=ATTEMPT_MILLIS).contains(&request.timeout_millis) {
            bail!("an attempt takes from 1 to {ATTEMPT_MILLIS} milliseconds");
        }
        Ok(Self {
            request,
            around: Surroundings::look()?,
            sidecar: variable("http_proxy").as_deref().and_then(proxy),
            workdir: std::fs::read_link("/proc/self/cwd").context("there is no current folder")?,
            home: variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
        })
    }

    /// How long one attempt waits.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.request.timeout_millis)
    }

    /// What an attempt sends, so that the witness knows whose it is.
    pub(super) fn token(&self, id: &str) -> String {
        format!("{}/{id}", self.request.token)
    }

    /// The addresses of these kinds, without those that are the bottle's own or the sidecar's.
    pub(super) fn addresses(&self, kinds: &[TargetKind]) -> Vec<IpAddr> {
        let targets = self.request.targets.iter();
        let mut found: Vec<IpAddr> = targets
            .filter(|target| kinds.contains(&target.kind))
            .map(|target| target.address)
            .collect();
        if kinds.contains(&TargetKind::InternalGateway) {
            found.extend(self.around.gateways.iter().map(SocketAddr::ip));
            found.extend(self.around.first_addresses.iter().map(SocketAddr::ip));
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|address| !self.is_own(*address));
        found
    }

    /// Tells whether packets to this address stay in the bottle, or go to the sidecar's own port.
    fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback()
            || self.around.addresses.contains(&address)
            || self.sidecar.is_some_and(|sidecar| sidecar.ip() == address)
    }
}

/// Reads a variable of the agent's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the guest stands where the agent does: its environment is what is looked at"
)]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn proxy(url: &str) -> Option<SocketAddr> {
    url.strip_prefix("http://")?
        .trim_end_matches('/')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sidecar_is_found_in_the_proxy_variables() {
        assert_eq!(proxy("http://10.0.0.2:3128"), "10.0.0.2:3128".parse().ok());
        assert_eq!(
            proxy("http://[fd00::2]:3128/"),
            "[fd00::2]:3128".parse().ok()
        );
        assert_eq!(proxy("https://10.0.0.2:3128"), None);
        assert_eq!(proxy("http://sidecar:3128"), None);
    }
}

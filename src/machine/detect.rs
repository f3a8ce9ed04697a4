//! Finds the facts of this machine, once.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use super::facts::{Architecture, Facts, Namespaces, System};
use super::resolvers::{of_resolv_conf, of_scutil};
use crate::process::{self, Invocation};

/// How long one question to the system may take; they are answered from memory.
const ASK: Duration = Duration::from_secs(5);

/// The machine that bottle runs on.
#[derive(Debug, Default)]
pub struct Machine {
    facts: OnceLock<Facts>,
}

impl Machine {
    /// Makes a machine whose facts are found when they are first asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a machine of stated facts.
    pub fn stated(facts: Facts) -> Self {
        Self {
            facts: OnceLock::from(facts),
        }
    }

    /// Returns the facts.
    pub fn facts(&self) -> &Facts {
        self.facts.get_or_init(detect)
    }
}

fn detect() -> Facts {
    if cfg!(target_os = "macos") {
        return mac();
    }
    Facts {
        system: System::Linux,
        architecture: built_for(),
        resolver: resolv_conf(),
        memory: None,
        namespaces: Namespaces::Kernel,
    }
}

fn mac() -> Facts {
    // A program that was built for Intel runs on Apple silicon too, translated.
    let silicon = ask("/usr/sbin/sysctl", &["-n", "hw.optional.arm64"]);
    let version = ask("/usr/bin/sw_vers", &["-productVersion"]);
    let memory = ask("/usr/sbin/sysctl", &["-n", "hw.memsize"]);
    let dns = ask("/usr/sbin/scutil", &["--dns"]);
    Facts {
        system: System::MacOs(version.unwrap_or_default()),
        architecture: match silicon.as_deref() {
            Some("1") => Architecture::Arm64,
            Some(_) | None => built_for(),
        },
        resolver: dns.and_then(|text| of_scutil(&text)).or_else(resolv_conf),
        memory: memory.and_then(|text| text.parse().ok()),
        namespaces: Namespaces::Kernel,
    }
}

fn built_for() -> Architecture {
    if cfg!(target_arch = "aarch64") {
        Architecture::Arm64
    } else {
        Architecture::X86_64
    }
}

fn resolv_conf() -> Option<std::net::IpAddr> {
    of_resolv_conf(&fs::read_to_string("/etc/resolv.conf").ok()?)
}

/// What does not answer is not known: whoever needs the fact says so.
fn ask(program: &str, args: &[&str]) -> Option<String> {
    let captured = process::run(&Invocation::new(program, args), ASK).ok()?;
    captured
        .success()
        .then(|| captured.stdout_text().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_this_machines_unless_they_are_stated() {
        let here = Machine::new();
        assert_eq!(
            matches!(here.facts().system, System::MacOs(_)),
            cfg!(target_os = "macos")
        );
        let stated: Facts = "macos 26.0 arm64".parse().unwrap();
        assert_eq!(Machine::stated(stated.clone()).facts(), &stated);
    }
}

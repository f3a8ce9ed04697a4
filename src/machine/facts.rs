//! The facts, and how they are written in one line.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// What is known about a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its operating system.
    pub system: System,
    /// Its processor.
    pub architecture: Architecture,
    /// The first resolver of its settings that another machine can reach, IPv4 only.
    pub resolver: Option<IpAddr>,
    /// Its memory, in bytes.
    pub memory: Option<u64>,
    /// Whether bottles may be made of its namespaces.
    pub namespaces: Namespaces,
}

/// Whether bottles may be made of a machine's namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Its kernel tells.
    Kernel,
    /// It is stated that they may not.
    Denied,
}

/// An operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum System {
    /// macOS, with its version such as `26.1`; empty when it does not tell.
    MacOs(String),
    /// Linux, and every other Unix.
    Linux,
}

/// A processor's architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit ARM: Apple silicon on a Mac.
    Arm64,
    /// 64-bit Intel and AMD.
    X86_64,
}

/// Why a line states no facts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{line}` states no machine: {why}")]
pub struct InvalidFacts {
    line: String,
    why: &'static str,
}

/// How a line of facts looks.
pub(super) const SHAPE: &str = "macos VERSION ARCHITECTURE, or linux ARCHITECTURE, then perhaps resolver=ADDRESS, memory=BYTES and namespaces=none; ARCHITECTURE is arm64 or x86_64";

impl Facts {
    /// Tells whether it is a Linux machine.
    pub fn is_linux(&self) -> bool {
        self.system == System::Linux
    }
}

impl System {
    /// Returns the leading number of macOS's version: 26 of `26.1`. `None` elsewhere.
    pub fn macos_release(&self) -> Option<u32> {
        match self {
            Self::MacOs(version) => Some(
                version
                    .split('.')
                    .next()
                    .and_then(|major| major.parse().ok())
                    .unwrap_or(0),
            ),
            Self::Linux => None,
        }
    }
}

impl FromStr for Facts {
    type Err = InvalidFacts;

    fn from_str(line: &str) -> Result<Self, InvalidFacts> {
        let wrong = |why| InvalidFacts {
            line: line.to_owned(),
            why,
        };
        let mut words = line.split_whitespace();
        let system = match words.next() {
            Some("macos") => System::MacOs(
                words
                    .next()
                    .filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
                    .ok_or_else(|| wrong(SHAPE))?
                    .to_owned(),
            ),
            Some("linux") => System::Linux,
            _ => return Err(wrong(SHAPE)),
        };
        let architecture = match words.next() {
            Some("arm64" | "aarch64") => Architecture::Arm64,
            Some("x86_64" | "amd64") => Architecture::X86_64,
            _ => return Err(wrong(SHAPE)),
        };
        let mut facts = Self {
            system,
            architecture,
            resolver: None,
            memory: None,
            namespaces: Namespaces::Kernel,
        };
        for word in words {
            match word.split_once('=') {
                Some(("resolver", address)) => {
                    let address = address
                        .parse()
                        .map_err(|_| wrong("`resolver` is no address"))?;
                    facts.resolver = Some(address);
                }
                Some(("memory", bytes)) => {
                    let bytes = bytes
                        .parse()
                        .map_err(|_| wrong("`memory` is no number of bytes"))?;
                    facts.memory = Some(bytes);
                }
                Some(("namespaces", "none")) => facts.namespaces = Namespaces::Denied,
                _ => return Err(wrong(SHAPE)),
            }
        }
        Ok(facts)
    }
}

impl fmt::Display for System {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MacOs(version) if version.is_empty() => out.write_str("macOS"),
            Self::MacOs(version) => write!(out, "macOS {version}"),
            Self::Linux => out.write_str("Linux"),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_states_a_machine() {
        let mac: Facts = "macos 26.1 arm64 resolver=192.0.2.53 memory=17179869184"
            .parse()
            .unwrap();
        assert_eq!(mac.system, System::MacOs("26.1".to_owned()));
        assert_eq!(mac.system.macos_release(), Some(26));
        assert_eq!(mac.architecture, Architecture::Arm64);
        assert_eq!(mac.resolver, Some("192.0.2.53".parse().unwrap()));
        assert_eq!(mac.memory, Some(16 << 30));
        let linux: Facts = "linux x86_64".parse().unwrap();
        assert_eq!(linux.system.macos_release(), None);
        assert_eq!((linux.resolver, linux.memory), (None, None));
        assert_eq!(linux.namespaces, Namespaces::Kernel);
        let bare: Facts = "linux x86_64 namespaces=none".parse().unwrap();
        assert_eq!(bare.namespaces, Namespaces::Denied);
    }

    #[test]
    fn what_is_no_machine_is_said() {
        for line in [
            "",
            "macos",
            "macos arm64",
            "macos 26 sparc",
            "windows 11 arm64",
            "linux arm64 resolver=here",
            "linux arm64 memory=much",
            "linux arm64 cpus=3",
            "linux arm64 namespaces=some",
        ] {
            let error = line.parse::<Facts>().unwrap_err();
            assert!(error.to_string().contains(line), "{error}");
        }
    }
}

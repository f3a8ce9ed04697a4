//! The seal's probe: what it is told to try from inside the agent's environment, and what it saw.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// What `guest probe` reads on standard input, as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// What every attempt sends, so that the oracle outside can tell it from chance traffic.
    pub token: String,
    /// The attempts; the prober adds what it finds out by itself (see [`Origin::Found`]).
    pub attempts: Vec<Attempt>,
    /// A name that nobody has, to be asked of every resolver.
    pub random_name: String,
    /// The port where the oracle listens on the host, tried on every gateway found inside.
    pub oracle_port: u16,
    /// How long one attempt may take, in milliseconds.
    pub timeout_millis: u64,
    /// How long one may take whose answer comes from further away than this machine: a resolver's,
    /// or one from outside. `None` is as long as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_timeout_millis: Option<u64>,
}

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// What the address is.
    pub target: TargetKind,
    /// How.
    pub how: How,
    /// Where.
    pub to: SocketAddr,
    /// Who thought of it.
    pub origin: Origin,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// The sidecar's own port: the positive control, which must answer.
    Sidecar,
    /// An address of the host.
    Host,
    /// The gateway of the internal network.
    InternalGateway,
    /// The gateway of the egress network.
    EgressGateway,
    /// The sidecar's address on the egress network.
    SidecarEgress,
    /// A resolver.
    Resolver,
    /// An address outside this machine, which only the sidecar may reach.
    Outside,
}

/// How an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// A TCP connection on which the token is sent.
    Tcp,
    /// A UDP datagram that holds the token.
    Udp,
    /// A DNS query over UDP for the random name.
    Dns,
}

/// Who thought of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The CLI asked for it.
    Asked,
    /// The prober found the address inside: in a route, a resolver file, or a neighbour table.
    Found,
}

/// What `guest probe` answers on standard output, as one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// The addresses of the interfaces it sees, loopback left out.
    pub addresses: Vec<IpAddr>,
    /// The gateways of the routes it sees.
    pub gateways: Vec<IpAddr>,
    /// The resolvers it sees.
    pub resolvers: Vec<IpAddr>,
    /// One result for each attempt, asked or found.
    pub results: Vec<AttemptResult>,
}

/// One attempt and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptResult {
    /// What was tried.
    pub attempt: Attempt,
    /// What came of it, as seen from inside.
    pub outcome: Outcome,
}

/// What came of an attempt, as seen from inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A connection was made, or the datagram was answered. For DNS: the name led somewhere.
    Answered {
        /// More, for people: a DNS response code for instance.
        detail: String,
    },
    /// A resolver answered that it could not or would not answer, so the name led nowhere.
    Declined {
        /// Its response code, for people.
        detail: String,
    },
    /// Somebody there refused: a reset, or a port-unreachable message. So something is there.
    Refused,
    /// There is no way there: the network said so at once.
    Unreachable {
        /// The system's word for it.
        error: String,
    },
    /// Nothing came back in time.
    Silent,
}

impl fmt::Display for TargetKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sidecar => "the sidecar's port",
            Self::Host => "an address of the host",
            Self::InternalGateway => "the internal network's gateway",
            Self::EgressGateway => "the egress network's gateway",
            Self::SidecarEgress => "the sidecar's egress address",
            Self::Resolver => "a resolver",
            Self::Outside => "an address beyond the host",
        })
    }
}

impl fmt::Display for How {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Dns => "DNS",
        })
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {} ({})", self.how, self.target, self.to)
    }
}

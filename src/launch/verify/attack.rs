//! Runs the guest's attempts in a bottle, with what the agent has, and judges them.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bottle_contract::attack::{AttackReport, AttackRequest, OwnBottle, Target};
use bottle_contract::attempts::Scope;
use bottle_contract::guest::GUEST;
use bottle_contract::id::BottleId;
use bottle_contract::probe::TargetKind;

use super::judge::{Known, Verified, judge};
use super::witness::{Witness, origin};
use crate::backends::{Around, Backend, ExecOptions, HostAccess, Terminal, host_addresses};
use crate::error::{Error, Result};
use crate::launch::Signals;
use crate::process::{self, Input};

/// How long all attempts may take: they take a few seconds on an idle machine.
const ATTACK: Duration = Duration::from_mins(1);
/// How long one attempt waits for an answer. A packet crosses a bridge of this machine in well under
/// a millisecond; silence for this long means that nobody took it.
const ATTEMPT_MILLIS: u64 = 400;

/// A bottle that is attacked.
#[derive(Clone, Copy, Debug)]
pub struct Attacked<'a> {
    /// Where it is.
    pub backend: &'a dyn Backend,
    /// Which.
    pub id: &'a BottleId,
    /// What its manifest says of the host's own services; `None` leaves it to the backend.
    pub host_access: Option<HostAccess>,
    /// What to wait for beside the attempts.
    pub signals: &'a Signals,
}

/// Attacks a bottle that runs, without what would disturb its agent.
pub fn attack(attacked: Attacked<'_>) -> Result<Verified> {
    let token = random_hex()?;
    let witness = Listening::new(&token)?;
    attack_with(attacked, &witness, token, None)
}

/// The witness, and the addresses that it listens on.
pub(super) struct Listening {
    pub(super) witness: Witness,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) origin: IpAddr,
}

impl Listening {
    pub(super) fn new(token: &str) -> Result<Self> {
        let addresses = host_addresses()
            .context("could not list the host's addresses")
            .map_err(Error::internal)?;
        let origin = origin(&addresses).map_err(Error::user)?;
        Ok(Self {
            witness: Witness::open(token, origin).map_err(Error::internal)?,
            addresses,
            origin,
        })
    }
}

/// Makes all attempts, and judges them with what the witness saw.
pub(super) fn attack_with(
    attacked: Attacked<'_>,
    listening: &Listening,
    token: String,
    own: Option<OwnBottle>,
) -> Result<Verified> {
    let around = attacked.backend.around(attacked.id)?;
    let scope = if own.is_some() {
        Scope::Own
    } else {
        Scope::Every
    };
    let request = AttackRequest {
        token,
        witness_port: listening.witness.port(),
        targets: targets(&around, &listening.addresses),
        timeout_millis: ATTEMPT_MILLIS,
        own,
    };
    let is_ours = |address| host_addresses().is_ok_and(|now| now.contains(&address));
    let deaf = listening
        .witness
        .hears(&listening.addresses, &is_ours)
        .err();
    let report = run(attacked, &request)?;
    let deaf = deaf.map(|error| format!("{error:#}"));
    let rows = judge(
        &report,
        Known {
            arrivals: &listening.witness.arrivals(),
            deaf: deaf.as_deref(),
            scope,
            host_access: attacked.host_access.unwrap_or(around.host_access),
        },
    );
    let backend = attacked.backend.name();
    Ok(Verified::new(attacked.id.as_str(), backend, rows))
}

fn targets(around: &Around, host: &[IpAddr]) -> Vec<Target> {
    let host = host.iter().map(|address| (TargetKind::Host, *address));
    let near = around.targets.iter().copied();
    near.chain(host)
        .map(|(kind, address)| Target { kind, address })
        .collect()
}

/// By the same call that `bottle exec` makes: what an attacker gets by it must be no more than the agent has.
fn run(attacked: Attacked<'_>, request: &AttackRequest) -> Result<AttackReport> {
    let options = ExecOptions {
        id: attacked.id.clone(),
        terminal: Terminal::Streams,
        argv: vec![GUEST.to_owned(), "attack".to_owned()],
    };
    let input = serde_json::to_vec(request).map_err(Error::internal)?;
    let call = attacked
        .backend
        .exec(&options)?
        .with_stdin(Input::Bytes(input));
    let go_on = || attacked.signals.noted().is_none();
    let captured = process::run_while(&call, ATTACK, &go_on)?;
    if let Some(interrupted) = attacked.signals.noted() {
        return Err(crate::backends::BackendError::from(interrupted).into());
    }
    if !captured.success() {
        let words = captured.stderr_text().trim().to_owned();
        return Err(Error::engine(anyhow!(
            "the attack did not run to its end: {words}"
        )));
    }
    serde_json::from_slice(&captured.stdout)
        .context("the attack's report could not be read: the bottle was made by another version of bottle, or the guest in it was changed")
        .map_err(Error::engine)
}

/// Thirty-two hex digits that nobody can guess.
pub(super) fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal(anyhow!("the system gave no random bytes: {error}")))?;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.collect())
}

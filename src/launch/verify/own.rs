//! A bottle that is made to be attacked: nothing but the guest in it, a route to the witness, and a
//! credential that only the sidecar has.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use bottle_contract::attack::{MARKER, OwnBottle};
use bottle_contract::config::LogLevel;
use bottle_contract::dlp::{Dlp, RouteDlp};
use bottle_contract::guest::GUEST;
use bottle_contract::host::HostPattern;
use bottle_contract::id::{BottleId, Name, SUFFIX_LEN};
use bottle_contract::labels::Labels;
use bottle_contract::policy::{Auth, AuthScheme, GitAccess, Policy, Route};
use bottle_contract::secret::Secret;
use ipnet::Ipv4Net;

use super::attack::{Attacked, Listening, attack_with, random_hex};
use super::judge::Verified;
use crate::backends::{
    Backend, ImageSource, LaunchRequest, Limits, RootAccess, SidecarSettings, UserChoice,
};
use crate::error::{Error, Result};
use crate::launch::Signals;
use crate::launch::steps::Steps;
use crate::state::{self, BottleDir, Course, FORMAT, Phase, Record, StateDir};
use crate::ui::Ui;

/// The agent's name.
const NAME: &str = "verify";
/// The host that leads to the witness. The last label is reserved, so nobody has it.
const HOST: &str = "witness.bottle.test";
/// The host whose route has a credential. Nothing is ever sent there.
const SECRET_HOST: &str = "credential.bottle.test";
/// Enough for all attempts, which run at the same time, and few enough to be used up in a moment.
const PROCESSES: u32 = 256;
/// The agent's user and group where bottle itself runs as root.
const UNPRIVILEGED: u32 = 1000;

/// What a bottle of our own is made from.
#[derive(Debug)]
pub struct OwnParts<'a> {
    /// Where it is made.
    pub backend: &'a dyn Backend,
    /// The folder of the bottles' state.
    pub state: &'a StateDir,
    /// The sidecar's binary.
    pub binary: PathBuf,
    /// The user and group that bottle runs as.
    pub owner: (u32, u32),
    /// The resolver that was named in the place of this machine's.
    pub resolver: Option<IpAddr>,
    /// The block from which its networks are taken; our own ones unless one is named.
    pub subnets: Option<Ipv4Net>,
    /// When it is made, in UTC.
    pub created: String,
    /// What to wait for beside the attempts.
    pub signals: &'a Signals,
    /// Where to say what happens.
    pub ui: &'a Ui,
}

/// Makes a bottle, attacks it, and removes it, whatever came of it.
pub fn verify_own(parts: &OwnParts<'_>) -> Result<Verified> {
    let token = random_hex()?;
    let listening = Listening::new(&token)?;
    let own = OwnBottle {
        host: HOST.to_owned(),
        secret_head: random_hex()?,
        marker: random_hex()?,
        processes: PROCESSES,
    };
    let id = new_id()?;
    let (dir, lock) = parts.state.create(&id)?;
    let record = record(parts, &id);
    record.save(&dir.record())?;
    let request = request(parts, &record, &dir, (&own, &listening))?;
    let steps = Steps::new(parts.ui, parts.signals, &dir);
    let launched = parts.backend.launch(&request, &steps);
    if launched.is_ok() {
        steps.finish();
    } else {
        drop(steps);
    }
    let verified = launched.map_err(Error::from).and_then(|_| {
        parts.backend.start_detached(&id)?;
        let phase = parts.ui.phase("attack");
        let attacked = Attacked {
            backend: parts.backend,
            id: &id,
            host_access: None,
            signals: parts.signals,
        };
        let verified = attack_with(attacked, &listening, token, Some(own))?;
        phase.done();
        Ok(verified)
    });
    let removed = parts.backend.remove(&id).map_err(Error::from);
    let removed = removed.map_err(|error| error.hint("`bottle clean` removes what is left over"));
    if removed.is_ok() {
        dir.remove()?;
    }
    drop(lock);
    let verified = verified?;
    removed.map(|()| verified)
}

fn new_id() -> Result<BottleId> {
    let mut random = [0; SUFFIX_LEN];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal(anyhow!("the system gave no random bytes: {error}")))?;
    let name: Name = NAME.parse().map_err(Error::internal)?;
    Ok(BottleId::new(&name, random))
}

fn record(parts: &OwnParts<'_>, id: &BottleId) -> Record {
    Record {
        format: FORMAT,
        id: id.clone(),
        agent: NAME.to_owned(),
        backend: parts.backend.name().to_owned(),
        created: parts.created.clone(),
        owner: state::owner(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        manifest: NAME.to_owned(),
        source: None,
        phase: Phase::Creating,
        pid: Some(std::process::id()),
        exit: None,
        keep: None,
        accepts: None,
        audit_head: None,
        course: Course::default(),
    }
}

fn request(
    parts: &OwnParts<'_>,
    record: &Record,
    dir: &BottleDir,
    (own, listening): (&OwnBottle, &Listening),
) -> Result<LaunchRequest> {
    let (uid, gid) = match parts.owner {
        (0, _) => (UNPRIVILEGED, UNPRIVILEGED),
        ids => ids,
    };
    // Only its beginning goes into the bottle, as what to look for.
    let secret = format!("{}{}", own.secret_head, random_hex()?);
    let env = BTreeMap::from([(MARKER.to_owned(), Secret::new(own.marker.clone()))]);
    Ok(LaunchRequest {
        labels: Labels {
            id: record.id.clone(),
            version: record.version.clone(),
            owner: record.owner.clone(),
            manifest: record.manifest.clone(),
        },
        image: ImageSource::Empty,
        user: UserChoice::Unprivileged { uid, gid },
        root: RootAccess::Writable,
        limits: Limits {
            cpus: None,
            memory: None,
            pids: Some(PROCESSES),
        },
        workspace: None,
        workdir: "/workspace".to_owned(),
        command: Some(vec![GUEST.to_owned(), "idle".to_owned()]),
        prompt: None,
        env,
        sidecar: SidecarSettings {
            binary: parts.binary.clone(),
            audit_dir: dir.audit_dir(),
            policy: policy(listening).map_err(Error::internal)?,
            secrets: BTreeMap::from([(NAME.to_owned(), Secret::new(secret))]),
            extra_ca: Vec::new(),
            log: LogLevel::Decisions,
            owner: parts.owner,
            resolver: parts.resolver,
            fallback_resolver: None,
            dlp: Dlp::default(),
        },
        subnets: parts.subnets,
        paths: Vec::new(),
        timeout: None,
        host_access: None,
    })
}

/// A way to the witness, and one with a credential that is never used.
fn policy(listening: &Listening) -> anyhow::Result<Policy> {
    let route = |host: &str, port, auth| -> anyhow::Result<Route> {
        let host: HostPattern = host.parse().context("the witness's host")?;
        Ok(Route {
            host,
            ports: vec![port],
            methods: None,
            paths: None,
            address: Some(listening.origin),
            auth,
            git: GitAccess::None,
            dlp: RouteDlp::default(),
        })
    };
    let auth = Auth {
        scheme: AuthScheme::Bearer,
        secret: NAME.to_owned(),
    };
    Ok(Policy {
        routes: vec![
            route(HOST, listening.witness.port(), None)?,
            route(SECRET_HOST, 443, Some(auth))?,
        ],
    })
}

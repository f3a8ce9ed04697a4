//! A sidecar with a world outside that the test makes up.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bottle_contract::audit::{AuditEvent, AuditRecord, Decision, Finished, Outcome};
use bottle_contract::config::{LogLevel, SidecarConfig};
use bottle_contract::dlp::{Dlp, RouteDlp};
use bottle_contract::policy::{GitAccess, Policy, Route};
use bottle_contract::secret::Secret;
use bottle_sidecar::app::{Outside, Sidecar};
use bottle_sidecar::gate::{LookUp, Resolve};
use bottle_sidecar::relay::{Dial, Dialling};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::agent::Agent;
use crate::origin::{Origin, TestCa};

/// The address that routes pin in these tests.
pub(crate) const PIN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 8, 7));

/// Everything in these tests happens at once or not at all; but a sidecar that was built for them is
/// slow at looking through what is large, and the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work)
        .await
        .expect("it takes too long")
}

/// A route that pins [`PIN`], on the usual ports.
pub(crate) fn route(host: &str) -> Route {
    Route {
        host: host.parse().unwrap(),
        ports: vec![443, 80],
        methods: None,
        paths: None,
        address: Some(PIN),
        auth: None,
        git: GitAccess::None,
        dlp: RouteDlp::default(),
    }
}

/// Names and addresses as the test says, and a record of what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    names: Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>,
    places: Mutex<BTreeMap<SocketAddr, SocketAddr>>,
    pub(crate) looked_up: Mutex<Vec<String>>,
    pub(crate) dialled: Mutex<Vec<SocketAddr>>,
}

impl Fake {
    /// Lets a name resolve; each answer is given once, the last one for ever.
    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers
            .iter()
            .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect())
            .collect();
        self.names.lock().unwrap().insert(name.to_owned(), answers);
    }

    /// Puts an origin where an address seems to be.
    pub(crate) fn place(&self, address: impl Into<IpAddr>, port: u16, origin: SocketAddr) {
        self.places
            .lock()
            .unwrap()
            .insert(SocketAddr::new(address.into(), port), origin);
    }
}

impl Resolve for Fake {
    fn resolve(&self, name: &str) -> LookUp {
        self.looked_up.lock().unwrap().push(name.to_owned());
        let mut names = self.names.lock().unwrap();
        let answer = names.get_mut(name).and_then(|answers| match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

impl Dial for Fake {
    fn dial(&self, address: SocketAddr) -> Dialling {
        self.dialled.lock().unwrap().push(address);
        let place = self.places.lock().unwrap().get(&address).copied();
        Box::pin(async move {
            match place {
                Some(place) => TcpStream::connect(place).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

/// What the sidecar is configured with, before it starts.
pub(crate) struct Setup {
    pub(crate) config: SidecarConfig,
    pub(crate) ca: TestCa,
    pub(crate) fake: Arc<Fake>,
    dir: TempDir,
}

/// A sidecar that serves, and what it serves with.
pub(crate) struct World {
    pub(crate) sidecar: Sidecar,
    pub(crate) agent: Agent,
    pub(crate) fake: Arc<Fake>,
    pub(crate) ca: TestCa,
    pub(crate) log: PathBuf,
    _dir: TempDir,
}

impl Setup {
    pub(crate) fn new(routes: &[Route]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = TestCa::new();
        let config = SidecarConfig {
            id: "test-abc234".parse().unwrap(),
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            policy: Policy {
                routes: routes.to_vec(),
            },
            secrets: BTreeMap::new(),
            extra_ca: vec![ca.pem()],
            log: LogLevel::Decisions,
            dlp: Dlp::default(),
            audit_path: dir.path().join("audit.jsonl").to_str().unwrap().to_owned(),
        };
        let setup = Self {
            config,
            ca,
            fake: Arc::new(Fake::default()),
            dir,
        };
        setup.kernel("net/ipv4/ip_forward", "0\n");
        setup
    }

    /// Where the kernel's settings seem to lie.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Gives the kernel a setting.
    pub(crate) fn kernel(&self, setting: &str, value: &str) {
        let path = self.root().join("proc/sys").join(setting);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        io::Write::write_all(&mut file, value.as_bytes()).unwrap();
    }

    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        let value = Secret::new(value.to_owned());
        self.config.secrets.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn outside(&self) -> Outside {
        Outside {
            resolver: Arc::clone(&self.fake) as Arc<dyn Resolve>,
            dialer: Arc::clone(&self.fake) as Arc<dyn Dial>,
        }
    }

    pub(crate) async fn start(self) -> World {
        let outside = self.outside();
        self.start_with(outside).await
    }

    pub(crate) async fn start_with(self, outside: Outside) -> World {
        let log = PathBuf::from(&self.config.audit_path);
        let sidecar = Sidecar::start(self.config, outside).await.unwrap();
        let agent = Agent::new(sidecar.listen()[0], sidecar.ca());
        World {
            sidecar,
            agent,
            fake: self.fake,
            ca: self.ca,
            log,
            _dir: self.dir,
        }
    }
}

impl World {
    pub(crate) async fn start(routes: &[Route]) -> Self {
        Setup::new(routes).start().await
    }

    /// Puts a TLS origin for these names at the pin's port 443.
    pub(crate) async fn tls_origin(&self, names: &[&str]) -> Origin {
        let origin = Origin::tls(&self.ca, names).await;
        self.fake.place(PIN, 443, origin.address);
        origin
    }

    /// Puts a plain origin at the pin's port 80.
    pub(crate) async fn plain_origin(&self) -> Origin {
        let origin = Origin::plain().await;
        self.fake.place(PIN, 80, origin.address);
        origin
    }

    pub(crate) fn records(&self) -> Vec<AuditRecord> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let decision = |record: AuditRecord| match record.event {
            AuditEvent::Decision(decision) => Some(decision),
            AuditEvent::Opened { .. }
            | AuditEvent::Reloaded { .. }
            | AuditEvent::Changed(_)
            | AuditEvent::Expired(_)
            | AuditEvent::Finished(_)
            | AuditEvent::Unknown => None,
        };
        self.records().into_iter().filter_map(decision).collect()
    }

    /// The last decision, which must be a denial.
    pub(crate) fn last_denial(&self) -> Decision {
        let decision = self.decisions().pop().expect("nothing was decided");
        assert_eq!(decision.verdict, Outcome::Deny, "{decision:?}");
        decision
    }

    /// Waits for the record of a request's end.
    pub(crate) async fn finished(&self, id: u64) -> Finished {
        within(async {
            loop {
                let found = self
                    .records()
                    .into_iter()
                    .find_map(|record| match record.event {
                        AuditEvent::Finished(finished) if finished.id == id => Some(finished),
                        AuditEvent::Finished(_)
                        | AuditEvent::Opened { .. }
                        | AuditEvent::Reloaded { .. }
                        | AuditEvent::Changed(_)
                        | AuditEvent::Expired(_)
                        | AuditEvent::Decision(_)
                        | AuditEvent::Unknown => None,
                    });
                match found {
                    Some(finished) => return finished,
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }
}

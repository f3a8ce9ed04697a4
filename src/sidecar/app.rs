//! The composition root: the only place that knows every part of the sidecar.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bottle_contract::audit::AuditEvent;
use bottle_contract::config::SidecarConfig;
use bottle_contract::control::{Reply, Request};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::audit::{AuditLog, Counters};
use crate::control::{self, Respond};
use crate::gate::{Gate, LookUp, Resolve, Settings};
use crate::limits;
use crate::listen::{self, Door, Rates};
use crate::native::{self, Handed};
use crate::relay::{Dial, Dialling, Relay};
use crate::tls::{Authority, OriginTls};

/// The version that goes into replies and the audit log.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The world outside, as the sidecar sees it.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Asks for names.
    pub resolver: Arc<dyn Resolve>,
    /// Opens connections.
    pub dialer: Arc<dyn Dial>,
}

/// A sidecar process: unconfigured at first, then configured for good.
pub struct App {
    outside: Outside,
    /// Where the kernel's settings lie: the root of the file system.
    root: PathBuf,
    /// Held while a request is answered, so that requests are answered one at a time.
    sidecar: Mutex<Option<Sidecar>>,
}

/// A configured sidecar. It takes connections until it is dropped.
#[derive(Debug)]
pub struct Sidecar {
    listen: Vec<SocketAddr>,
    authority: Arc<Authority>,
    gate: Arc<Gate>,
    log: Arc<AuditLog>,
    counters: Arc<Counters>,
    _tasks: JoinSet<()>,
}

/// The system's own resolver and network.
#[derive(Debug)]
struct System;

/// Serves the control channel, and everything else once it was configured, until a signal ends it.
pub async fn serve(control: &Path) -> anyhow::Result<()> {
    // As the first process of a container it would otherwise ignore these.
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for SIGINT")?;
    let listener = control::bind(control)
        .with_context(|| format!("bind the control socket `{}`", control.display()))?;
    let app = Arc::new(App::new(Outside::system(), Path::new("/")));
    tokio::select! {
        () = control::serve(listener, Arc::clone(&app)) => bail!("the control channel ended"),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    app.finish().await;
    Ok(())
}

/// Serves with the socket and the settings that a keeper hands over, until it ends or a signal comes.
pub async fn serve_handed(control: &Path, handed: Handed) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for SIGINT")?;
    let Handed {
        config,
        listener,
        keeper,
    } = handed;
    let control = control::bind(control)
        .with_context(|| format!("bind the control socket `{}`", control.display()))?;
    let outside = Outside::system();
    let app = match start_handed(config, listener, outside.clone()) {
        Ok(sidecar) => {
            native::answer(&keeper, &sidecar.ready())?;
            Arc::new(App::serving(outside, sidecar))
        }
        Err(err) => return native::answer(&keeper, &error(&format!("{err:#}"))),
    };
    keeper.set_nonblocking(true).context("watch the keeper")?;
    let keeper = UnixStream::from_std(keeper).context("watch the keeper")?;
    tokio::select! {
        () = control::serve(control, Arc::clone(&app)) => bail!("the control channel ended"),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // It says nothing more: what can be read is its end.
        _ = keeper.readable() => {}
    }
    app.finish().await;
    Ok(())
}

fn start_handed(
    config: SidecarConfig,
    listener: std::net::TcpListener,
    outside: Outside,
) -> anyhow::Result<Sidecar> {
    listener
        .set_nonblocking(true)
        .context("take the socket over")?;
    let listener = TcpListener::from_std(listener).context("take the socket over")?;
    Sidecar::start_on(config, outside, vec![listener])
}

impl Outside {
    /// Returns the system's own resolver and network.
    pub fn system() -> Self {
        Self {
            resolver: Arc::new(System),
            dialer: Arc::new(System),
        }
    }
}

impl App {
    /// Makes an unconfigured sidecar, which serves nothing. The kernel's settings are read under a root.
    pub fn new(outside: Outside, root: &Path) -> Self {
        Self {
            outside,
            root: root.to_owned(),
            sidecar: Mutex::new(None),
        }
    }

    /// Writes what the audit log still holds: nothing else runs to its end.
    async fn finish(&self) {
        if let Some(sidecar) = &*self.sidecar.lock().await {
            sidecar.log.flush().ok();
        }
    }

    /// Makes one that was configured already.
    fn serving(outside: Outside, sidecar: Sidecar) -> Self {
        Self {
            outside,
            root: PathBuf::from("/"),
            sidecar: Mutex::new(Some(sidecar)),
        }
    }

    async fn start(&self, config: SidecarConfig) -> anyhow::Result<Sidecar> {
        control::check_forwarding(&self.root)?;
        Sidecar::start(config, self.outside.clone()).await
    }
}

impl Respond for App {
    async fn respond(&self, request: Request) -> Reply {
        let mut sidecar = self.sidecar.lock().await;
        match (&mut *sidecar, request) {
            (Some(_), Request::Configure { .. }) => error("it is configured already"),
            (Some(sidecar), request) => sidecar.respond(request),
            (None, Request::Configure { config }) => match self.start(*config).await {
                Ok(started) => sidecar.insert(started).ready(),
                Err(err) => error(&format!("{err:#}")),
            },
            (
                None,
                Request::Ready
                | Request::Ca
                | Request::Routes
                | Request::Reload { .. }
                | Request::Change { .. }
                | Request::Stats
                | Request::AuditHead,
            ) => error("it is not configured yet"),
        }
    }
}

impl Sidecar {
    /// Configures a sidecar and starts to serve. On an error nothing is left running.
    pub async fn start(config: SidecarConfig, outside: Outside) -> anyhow::Result<Self> {
        let listeners = bind(&config.listen).await?;
        Self::start_on(config, outside, listeners)
    }

    /// The same on sockets that listen already.
    fn start_on(
        config: SidecarConfig,
        outside: Outside,
        listeners: Vec<TcpListener>,
    ) -> anyhow::Result<Self> {
        let log = AuditLog::open(Path::new(&config.audit_path), config.log)
            .with_context(|| format!("open the audit log `{}`", config.audit_path))?;
        let (log, counters) = (Arc::new(log), Arc::new(Counters::default()));
        let tls = OriginTls::new(&config.extra_ca).context("load the trusted roots")?;
        let authority = Arc::new(Authority::new(&config.id).context("make the bottle's CA")?);
        let routes = config.policy.routes.len();
        let gate = Gate::new(
            Settings {
                policy: config.policy,
                secrets: config.secrets,
                dlp: config.dlp,
            },
            outside.resolver,
            Arc::clone(&log),
            Arc::clone(&counters),
        )
        .context("load the credentials and the rules")?;
        let gate = Arc::new(gate);
        let door = Arc::new(Door {
            gate: Arc::clone(&gate),
            relay: Relay::new(outside.dialer, tls),
            authority: Arc::clone(&authority),
            counters: Arc::clone(&counters),
            streams: Arc::new(Semaphore::new(limits::STREAMS)),
            rates: Rates::default(),
        });
        let listen = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>()
            .context("read the address that it listens on")?;
        let opened = AuditEvent::Opened {
            bottle: Some(config.id),
            version: VERSION.to_owned(),
            routes,
        };
        log.write(&opened)
            .with_context(|| format!("write to the audit log `{}`", config.audit_path))?;
        let tasks = spawn(listeners, &door, &log);
        Ok(Self {
            listen,
            authority,
            gate,
            log,
            counters,
            _tasks: tasks,
        })
    }

    /// Answers a control request.
    pub fn respond(&self, request: Request) -> Reply {
        match request {
            Request::Configure { .. } => error("it is configured already"),
            Request::Ready => self.ready(),
            Request::Ca => Reply::Ca {
                ca: self.authority.pem().to_owned(),
            },
            Request::Routes => self.routes(),
            Request::Reload { policy, secrets } => match self.gate.reload(policy, &secrets) {
                Ok(()) => self.routes(),
                Err(err) => error(&err.to_string()),
            },
            Request::Change {
                change,
                seconds,
                by,
            } => match self.gate.change(*change, seconds, by) {
                Ok(()) => self.routes(),
                Err(err) => error(&err.to_string()),
            },
            Request::Stats => Reply::Stats {
                stats: self.counters.stats(),
            },
            Request::AuditHead => Reply::AuditHead {
                head: self.log.head(),
            },
        }
    }

    /// Returns where it listens.
    pub fn listen(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// Returns the bottle's CA certificate (PEM).
    pub fn ca(&self) -> &str {
        self.authority.pem()
    }

    fn ready(&self) -> Reply {
        Reply::Ready {
            version: VERSION.to_owned(),
            listen: self.listen.clone(),
            ca: self.authority.pem().to_owned(),
        }
    }

    fn routes(&self) -> Reply {
        Reply::Routes {
            policy: self.gate.policy(),
            live: self.gate.live(),
            scanning: Some(self.gate.scanning()),
        }
    }
}

impl Resolve for System {
    fn resolve(&self, name: &str) -> LookUp {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            Ok(addresses)
        })
    }
}

impl Dial for System {
    fn dial(&self, address: SocketAddr) -> Dialling {
        Box::pin(TcpStream::connect(address))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("App").finish_non_exhaustive()
    }
}

async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    if addresses.is_empty() {
        bail!("there is no address to listen on");
    }
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn spawn(listeners: Vec<TcpListener>, door: &Arc<Door>, log: &Arc<AuditLog>) -> JoinSet<()> {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(listen::serve(
            listener,
            Arc::clone(door),
            Arc::clone(&places),
        ));
    }
    let gate = Arc::clone(&door.gate);
    tasks.spawn(async move { gate.watch().await });
    let log = Arc::clone(log);
    tasks.spawn(async move { log.keep_up().await });
    tasks
}

fn error(message: &str) -> Reply {
    Reply::Error {
        message: message.to_owned(),
    }
}

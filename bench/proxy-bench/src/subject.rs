//! What is measured: no proxy, the sidecar, and other proxies, each started with its own means.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::line::Way;
use crate::origin::{Origin, said};
use crate::place::Places;

/// How long a proxy may take to start.
const START: Duration = Duration::from_secs(20);
/// How often it is asked whether it has.
const ASK: Duration = Duration::from_micros(500);

/// A thing to measure, with its program.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// No proxy.
    Direct,
    /// A relay of the same libraries that does nothing else.
    Bare,
    /// The sidecar.
    Sidecar(PathBuf),
    /// mitmproxy's command.
    Mitmdump(PathBuf),
    /// squid, with its program that makes certificates.
    Squid {
        /// The program.
        squid: PathBuf,
        /// What makes its certificates.
        certgen: PathBuf,
    },
}

/// One that runs. It ends when this is dropped.
pub(crate) struct Running {
    /// How to get to the origin.
    pub(crate) way: Way,
    /// When it was started.
    pub(crate) begin: Instant,
    /// How long it took until it took connections.
    pub(crate) ready: Duration,
    child: Option<Child>,
}

impl Kind {
    /// Returns the name of its column.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bare => "bare relay",
            Self::Sidecar(_) => "ours",
            Self::Mitmdump(_) => "mitmdump",
            Self::Squid { .. } => "squid",
        }
    }

    /// Starts it.
    pub(crate) async fn start(
        &self,
        origin: &Origin,
        places: &Places,
        folder: &Path,
    ) -> anyhow::Result<Running> {
        let own = tempfile::Builder::new()
            .prefix("proxy-")
            .tempdir_in(folder)?
            .keep();
        let begin = Instant::now();
        let (child, proxy, ca) = match self {
            Self::Direct => (None, None, origin.ca.clone()),
            Self::Bare => {
                let mut command = places.proxy(&std::env::current_exe()?);
                command.arg("relay").arg(origin.address.to_string());
                let mut child = command
                    .arg(&origin.ca_file)
                    .stdout(Stdio::piped())
                    .spawn()?;
                let (proxy, ca) = said(&mut child).await?;
                (Some(child), Some(proxy), ca)
            }
            Self::Sidecar(program) => {
                let (child, proxy, ca) = sidecar(places.proxy(program), origin, &own).await?;
                (Some(child), Some(proxy), ca)
            }
            Self::Mitmdump(program) => {
                let port = free_port()?;
                let child = mitmdump(places.proxy(program), origin, &own, port)?;
                let ca = listening(port, Some(&own.join("mitmproxy-ca-cert.pem"))).await?;
                (Some(child), Some(local(port)), ca)
            }
            Self::Squid { squid, certgen } => {
                let port = free_port()?;
                let ca = squid_config(certgen, origin, &own, port).await?;
                let mut command = places.proxy(squid);
                command.arg("-N").arg("-f").arg(own.join("squid.conf"));
                let child = quiet(&mut command).spawn()?;
                listening(port, None).await?;
                (Some(child), Some(local(port)), ca)
            }
        };
        let ready = begin.elapsed();
        Ok(Running {
            way: Way::new(origin.address, proxy, &ca)?,
            begin,
            ready,
            child,
        })
    }
}

impl Running {
    /// Returns the id of the proxy's process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Ends it and waits for that, so that the next one has the processor for itself.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        if let Some(child) = &mut self.child {
            child.kill().await?;
        }
        Ok(())
    }
}

/// Starts a sidecar and configures it as the launcher does, but over the socket itself.
async fn sidecar(
    mut command: Command,
    origin: &Origin,
    folder: &Path,
) -> anyhow::Result<(Child, SocketAddr, String)> {
    let socket = folder.join("control.sock");
    command.arg("serve").arg("--control").arg(&socket);
    let child = quiet(&mut command).spawn()?;
    let deadline = Instant::now() + START;
    let mut stream = loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => break stream,
            Err(_) if Instant::now() < deadline => sleep(ASK).await,
            Err(error) => return Err(error).context("the sidecar's control socket"),
        }
    };
    let request = json!({ "request": "configure", "config": config(origin, folder) });
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut reply = String::new();
    BufReader::new(&mut stream).read_line(&mut reply).await?;
    let reply: Value = serde_json::from_str(&reply)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (Some(listen), Some(ca)) = (text(&reply["listen"][0]), text(&reply["ca"])) else {
        bail!("the sidecar replied {reply}");
    };
    Ok((child, listen.parse()?, ca))
}

/// Some routes that do not fit, and the one that does; everything is decided and logged.
fn config(origin: &Origin, folder: &Path) -> Value {
    let other = |host: &str| json!({ "host": host, "ports": [443], "git": "none" });
    let route = json!({
        "host": "localhost",
        "ports": [origin.address.port()],
        "methods": ["GET", "POST"],
        "paths": ["/**"],
        "address": "127.0.0.1",
        "git": "none",
    });
    json!({
        "id": "bench-abc234",
        "listen": ["127.0.0.1:0"],
        "policy": { "routes": [other("api.example.com"), other("*.example.net"), other("example.org"), route] },
        "secrets": {},
        "extra_ca": [origin.ca],
        "log": "decisions",
        "audit_path": folder.join("audit.jsonl"),
    })
}

fn mitmdump(
    mut command: Command,
    origin: &Origin,
    folder: &Path,
    port: u16,
) -> anyhow::Result<Child> {
    let set = |name: &str, value: &Path| format!("{name}={}", value.display());
    command.args(["-q", "--listen-host", "127.0.0.1", "-p", &port.to_string()]);
    command.arg("--set").arg(set("confdir", folder));
    let trusted = "ssl_verify_upstream_trusted_ca";
    command.arg("--set").arg(set(trusted, &origin.ca_file));
    // Without it events would be held back until the last one.
    command.args(["--set", "stream_large_bodies=1"]);
    Ok(quiet(&mut command).spawn()?)
}

/// Writes what squid needs, and returns its authority.
async fn squid_config(
    certgen: &Path,
    origin: &Origin,
    folder: &Path,
    port: u16,
) -> anyhow::Result<String> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "bench");
    let ca = params.self_signed(&key)?.pem();
    fs::write(
        folder.join("ca.pem"),
        format!("{ca}{}", key.serialize_pem()),
    )?;
    fs::write(folder.join("hosts"), "127.0.0.1 localhost\n")?;
    let (at, gen_path, roots) = (
        folder.display(),
        certgen.display(),
        origin.ca_file.display(),
    );
    let text = format!(
        "http_port 127.0.0.1:{port} ssl-bump cert={at}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {gen_path} -s {at}/certificates -M 4MB
sslcrtd_children 2 startup=1
ssl_bump bump all
tls_outgoing_options cafile={roots}
http_access allow all
cache deny all
access_log none
cache_log {at}/squid.log
pid_filename none
coredump_dir {at}
hosts_file {at}/hosts
shutdown_lifetime 0 seconds
"
    );
    fs::write(folder.join("squid.conf"), text)?;
    let database = folder.join("certificates");
    let mut make = Command::new(certgen);
    make.arg("-c").arg("-s").arg(&database).args(["-M", "4MB"]);
    let made = quiet(&mut make).status().await?;
    // squid gives up the rights of root, and then needs what was made here.
    let mut give = Command::new("chown");
    give.args(["-R", "proxy"]).arg(folder);
    let given = quiet(&mut give).status().await?;
    if !made.success() || !given.success() {
        bail!(
            "what squid needs could not be made in `{}` (it needs root)",
            folder.display()
        );
    }
    Ok(ca)
}

/// Waits until somebody listens, and until a file is there and whole; returns that file.
async fn listening(port: u16, file: Option<&Path>) -> anyhow::Result<String> {
    let deadline = Instant::now() + START;
    loop {
        let text = match file.map(fs::read_to_string) {
            None => Some(String::new()),
            Some(Ok(text)) => Some(text).filter(|text| text.contains("-----END")),
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => None,
            Some(Err(error)) => return Err(error.into()),
        };
        if let Some(text) = text
            && TcpStream::connect(local(port)).await.is_ok()
        {
            return Ok(text);
        }
        if Instant::now() > deadline {
            bail!("it does not listen after {} s", START.as_secs());
        }
        sleep(ASK).await;
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

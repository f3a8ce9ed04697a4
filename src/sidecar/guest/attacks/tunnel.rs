//! What is said inside a tunnel that the policy permits: TLS ends in the sidecar, and only requests
//! to the same host are heard.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::Context as _;
use bottle_contract::attack::{OwnBottle, Tried};
use bottle_contract::guest::CA_CERT;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use super::proxy::{Answer, Proxy, read, refused};
use super::reach::random_name;
use super::rows::{Checked, Seen, row, stopped, through, unclear};
use super::scene::Scene;

/// Makes the attempts, where there is a route to make them by.
pub(super) fn rows(scene: &Scene) -> Vec<Tried> {
    let Some(own) = &scene.request.own else {
        return Vec::new();
    };
    let way = Way { scene, own };
    let control = || way.control();
    vec![
        row("proxy-fronting", way.fronting(), control()),
        row("proxy-inner-host", way.inner_host(), control()),
        row("proxy-nested", way.nested(), control()),
        row("proxy-not-tls", way.not_tls(), control()),
    ]
}

struct Way<'a> {
    scene: &'a Scene,
    own: &'a OwnBottle,
}

impl Way<'_> {
    fn authority(&self) -> String {
        self.own.authority(self.scene.request.witness_port)
    }

    /// Opens a tunnel to where the route leads.
    fn tunnel(&self) -> anyhow::Result<TcpStream> {
        let host = self.authority();
        let mut stream = Proxy::connect(self.scene)?;
        write!(stream, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let answer = read(&mut stream)?;
        anyhow::ensure!(answer.status == 200, "CONNECT {host}: {answer}");
        Ok(stream)
    }

    /// Speaks TLS in a tunnel, for this name, and says these words.
    fn inside(&self, name: &str, words: &str) -> anyhow::Result<io::Result<Answer>> {
        let tunnel = self.tunnel()?;
        let name = ServerName::try_from(name.to_owned()).context("the TLS name")?;
        let connection = ClientConnection::new(config()?, name).context("start TLS")?;
        let mut stream = StreamOwned::new(connection, tunnel);
        if let Err(error) = stream.write_all(words.as_bytes()) {
            return Ok(Err(error));
        }
        Ok(read(&mut stream))
    }

    fn request(&self, method: &str, host: &str, id: &str) -> String {
        let target = match method {
            "CONNECT" => host.to_owned(),
            _ => format!("/{}", self.scene.token(id)),
        };
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    }

    /// The same with one name everywhere goes on to the witness, which speaks no TLS.
    fn control(&self) -> Checked {
        let words = self.request("GET", &self.authority(), "control");
        match self.inside(&self.own.host, &words) {
            Ok(Ok(answer)) if answer.failed.is_some() => {
                Ok(format!("with one name everywhere it goes on: {answer}"))
            }
            Ok(Ok(answer)) => Err(format!("with one name everywhere: {answer}")),
            Ok(Err(error)) => Err(format!("with one name everywhere: {error}")),
            Err(error) => Err(format!("with one name everywhere: {error:#}")),
        }
    }

    fn fronting(&self) -> Seen {
        let other = random_name(self.scene);
        let words = self.request("GET", &other, "proxy-fronting");
        judge("TLS names another host", self.inside(&other, &words))
    }

    fn inner_host(&self) -> Seen {
        let other = random_name(self.scene);
        let words = self.request("GET", &other, "proxy-inner-host");
        judge(
            "Host names another host",
            self.inside(&self.own.host, &words),
        )
    }

    fn nested(&self) -> Seen {
        let words = self.request("CONNECT", &self.authority(), "proxy-nested");
        judge("CONNECT in a tunnel", self.inside(&self.own.host, &words))
    }

    /// The witness would take these words: they must not arrive.
    fn not_tls(&self) -> Seen {
        let mut tunnel = match self.tunnel() {
            Ok(tunnel) => tunnel,
            Err(error) => return unclear(format!("{error:#}")),
        };
        let words = self.request("GET", &self.authority(), "proxy-not-tls");
        let answer = tunnel
            .write_all(words.as_bytes())
            .and_then(|()| read(&mut tunnel));
        match answer {
            Ok(answer) if answer.status == 200 => through(format!("it went on: {answer}")),
            Ok(answer) => stopped(format!("bytes that are not TLS: {answer}")),
            Err(error) => refused("bytes that are not TLS", Err(error)),
        }
    }
}

/// A tunnel that could not be opened says nothing about what is said inside.
fn judge(what: &str, answer: anyhow::Result<io::Result<Answer>>) -> Seen {
    match answer {
        Ok(answer) => refused(what, answer),
        Err(error) => unclear(format!("{what}: {error:#}")),
    }
}

/// Trusts the bottle's own authority and nobody else.
fn config() -> anyhow::Result<Arc<ClientConfig>> {
    let file = File::open(CA_CERT).with_context(|| format!("cannot read `{CA_CERT}`"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
        roots.add(certificate.context("the bottle's certificate")?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("the versions of TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

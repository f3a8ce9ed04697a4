//! Runs a client with nothing but the proxy and the bottle's certificate authority.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::world::{World, within};

/// Where the system's own programs are: what was built by hand elsewhere is not what is shipped.
const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// What a client may see: a home of its own, the proxy, and the certificate authority.
pub(crate) struct Surroundings {
    home: TempDir,
    proxy: String,
}

/// What became of a client.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Surroundings {
    pub(crate) fn of(world: &World) -> Self {
        let home = tempfile::tempdir().unwrap();
        let surroundings = Self {
            home,
            proxy: format!("http://{}", world.sidecar.listen()[0]),
        };
        surroundings.file("ca.pem", world.sidecar.ca().as_bytes());
        surroundings
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn proxy(&self) -> &str {
        &self.proxy
    }

    /// Writes a file into the client's home.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
        path
    }

    /// Prepares a program; it ends with the test at the latest.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, program: &str, args: &[A]) -> Command {
        let ca = self.ca();
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.home.path())
            .env("NODE_PATH", "/usr/share/nodejs:/usr/lib/nodejs")
            .env("NODE_EXTRA_CA_CERTS", &ca)
            .env("GIT_SSL_CAINFO", &ca)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"] {
            command.env(name, &self.proxy);
        }
        command
    }

    /// Runs a program to its end.
    pub(crate) async fn run<A: AsRef<OsStr>>(&self, program: &str, args: &[A]) -> Ended {
        ended(self.command(program, args).spawn().unwrap()).await
    }
}

pub(crate) async fn ended(child: Child) -> Ended {
    let output = within(child.wait_with_output()).await.unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Tells whether a client is there, by a command that succeeds then. Says so where it is not.
pub(crate) async fn installed(world: &World, name: &str, program: &str, args: &[&str]) -> bool {
    let surroundings = Surroundings::of(world);
    let problem = match surroundings.command(program, args).spawn() {
        Ok(child) => {
            let ended = ended(child).await;
            if ended.code == Some(0) {
                return true;
            }
            ended.stderr
        }
        Err(error) => error.to_string(),
    };
    assert!(!required(), "`{name}` is not installed: {problem}");
    eprintln!("skipped: `{name}` is not installed: {problem}");
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness, not the program, asks whether a skip is a failure"
)]
fn required() -> bool {
    let required = std::env::var("BOTTLE_TEST_REQUIRE").unwrap_or_default();
    required.split(',').any(|word| word == "clients")
}

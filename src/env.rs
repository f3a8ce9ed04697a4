//! The only reader of the environment: captured once at the start, and a plain value from then on.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::Ipv4Net;
use thiserror::Error;

use crate::machine::Facts;

/// The environment that bottle was started in.
#[derive(Clone, Debug)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
    current_dir: PathBuf,
    executable: Option<PathBuf>,
    platform: Platform,
}

/// What decides where a user's files lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux, and every other Unix that follows the XDG directories.
    Linux,
    /// macOS.
    MacOs,
}

/// Why the environment cannot be used.
#[derive(Debug, Error)]
pub enum EnvError {
    /// There is no current folder.
    #[error("the current folder cannot be read")]
    CurrentDir(#[source] io::Error),
    /// A variable that is needed is not set.
    #[error("`{name}` is not set")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// A folder must be named from the root on.
    #[error("`{name}` is `{}`, which is not an absolute path", value.display())]
    Relative {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: PathBuf,
    },
    /// A value that must be text is none.
    #[error("`{name}` is not UTF-8")]
    NotUnicode {
        /// The variable.
        name: String,
    },
    /// A value has not the shape that is needed.
    #[error("`{name}` cannot be used: {why}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value.
        why: String,
    },
}

impl Env {
    /// Reads the environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader that the rule leaves"
    )]
    pub fn capture() -> Result<Self, EnvError> {
        Ok(Self {
            vars: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().map_err(EnvError::CurrentDir)?,
            executable: std::env::current_exe().ok(),
            platform: Platform::HOST,
        })
    }

    /// Makes an environment of these variables only: for tests.
    pub fn from_vars<N, V>(
        vars: impl IntoIterator<Item = (N, V)>,
        current_dir: impl Into<PathBuf>,
        platform: Platform,
    ) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        Self {
            vars: vars
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            current_dir: current_dir.into(),
            executable: None,
            platform,
        }
    }

    /// Returns the folder in which bottle was started.
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    /// Returns bottle's own program, where the system tells.
    pub fn executable(&self) -> Option<&Path> {
        self.executable.as_deref()
    }

    /// Returns the value of any variable as text: for what a manifest takes from the host.
    pub fn var(&self, name: &str) -> Result<Option<String>, EnvError> {
        self.vars
            .get(OsStr::new(name))
            .map(|value| value.clone().into_string())
            .transpose()
            .map_err(|_| EnvError::NotUnicode {
                name: name.to_owned(),
            })
    }

    /// Returns all variables that are text: for whoever must know what to leave out.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Returns the folders in which programs are looked for, in the form of `PATH`.
    pub fn path(&self) -> &OsStr {
        self.value("PATH").unwrap_or(OsStr::new(""))
    }

    /// Returns the user's home folder.
    pub fn home(&self) -> Result<PathBuf, EnvError> {
        self.folder("HOME")?
            .ok_or(EnvError::Missing { name: "HOME" })
    }

    /// Returns the folder of bottle's settings.
    pub fn config_dir(&self) -> Result<PathBuf, EnvError> {
        if let Some(folder) = self.folder("BOTTLE_CONFIG_DIR")? {
            return Ok(folder);
        }
        let base = match self.folder("XDG_CONFIG_HOME")? {
            Some(base) => base,
            None => self.home()?.join(".config"),
        };
        Ok(base.join("bottle"))
    }

    /// Returns the settings file, which need not exist.
    pub fn config_file(&self) -> Result<PathBuf, EnvError> {
        Ok(self.config_dir()?.join("config.toml"))
    }

    /// Returns the folder of the user's bottle files: the only one that is trusted.
    pub fn bottles_dir(&self) -> Result<PathBuf, EnvError> {
        Ok(self.config_dir()?.join("bottles"))
    }

    /// Returns the folder that holds the state of every bottle.
    pub fn state_dir(&self) -> Result<PathBuf, EnvError> {
        if let Some(folder) = self.folder("BOTTLE_STATE_DIR")? {
            return Ok(folder);
        }
        let base = match (self.folder("XDG_STATE_HOME")?, self.platform) {
            (Some(base), Platform::Linux | Platform::MacOs) => base,
            (None, Platform::Linux) => self.home()?.join(".local/state"),
            (None, Platform::MacOs) => self.home()?.join("Library/Application Support"),
        };
        Ok(base.join("bottle"))
    }

    /// Returns the backend that `BOTTLE_BACKEND` names.
    pub fn backend(&self) -> Result<Option<String>, EnvError> {
        match self.value("BOTTLE_BACKEND") {
            Some(_) => self.var("BOTTLE_BACKEND"),
            None => Ok(None),
        }
    }

    /// Returns the sidecar's binary that `BOTTLE_SIDECAR_BINARY` names.
    pub fn sidecar_binary(&self) -> Result<Option<PathBuf>, EnvError> {
        self.folder("BOTTLE_SIDECAR_BINARY")
    }

    /// Returns the machine that `BOTTLE_HOST` states: for tests, and to plan for another machine.
    pub fn stated_machine(&self) -> Result<Option<Facts>, EnvError> {
        self.parsed("BOTTLE_HOST")
    }

    /// Returns the block that `BOTTLE_SUBNETS` names, from which the networks of bottles are taken.
    pub fn subnets(&self) -> Result<Option<Ipv4Net>, EnvError> {
        let name = "BOTTLE_SUBNETS";
        let block: Option<Ipv4Net> = self.parsed(name)?;
        match block {
            Some(block) if !block.network().is_private() || !block.broadcast().is_private() => {
                Err(EnvError::Invalid {
                    name,
                    why: format!("`{block}` is no block of private addresses (RFC 1918)"),
                })
            }
            Some(block) if block.prefix_len() > 28 => Err(EnvError::Invalid {
                name,
                why: format!("`{block}` has no room for two networks: a /28 is the smallest"),
            }),
            block => Ok(block),
        }
    }

    /// Returns the resolver that `BOTTLE_MACOS_CONTAINER_DNS` names.
    pub fn container_dns(&self) -> Result<Option<IpAddr>, EnvError> {
        self.parsed("BOTTLE_MACOS_CONTAINER_DNS")
    }

    /// Tells what the user wants of colour: `Some` when a variable says so, `None` to let the terminal decide.
    pub fn colour(&self) -> Option<Colour> {
        if self.value("NO_COLOR").is_some() {
            Some(Colour::Never)
        } else if self
            .value("CLICOLOR_FORCE")
            .is_some_and(|value| value != "0")
        {
            Some(Colour::Always)
        } else if self.value("CLICOLOR").is_some_and(|value| value == "0") {
            Some(Colour::Never)
        } else {
            None
        }
    }

    /// Tells whether lines on the terminal can be drawn over: neither a dumb terminal nor a CI's log.
    pub fn can_redraw(&self) -> bool {
        self.value("CI").is_none() && self.value("TERM").is_some_and(|term| term != "dumb")
    }

    /// Returns a variable that is set to something.
    fn value(&self, name: &str) -> Option<&OsStr> {
        self.vars
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, EnvError> {
        if self.value(name).is_none() {
            return Ok(None);
        }
        let text = self.var(name)?.unwrap_or_default();
        text.trim().parse().map(Some).map_err(|error: T::Err| {
            let why = error.to_string();
            EnvError::Invalid { name, why }
        })
    }

    fn folder(&self, name: &'static str) -> Result<Option<PathBuf>, EnvError> {
        match self.value(name).map(PathBuf::from) {
            Some(value) if value.is_relative() => Err(EnvError::Relative { name, value }),
            absolute => Ok(absolute),
        }
    }
}

/// Whether text may be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Also where nobody sees it.
    Always,
    /// Never.
    Never,
}

impl Platform {
    /// The platform that this program was built for.
    pub const HOST: Self = if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

impl EnvError {
    /// Says what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::CurrentDir(_) => "change to a folder that exists".to_owned(),
            Self::Missing { name } => format!("set `{name}` to an absolute path"),
            Self::Relative { name, .. } => format!("set `{name}` to an absolute path, or unset it"),
            Self::NotUnicode { name } => format!("set `{name}` to text"),
            Self::Invalid { name, .. } => format!("correct `{name}`, or unset it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)], platform: Platform) -> Env {
        Env::from_vars(vars.iter().copied(), "/work", platform)
    }

    fn check(vars: &[(&str, &str)], platform: Platform, config: &str, state: &str) {
        let env = env(vars, platform);
        assert_eq!(env.config_dir().unwrap(), Path::new(config), "{vars:?}");
        assert_eq!(
            env.bottles_dir().unwrap(),
            Path::new(config).join("bottles")
        );
        assert_eq!(env.state_dir().unwrap(), Path::new(state), "{vars:?}");
    }

    #[test]
    fn folders_follow_the_platform_and_the_variables() {
        let home = ("HOME", "/h");
        let xdg = [home, ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s")];
        let own = [
            ("BOTTLE_CONFIG_DIR", "/bc"),
            ("BOTTLE_STATE_DIR", "/bs"),
            ("XDG_STATE_HOME", "/s"),
        ];
        check(
            &[home],
            Platform::Linux,
            "/h/.config/bottle",
            "/h/.local/state/bottle",
        );
        check(
            &[home],
            Platform::MacOs,
            "/h/.config/bottle",
            "/h/Library/Application Support/bottle",
        );
        check(
            &[home, ("XDG_STATE_HOME", "")],
            Platform::Linux,
            "/h/.config/bottle",
            "/h/.local/state/bottle",
        );
        for platform in [Platform::Linux, Platform::MacOs] {
            check(&xdg, platform, "/c/bottle", "/s/bottle");
            check(&own, platform, "/bc", "/bs");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = env(&[], Platform::Linux).state_dir().unwrap_err();
        assert_eq!(error.to_string(), "`HOME` is not set");
        for name in ["HOME", "XDG_STATE_HOME", "BOTTLE_STATE_DIR"] {
            let error = env(&[(name, "a/b")], Platform::Linux)
                .state_dir()
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{name}` is `a/b`, which is not an absolute path")
            );
            assert!(error.hint().contains(name));
        }
    }

    #[test]
    fn what_has_a_shape_is_read_or_refused_by_name() {
        let good = env(
            &[
                ("BOTTLE_HOST", "macos 26.1 arm64"),
                ("BOTTLE_MACOS_CONTAINER_DNS", "192.0.2.53"),
                ("BOTTLE_SUBNETS", "10.200.0.0/16"),
            ],
            Platform::Linux,
        );
        assert_eq!(
            good.stated_machine()
                .unwrap()
                .unwrap()
                .system
                .macos_release(),
            Some(26)
        );
        assert_eq!(
            good.container_dns().unwrap(),
            Some("192.0.2.53".parse().unwrap())
        );
        let block = good.subnets().unwrap().unwrap();
        assert_eq!(block.to_string(), "10.200.0.0/16");
        for wrong in ["10.200.0.0", "192.0.2.0/24", "10.0.0.0/7", "10.0.0.0/29"] {
            let error = env(&[("BOTTLE_SUBNETS", wrong)], Platform::Linux)
                .subnets()
                .unwrap_err();
            assert!(error.to_string().contains("`BOTTLE_SUBNETS`"), "{error}");
        }
        let bad = env(
            &[
                ("BOTTLE_HOST", "amiga"),
                ("BOTTLE_MACOS_CONTAINER_DNS", "dns.example.com"),
            ],
            Platform::Linux,
        );
        let error = bad.stated_machine().unwrap_err();
        assert!(error.to_string().contains("`BOTTLE_HOST`"), "{error}");
        let error = bad.container_dns().unwrap_err();
        assert!(error.hint().contains("BOTTLE_MACOS_CONTAINER_DNS"));
        let unset = env(&[], Platform::Linux);
        assert_eq!(unset.stated_machine().unwrap(), None);
        assert_eq!(unset.container_dns().unwrap(), None);
        assert_eq!(unset.subnets().unwrap(), None);
    }

    #[test]
    fn colour_is_decided_by_variables_before_terminals() {
        for (vars, expected) in [
            (&[][..], None),
            (
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                Some(Colour::Never),
            ),
            (&[("NO_COLOR", "")], None),
            (&[("CLICOLOR_FORCE", "1")], Some(Colour::Always)),
            (&[("CLICOLOR_FORCE", "0")], None),
            (&[("CLICOLOR", "0")], Some(Colour::Never)),
            (&[("CLICOLOR", "1")], None),
        ] {
            assert_eq!(env(vars, Platform::Linux).colour(), expected, "{vars:?}");
        }
    }

    #[test]
    fn lines_are_drawn_over_only_where_that_works() {
        for (vars, expected) in [
            (&[][..], false),
            (&[("TERM", "xterm")], true),
            (&[("TERM", "dumb")], false),
            (&[("TERM", "xterm"), ("CI", "true")], false),
        ] {
            assert_eq!(
                env(vars, Platform::Linux).can_redraw(),
                expected,
                "{vars:?}"
            );
        }
    }

    #[test]
    fn the_real_environment_is_captured() {
        let env = Env::capture().unwrap();
        assert!(env.current_dir().is_absolute());
        assert!(env.executable().is_some());
        assert_eq!(
            env.var("CARGO_PKG_NAME").unwrap().as_deref(),
            Some("bottle")
        );
        assert_eq!(env.var("NOBODY_SETS_THIS").unwrap(), None);
    }
}

//! What every verb starts from: the environment, the screen, and the places of the user's files.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bottle_contract::secret::Secret;
use ipnet::Ipv4Net;

use crate::backends::{Backend, Registry};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::launch::{Answers, Inventory, Named, Settings, survey};
use crate::machine::Machine;
use crate::manifest::Folders;
use crate::state::{self, StateDir};
use crate::ui::Ui;

/// The folder of bottles without an engine, beside those of the records.
const NATIVE: &str = "native";

/// What every verb starts from.
#[derive(Debug)]
pub(super) struct Context {
    ui: Arc<Ui>,
    env: Env,
    registry: Registry,
}

impl Context {
    /// Gathers it; nothing is run or read yet.
    pub(super) fn new(ui: Arc<Ui>, env: Env) -> Result<Self> {
        let stated = env.stated_machine()?;
        let machine = Arc::new(stated.map_or_else(Machine::new, Machine::stated));
        // Verbs that need the folder itself say why there is none.
        let native = env.state_dir().ok().map(|state| state.join(NATIVE));
        let registry = Registry::new(env.path(), &machine, native);
        Ok(Self { ui, env, registry })
    }

    /// Returns the screen.
    pub(super) fn ui(&self) -> &Ui {
        &self.ui
    }

    /// Returns the environment.
    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    /// Returns the backends.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the resolver that is named in the place of this machine's own.
    pub(super) fn resolver(&self) -> Result<Option<IpAddr>> {
        Ok(self.env.container_dns()?)
    }

    /// Returns the block from which the networks of bottles are taken, where one is named.
    pub(super) fn subnets(&self) -> Result<Option<Ipv4Net>> {
        Ok(self.env.subnets()?)
    }

    /// Returns the folder of the bottles' state.
    pub(super) fn state(&self) -> Result<StateDir> {
        Ok(StateDir::new(self.env.state_dir()?))
    }

    /// Returns where bottle files are looked for.
    pub(super) fn folders(&self) -> Result<Folders> {
        Ok(Folders {
            bottles: self.env.bottles_dir()?,
        })
    }

    /// Returns where trust is recorded.
    pub(super) fn trust_file(&self) -> Result<PathBuf> {
        Ok(self.env.config_dir()?.join("trusted.json"))
    }

    /// Makes a path absolute, seen from where bottle was started.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.env.current_dir().join(path)
    }

    /// Says who names the backend: the flag, the variable, the settings, or nobody.
    pub(super) fn named_backend(&self, flag: Option<String>) -> Result<Named> {
        let settings = Settings::load(&self.env.config_file()?).map_err(Error::user)?;
        Ok(Named::strongest(
            flag,
            self.env.backend()?,
            settings.default_backend,
        ))
    }

    /// Looks at every bottle, and says what could not be looked at.
    pub(super) fn survey(&self) -> Result<Inventory> {
        let inventory = survey(&self.registry, &self.state()?, &state::owner())?;
        for warning in &inventory.warnings {
            self.ui.warn(warning);
        }
        Ok(inventory)
    }

    /// Returns the backend of this name.
    pub(super) fn backend(&self, name: &str) -> Result<&dyn Backend> {
        self.registry.named(name).map_err(Error::user)
    }
}

/// Values come from the environment that bottle was started in, and from the terminal.
impl Answers for Context {
    fn host(&self, variable: &str) -> Result<Option<String>> {
        Ok(self.env.var(variable)?)
    }

    fn ask(&self, prompt: &str) -> Result<Secret> {
        self.ui.ask_secret(prompt).map_err(|error| {
            Error::user(error)
                .context(format!("the manifest asks for \"{prompt}\""))
                .hint("run it on a terminal, or take the value from a variable: `{ host = \"NAME\" }`")
        })
    }
}

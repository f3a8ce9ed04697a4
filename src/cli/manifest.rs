//! The words that `run`, `plan` and `check` share: which manifest, and what the command line changes in it.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use bottle_contract::id::Name;
use clap::Args;

use super::context::Context;
use crate::backends::{Backend, Ground};
use crate::error::{Error, Result};
use crate::manifest::{
    Decision, Loaded, Overrides, Resolved, Standing, Terminal, TrustFlag, TrustStore, decide,
    grants, lint, load_agent,
};
use crate::state::Begun;

/// Which manifest, and what the command line changes in it.
#[derive(Clone, Debug, Args)]
pub(super) struct ManifestArgs {
    /// The agent file
    #[arg(default_value = "agent.toml", value_name = "AGENT.TOML")]
    pub(super) file: PathBuf,

    /// Name the bottle; the manifest's name otherwise
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<Name>,

    /// Run this image instead of the manifest's
    #[arg(long, value_name = "REFERENCE")]
    pub(super) image: Option<String>,

    /// Where the backend has no images, run on what is installed here, though the manifest names one
    #[arg(long, conflicts_with = "image")]
    pub(super) ignore_image: bool,

    /// Set a variable for the agent; without a value, hand on the one that you have
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub(super) env: Vec<String>,

    /// The command to run instead of the manifest's
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

impl ManifestArgs {
    /// Says once more what an earlier command line said.
    pub(super) fn again(file: PathBuf, begun: Begun) -> Result<Self> {
        let name = begun.name.map(|name| name.parse()).transpose();
        Ok(Self {
            file,
            name: name.map_err(Error::internal)?,
            image: begun.image,
            ignore_image: begun.ignore_image,
            env: begun.env,
            command: begun.given,
        })
    }

    /// Reads the manifest.
    pub(super) fn read(&self, context: &Context) -> Result<Loaded> {
        Ok(load_agent(
            &context.absolute(&self.file),
            &context.folders()?,
        )?)
    }

    /// Reads the manifest and says what looks like a mistake in it.
    pub(super) fn load(&self, context: &Context) -> Result<Loaded> {
        let loaded = self.read(context)?;
        for warning in lint(&loaded) {
            context.ui().warn(warning);
        }
        Ok(loaded)
    }

    /// Takes the image away where the backend has none and the command line says that it may go.
    pub(super) fn on(&self, backend: &dyn Backend, resolved: Resolved) -> Resolved {
        if self.ignore_image && backend.ground() == Ground::Host {
            return Resolved {
                image: None,
                ..resolved
            };
        }
        resolved
    }

    /// Folds the manifest and what the command line changes in it.
    pub(super) fn resolve(&self, loaded: &Loaded) -> Result<Resolved> {
        let overrides = Overrides {
            image: self.image.clone(),
            env: self.env.iter().map(|word| split(word)).collect(),
            command: (!self.command.is_empty()).then(|| self.command.clone()),
            name: self.name.clone(),
        };
        Ok(loaded.resolve(&overrides)?)
    }
}

fn split(word: &str) -> (String, Option<String>) {
    match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word.to_owned(), None),
    }
}

/// Lets a manifest through whose grants the user has trusted; asks on a terminal, refuses without one.
pub(super) fn require_trust(
    context: &Context,
    file: &Path,
    loaded: &Loaded,
    flag: TrustFlag,
) -> Result<()> {
    let grants = grants(loaded);
    let mut store = TrustStore::open(&context.trust_file()?).map_err(Error::user)?;
    let standing = store.standing(&loaded.path, &loaded.trust_digest);
    let terminal = if context.ui().can_ask() {
        Terminal::Present
    } else {
        Terminal::Absent
    };
    let list: Vec<String> = grants.iter().map(|grant| format!("  - {grant}")).collect();
    let list = list.join("\n");
    let changed = match standing {
        Standing::Changed => " It has changed since you trusted it.",
        Standing::Trusted | Standing::Unknown => "",
    };
    let named = format!("`{}`", file.display());
    match decide(&grants, standing, flag, terminal) {
        Decision::Run => Ok(()),
        Decision::Ask => {
            let ui = context.ui();
            ui.note(format!(
                "{named} grants itself more than a bottle has by default.{changed}\n{list}"
            ));
            if !ui
                .confirm("Trust this content from now on?")
                .map_err(Error::user)?
            {
                return Err(Error::user(anyhow!("{named} is not trusted")).hint("nothing was made"));
            }
            store
                .record(&loaded.path, &loaded.trust_digest)
                .map_err(Error::user)
        }
        Decision::Refuse => {
            let what = format!(
                "{named} is not trusted, and it grants itself more than a bottle has by default:"
            );
            let hint = format!(
                "read it, then run `bottle trust {}`, or give `--trust` for this one run",
                file.display()
            );
            Err(Error::user(anyhow!("{what}{changed}\n{list}")).hint(hint))
        }
    }
}

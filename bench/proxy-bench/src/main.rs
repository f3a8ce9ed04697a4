//! The sidecar beside other proxies, in one run: `bench/proxy` builds and calls this.
//!
//! usage: `proxy-bench --sidecar PATH [--mitmdump PATH] [--squid PATH --certgen PATH] [--runs N] [--seconds N] [--what all|memory]`
//!
//! Origin, load and proxies are processes of their own. Each proxy is started anew for each run,
//! and the runs go round, so that a busy minute of the machine meets all of them.

#![expect(
    clippy::disallowed_methods,
    reason = "a bench starts proxies and writes their files, and has none of the programs' modules for that"
)]

mod bare;
mod line;
mod load;
mod origin;
mod place;
mod report;
mod steady;
mod subject;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::report::Report;
use crate::subject::Kind;

/// What the command line says.
#[derive(Debug)]
struct Options {
    kinds: Vec<Kind>,
    runs: usize,
    span: Duration,
    what: What,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Everything, into a table.
    All,
    /// Only that bodies are not held; it fails where they are.
    Memory,
}

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1).peekable();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if words.next_if(|word| word == "origin").is_some() {
        return runtime.block_on(origin::serve());
    }
    if words.next_if(|word| word == "relay").is_some() {
        let mut next = || words.next().context("`relay` needs an origin and a file");
        let (origin, ca_file) = (next()?, next()?);
        return runtime.block_on(bare::serve(&origin, &ca_file));
    }
    let options = options(words)?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let places = place::Places::find();
    places.settle();
    let folder = tempfile::Builder::new().prefix("proxy-bench-").tempdir()?;
    let origin = origin::Origin::start(folder.path(), &places).await?;
    if options.what == What::Memory {
        for kind in options
            .kinds
            .iter()
            .filter(|kind| matches!(kind, Kind::Sidecar(_)))
        {
            steady::check(kind, &origin, &places, folder.path()).await?;
        }
        return Ok(());
    }
    println!(
        "{places}; {} runs, {} s each\n",
        options.runs,
        options.span.as_secs()
    );
    let mut report = Report::default();
    for run in 1..=options.runs {
        for kind in &options.kinds {
            let name = kind.name();
            eprintln!("run {run} of {}: {name}", options.runs);
            let figures = load::measure(kind, &origin, &places, folder.path(), options.span)
                .await
                .with_context(|| format!("measure {name}"))?;
            report.add(name, figures);
        }
    }
    print!("{report}");
    Ok(())
}

fn options(words: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let mut options = Options {
        kinds: vec![Kind::Direct, Kind::Bare],
        runs: 3,
        span: Duration::from_secs(2),
        what: What::All,
    };
    let (mut squid, mut certgen) = (None, None);
    let mut words = words;
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("`{word}` needs a value"))?;
        match word.as_str() {
            "--sidecar" => options.kinds.push(Kind::Sidecar(value.into())),
            "--mitmdump" => options.kinds.push(Kind::Mitmdump(value.into())),
            "--squid" => squid = Some(PathBuf::from(value)),
            "--certgen" => certgen = Some(PathBuf::from(value)),
            "--runs" => options.runs = value.parse()?,
            "--seconds" => options.span = Duration::from_secs(value.parse()?),
            "--what" => {
                options.what = match value.as_str() {
                    "all" => What::All,
                    "memory" => What::Memory,
                    _ => bail!("`--what` is `all` or `memory`, not `{value}`"),
                }
            }
            _ => bail!("unknown option `{word}`"),
        }
    }
    if let (Some(squid), Some(certgen)) = (squid, certgen) {
        options.kinds.push(Kind::Squid { squid, certgen });
    }
    Ok(options)
}

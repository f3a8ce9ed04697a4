//! A bottle's file system as an image: what the engine exports, without what was ours in it.
//!
//! An engine's own commit would keep our files in a layer below. So the archive is read here, what lies
//! in our folder is left out, and the rest becomes an image of one layer: what was left out is nowhere.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use bottle_contract::id::{BottleId, Role};
use tar::{Archive, EntryType};

use super::capabilities::{Builder, Capabilities};
use super::engine::Located;
use super::record::{BuilderState, ContainerRecord};
use super::request::{BuildNetwork, BuildSpec, Request};
use crate::backends::backend::Progress;
use crate::backends::request::Snapshot;

/// Our folder in a bottle.
const OURS: &str = ".bottle";
/// The one file of ours that stays: the CA's certificate, which is no secret. By it the next start finds
/// what to take out of the image's trust store.
const KEPT: &str = ".bottle/run/ca.pem";
/// Variables that an engine sets by itself in every container.
const ENGINES: [&str; 4] = ["HOME", "HOSTNAME", "TERM", "container"];
/// What an archive's entries are padded to.
const BLOCK: u64 = 512;

/// Makes an image of the agent's container.
pub(super) fn take(
    engine: &Located,
    can: &Capabilities,
    id: &BottleId,
    snapshot: &Snapshot,
    progress: &dyn Progress,
) -> Result<()> {
    let name = id.resource(Role::Agent);
    let record = engine
        .container(&name)?
        .ok_or_else(|| anyhow!("the container `{name}` is gone"))?;
    let folder = tempfile::Builder::new()
        .prefix("bottle-snapshot-")
        .tempdir()
        .context("could not make a folder for a snapshot")?;
    let go_on = || progress.check().is_ok();
    progress.phase("export");
    let exported = folder.path().join("exported.tar");
    let export = Request::Export {
        container: name,
        to: exported.clone(),
    };
    engine.make_slowly("export the agent's files", &export, &go_on)?;
    let context = folder.path().join("context");
    fs::create_dir(&context).context("could not make a build folder")?;
    filter_file(&exported, &context.join("root.tar"))
        .context("could not take bottle's own files out of the archive")?;
    fs::remove_file(&exported).context("could not remove the archive")?;
    progress.phase("image");
    let file = context.join("Dockerfile");
    write(&file, dockerfile(&record)?.as_bytes())?;
    if can.builder == Builder::Shared && engine.builder()? == BuilderState::Stopped {
        let start = Request::StartBuilder { resolver: None };
        engine.make_slowly("start the builder", &start, &go_on)?;
    }
    let build = Request::BuildImage(BuildSpec {
        tag: snapshot.image.clone(),
        file,
        context,
        args: std::collections::BTreeMap::new(),
        labels: snapshot.labels.clone(),
        network: BuildNetwork::None,
    });
    Ok(engine.make_slowly("make the snapshot's image", &build, &go_on)?)
}

/// One layer, with the variables and the user of the image that the bottle was made from.
fn dockerfile(record: &ContainerRecord) -> Result<String> {
    let mut lines = vec!["FROM scratch".to_owned(), "ADD root.tar /".to_owned()];
    for variable in &record.env {
        if let Some((name, value)) = variable.split_once('=')
            && !ENGINES.contains(&name)
            && !value.contains('\n')
        {
            // As JSON, so that quotes and dollars are text; a dollar would name a variable.
            let value = serde_json::to_string(value)?.replace('$', "\\$");
            lines.push(format!("ENV {name}={value}"));
        }
    }
    if let Some(user) = record.user.as_ref().filter(|user| !user.is_empty()) {
        lines.push(format!("USER {user}"));
    }
    Ok(lines.join("\n") + "\n")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a private build folder that nobody reads before it is complete"
)]
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write `{}`", path.display()))
}

fn filter_file(from: &Path, to: &Path) -> io::Result<()> {
    let from = BufReader::new(File::open(from)?);
    let mut to = BufWriter::new(File::create_new(to)?);
    filter(from, &mut to)?;
    to.flush()
}

/// Copies an archive entry by entry as it is, but for what is ours. Extensions, such as long names and
/// attributes, stand before the entry that they belong to, and share its fate.
fn filter(from: impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut archive = Archive::new(from);
    let mut before: Vec<u8> = Vec::new();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let header = entry.header().clone();
        let extends = matches!(
            header.entry_type(),
            EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader
        );
        if extends {
            copy(header.as_bytes(), &mut entry, &mut before)?;
        } else if is_ours(&header.path_bytes(), header.entry_type()) {
            before.clear();
        } else {
            to.write_all(&before)?;
            before.clear();
            copy(header.as_bytes(), &mut entry, to)?;
        }
    }
    // An archive ends with two empty blocks.
    to.write_all(&[0; 1024])
}

fn copy(header: &[u8], entry: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    to.write_all(header)?;
    let length = io::copy(entry, to)?;
    let padding = length.next_multiple_of(BLOCK).saturating_sub(length);
    io::copy(&mut io::repeat(0).take(padding), to).map(drop)
}

/// Tells whether an entry is to be left out. Names in our folder are short, so the header has them whole.
///
/// A root agent may have put anything in the place of the one file that stays.
fn is_ours(name: &[u8], kind: EntryType) -> bool {
    let name = String::from_utf8_lossy(name);
    let name = name.trim_start_matches("./").trim_matches('/');
    let inside = name
        .strip_prefix(OURS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    inside && !(name == KEPT && kind.is_file())
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;

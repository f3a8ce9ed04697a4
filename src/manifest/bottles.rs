//! The bottle files: where they lie, and how those that an agent names are read and folded.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bottle_contract::id::Name;

use super::decode::{decode, nearest};
use super::error::ManifestError;
use super::layer::Layer;
use super::place::{Place, Placed, Source};
use super::schema::{BottleFile, Kind};
use super::tables::Tables;
use super::text_file::{self, Unreadable};
use super::value::{At, Names};

/// The bottles that come with the program. A file of the user's with the same name goes first.
const BUILT_IN: [(&str, &str); 3] = [
    ("claude", include_str!("../../bottles/built-in/claude.toml")),
    ("codex", include_str!("../../bottles/built-in/codex.toml")),
    (
        "offline",
        include_str!("../../bottles/built-in/offline.toml"),
    ),
];

/// The most bottle files of one agent; a bound on the work, not a wish.
const MAX_BOTTLES: usize = 64;

/// The folders that bottle files are read from. A repository's own folders are never among them.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The user's own folder of bottle files; it need not exist.
    pub bottles: PathBuf,
}

/// A bottle that an agent can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BottleEntry {
    /// Its name.
    pub name: Name,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a bottle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this file in the user's folder.
    User(PathBuf),
    /// From the set that comes with the program.
    BuiltIn,
}

impl Folders {
    /// Lists the bottles that can be named, in the order of their names.
    ///
    /// A folder that cannot be read counts as empty: this is for menus and
    /// hints. A bottle that an agent names is read, or it is an error.
    pub fn list(&self) -> Vec<BottleEntry> {
        let built_in = BUILT_IN
            .iter()
            .filter_map(|(name, _)| Some((name.parse().ok()?, Origin::BuiltIn)));
        let files = fs::read_dir(&self.bottles).into_iter().flatten().flatten();
        let user = files.filter_map(|entry| {
            let path = entry.path();
            let stem = path.file_stem()?.to_str()?;
            let name: Name = stem.parse().ok()?;
            (path.extension()? == "toml").then_some((name, Origin::User(path)))
        });
        // The later entry of a name replaces the earlier one.
        let entries: BTreeMap<Name, Origin> = built_in.chain(user).collect();
        entries
            .into_iter()
            .map(|(name, origin)| BottleEntry { name, origin })
            .collect()
    }

    /// Reads the bottle of this name; `None` when there is none.
    fn open(&self, name: &Name) -> Result<Option<Source>, ManifestError> {
        let path = self.bottles.join(format!("{name}.toml"));
        let (shown, text) = match text_file::read(&path) {
            Ok(text) => (path, text),
            Err(Unreadable::Missing) => {
                let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name.as_str())
                else {
                    return Ok(None);
                };
                let shown = PathBuf::from(format!("<built-in>/{name}.toml"));
                (shown, (*text).to_owned())
            }
            Err(error) => return Err(error.about(&path)),
        };
        Ok(Some(Source {
            shown,
            folder: self.bottles.clone(),
            text,
        }))
    }
}

/// A variable that two bottles side by side set differently.
#[derive(Clone, Debug)]
pub(super) struct Clash {
    pub(super) name: String,
    pub(super) earlier: Place,
    pub(super) later: Place,
}

/// The bottles of one agent.
#[derive(Debug)]
pub(super) struct Bottles<'a> {
    folders: &'a Folders,
    /// The names from the agent's down to the one that is being read.
    chain: Vec<Name>,
    /// Each bottle with all that it extends folded in.
    folded: BTreeMap<Name, Box<Layer>>,
    /// The files that were read, each behind all that it extends.
    pub(super) sources: Vec<Source>,
    pub(super) clashes: Vec<Clash>,
}

impl<'a> Bottles<'a> {
    pub(super) fn new(folders: &'a Folders) -> Self {
        Self {
            folders,
            chain: Vec::new(),
            folded: BTreeMap::new(),
            sources: Vec::new(),
            clashes: Vec::new(),
        }
    }

    /// Reads the bottles that an agent names and folds them, left to right, under the agent's own layer.
    pub(super) fn under(
        &mut self,
        names: &[Placed<Name>],
        own: &Layer,
    ) -> Result<Layer, ManifestError> {
        let bottles = self.read_all(names)?;
        self.note_clashes(&bottles, own);
        Ok(*fold_over(bottles, own.clone()))
    }

    fn read_all(
        &mut self,
        names: &[Placed<Name>],
    ) -> Result<Vec<(Name, Box<Layer>)>, ManifestError> {
        names
            .iter()
            .map(|name| Ok((name.value.clone(), self.read(name)?)))
            .collect()
    }

    fn read(&mut self, name: &Placed<Name>) -> Result<Box<Layer>, ManifestError> {
        if self.chain.contains(&name.value) {
            return Err(self.cycle(name));
        }
        if let Some(folded) = self.folded.get(&name.value) {
            return Ok(folded.clone());
        }
        if self.folded.len() + self.chain.len() >= MAX_BOTTLES {
            let message = format!("the agent takes more than {MAX_BOTTLES} bottle files");
            return Err(ManifestError::at_place(&name.place, message).remedy("merge some of them"));
        }
        let Some(source) = self.folders.open(&name.value)? else {
            return Err(self.missing(name));
        };
        let (own, parents) = layer_of(&source)?;
        self.chain.push(name.value.clone());
        let parents = self.read_all(&parents)?;
        self.chain.pop();
        refuse_conflict(&name.value, &parents, &own)?;
        self.note_clashes(&parents, &own);
        let folded = fold_over(parents, *own);
        self.sources.push(source);
        self.folded.insert(name.value.clone(), folded.clone());
        Ok(folded)
    }

    /// Notes each variable that two layers side by side set differently and the layer above does not set.
    fn note_clashes(&mut self, layers: &[(Name, Box<Layer>)], own: &Layer) {
        for (index, (_, later)) in layers.iter().enumerate() {
            for (name, value) in &later.env {
                let mut earlier = layers.iter().take(index).rev();
                let earlier = earlier.find_map(|(_, layer)| layer.env.get(name));
                if let Some(earlier) = earlier
                    && earlier.value != value.value
                    && !own.env.contains_key(name)
                {
                    self.clashes.push(Clash {
                        name: name.to_string(),
                        earlier: earlier.place.clone(),
                        later: value.place.clone(),
                    });
                }
            }
        }
    }

    fn cycle(&self, name: &Placed<Name>) -> ManifestError {
        let from = self.chain.iter().position(|known| *known == name.value);
        let mut chain: Vec<&str> = self
            .chain
            .iter()
            .skip(from.unwrap_or_default())
            .map(Name::as_str)
            .collect();
        chain.push(name.value.as_str());
        let message = format!(
            "the bottle `{}` extends itself ({})",
            name.value,
            chain.join(" -> ")
        );
        ManifestError::at_place(&name.place, message).remedy("remove one of these `extends`")
    }

    fn missing(&self, name: &Placed<Name>) -> ManifestError {
        let known = self.folders.list();
        let known: Vec<&str> = known.iter().map(|entry| entry.name.as_str()).collect();
        let mut message = format!("there is no bottle `{}`", name.value);
        if !self.chain.is_empty() {
            let chain: Vec<&str> = self
                .chain
                .iter()
                .chain([&name.value])
                .map(Name::as_str)
                .collect();
            message = format!("{message} ({})", chain.join(" -> "));
        }
        let near = nearest(name.value.as_str(), known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        ManifestError::at_place(&name.place, message).remedy(format!(
            "{near}bottles are searched in `{}` and among those that come with bottle; there are: {}",
            self.folders.bottles.display(),
            known.join(", ")
        ))
    }
}

/// What one bottle file says by itself, and what it extends. In a box, and apart from the reading of
/// what is extended: a chain of bottles is as deep as there are files.
#[inline(never)]
fn layer_of(source: &Source) -> Result<(Box<Layer>, Vec<Placed<Name>>), ManifestError> {
    let file: BottleFile = decode(source, Kind::Bottle)?;
    let parents = placed_names(source, file.extends);
    let tables = Tables {
        workdir: file.workdir,
        image: file.image,
        workspace: file.workspace,
        env: file.env,
        resources: file.resources,
        egress: file.egress,
        dlp: file.dlp,
        seal: file.seal,
        native: file.native,
    };
    Ok((Box::new(tables.into_layer(source)?), parents))
}

/// Folds layers, left to right, under one more.
#[inline(never)]
fn fold_over(layers: Vec<(Name, Box<Layer>)>, own: Layer) -> Box<Layer> {
    let layers = layers.into_iter().map(|(_, layer)| *layer);
    Box::new(layers.fold(Layer::default(), Layer::fold).fold(own))
}

/// Gives names their places: each its own in a list, else that of the one.
pub(super) fn placed_names(source: &Source, names: Option<At<Names>>) -> Vec<Placed<Name>> {
    names.map_or_else(Vec::new, |At { value, span }| {
        let names = value.0.into_iter();
        names
            .map(|(name, own)| source.placed(name, own.as_ref().unwrap_or(&span)))
            .collect()
    })
}

/// Refuses parents that disagree about a scalar that the child leaves open: neither is meant to win.
fn refuse_conflict(
    child: &Name,
    parents: &[(Name, Box<Layer>)],
    own: &Layer,
) -> Result<(), ManifestError> {
    let decided = own.scalars();
    let decided = |key: &str| {
        decided
            .iter()
            .any(|(known, value)| *known == key && value.is_some())
    };
    for (index, (later_name, later)) in parents.iter().enumerate() {
        for (earlier_name, earlier) in parents.iter().take(index) {
            for ((key, one), (_, other)) in earlier.scalars().into_iter().zip(later.scalars()) {
                if let (Some((one, one_place)), Some((other, other_place))) = (one, other)
                    && one != other
                    && !decided(key)
                {
                    let message = format!(
                        "`{earlier_name}` and `{later_name}`, which `{child}` extends, \
                         disagree about `{key}` (the other value stands at {one_place})"
                    );
                    return Err(ManifestError::at_place(other_place, message)
                        .remedy(format!("set `{key}` in `{child}`")));
                }
            }
        }
    }
    Ok(())
}

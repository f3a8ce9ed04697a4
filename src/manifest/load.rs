//! Reads an agent file and everything that it names.

use std::fs;
use std::path::{Path, PathBuf};

use bottle_contract::dlp::RuleText;
use bottle_contract::host::HostPattern;
use bottle_contract::id::Name;

use super::bottles::{Bottles, Clash, Folders, placed_names};
use super::decode::{decode, nearest};
use super::digest::Digest;
use super::error::ManifestError;
use super::layer::{ImageSource, Layer};
use super::place::{Placed, Source};
use super::rules;
use super::schema::{AgentFile, Kind, ModeChoice};
use super::tables::Tables;
use super::text_file;
use super::value::{At, EnvSource, FilePath, Prompt, Read};

/// The most of all files of rules together, in bytes: ten times the set that gitleaks comes with.
const MAX_RULE_BYTES: usize = 1 << 20;

/// An agent with its bottles, read and folded; nothing is decided about trust.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The agent file, with every link on the way to it resolved: what trust is recorded for.
    pub path: PathBuf,
    /// The digest of what the user trusts: the agent file, and the prompt, Dockerfile and
    /// certificates that it names.
    pub trust_digest: String,
    /// The agent's name, or why it has none: the command line may give one.
    pub(super) name: Result<Name, ManifestError>,
    pub(super) command: Option<Vec<String>>,
    pub(super) prompt: Option<String>,
    /// What the agent file itself says.
    pub(super) own: Layer,
    /// The bottles, left to right, with the agent's own layer on top.
    pub(super) folded: Layer,
    pub(super) clashes: Vec<Clash>,
    /// The certificates of `extra-ca`, in its order.
    pub(super) certificates: Vec<String>,
    /// The rules of `dlp.rules`, in its order.
    pub(super) rules: Vec<RuleText>,
    /// Files that the agent file takes from outside its own folder.
    pub(super) outside: Vec<Outside>,
    pub(super) sources: Vec<PathBuf>,
    pub(super) digest: String,
}

/// A path of the agent file that leads out of its own folder.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub(super) what: Foreign,
    pub(super) path: Placed<PathBuf>,
}

/// What an agent file takes from outside its own folder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Foreign {
    /// The workspace.
    Workspace,
    /// The file of the prompt.
    Prompt,
}

impl Loaded {
    /// Returns the folder of the agent file: what `.` means there.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

/// Reads an agent file, the bottles that it names, and the files that those need.
pub fn load_agent(path: &Path, folders: &Folders) -> Result<Loaded, ManifestError> {
    let source = open_agent(path)?;
    let file: AgentFile = decode(&source, Kind::Agent)?;
    let name = agent_name(&source, file.name);
    let bottles = placed_names(&source, file.bottle);
    let (prompt, prompt_file) = prompt(&source, file.prompt, file.prompt_file)?;
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
    let own = tables.into_layer(&source)?;
    let mut reader = Bottles::new(folders);
    let folded = reader.under(&bottles, &own)?;
    check_folders(&folded)?;
    check_placeholders(&folded)?;
    let outside = outside(&source.folder, &own, prompt_file.as_ref());

    let mut trusted = Reading::default();
    trusted.add(&source.shown, &source.text);
    if let (Some(file), Some(text)) = (&prompt_file, &prompt) {
        trusted.add(&file.value, text);
    }
    let mut all = trusted.clone();
    trusted.add_dockerfile(&own)?;
    trusted.add_certificates(&own)?;
    trusted.add_rules(&own)?;
    for bottle in &reader.sources {
        all.add(&bottle.shown, &bottle.text);
    }
    all.add_dockerfile(&folded)?;
    let certificates = all.add_certificates(&folded)?;
    let rules = all.add_rules(&folded)?;
    Ok(Loaded {
        path: source
            .folder
            .join(source.shown.file_name().unwrap_or_default()),
        trust_digest: trusted.digest(),
        name,
        command: file.command.map(|command| command.0),
        prompt,
        own,
        folded,
        clashes: reader.clashes,
        certificates,
        rules,
        outside,
        digest: all.digest(),
        sources: all.paths,
    })
}

/// The files that took part, with their texts.
#[derive(Clone, Debug, Default)]
struct Reading {
    paths: Vec<PathBuf>,
    texts: Vec<String>,
}

impl Reading {
    fn add(&mut self, path: &Path, text: &str) {
        self.paths.push(path.to_path_buf());
        self.texts.push(text.to_owned());
    }

    fn add_dockerfile(&mut self, layer: &Layer) -> Result<(), ManifestError> {
        if let Some(image) = &layer.image
            && let ImageSource::Dockerfile { file, .. } = &image.value
        {
            let text = read_named(image, file)?;
            self.add(file, &text);
        }
        Ok(())
    }

    fn add_certificates(&mut self, layer: &Layer) -> Result<Vec<String>, ManifestError> {
        let mut certificates = Vec::new();
        for file in &layer.extra_ca {
            let text = read_named(file, &file.value)?;
            if !text.contains("-----BEGIN CERTIFICATE-----") {
                let message = format!("`{}` has no certificate in PEM form", file.value.display());
                return Err(ManifestError::at_place(&file.place, message)
                    .remedy("convert it, or name the right file"));
            }
            self.add(&file.value, &text);
            certificates.push(text);
        }
        Ok(certificates)
    }

    /// They travel in the sidecar's one message, which has a bound of its own.
    fn add_rules(&mut self, layer: &Layer) -> Result<Vec<RuleText>, ManifestError> {
        let mut texts = Vec::new();
        let mut bytes = 0;
        for file in &layer.rules {
            let text = read_named(file, &file.value)?;
            bytes += text.len();
            if bytes > MAX_RULE_BYTES {
                let message = format!(
                    "with `{}` the files of rules have more than 1 MiB together",
                    file.value.display()
                );
                return Err(ManifestError::at_place(&file.place, message)
                    .remedy("leave out rules that you do not need"));
            }
            self.add(&file.value, &text);
            let source = Source {
                shown: file.value.clone(),
                folder: PathBuf::new(),
                text,
            };
            rules::check(&source)?;
            let name = file.value.display().to_string();
            let text = source.text;
            texts.push(RuleText { name, text });
        }
        Ok(texts)
    }

    fn digest(&self) -> String {
        let mut digest = Digest::default();
        self.texts.iter().for_each(|text| digest.add(text));
        digest.finish()
    }
}

fn open_agent(path: &Path) -> Result<Source, ManifestError> {
    let text = text_file::read(path).map_err(|error| {
        let about = error.about(path);
        match error {
            text_file::Unreadable::Missing => {
                about.remedy("name another file, or let `bottle init` write one")
            }
            text_file::Unreadable::Because(_) => about,
        }
    })?;
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let folder = fs::canonicalize(parent.unwrap_or(Path::new("."))).map_err(|error| {
        ManifestError::about(
            path,
            &format!("lies in a folder that is not there: {error}"),
        )
    })?;
    Ok(Source {
        shown: path.to_path_buf(),
        folder,
        text,
    })
}

fn agent_name(source: &Source, name: Option<At<Read<Name>>>) -> Result<Name, ManifestError> {
    if let Some(At { value, .. }) = name {
        return Ok(value.0);
    }
    let stem = source.shown.file_stem().unwrap_or_default();
    stem.to_string_lossy().parse().map_err(|error| {
        ManifestError::about(
            &source.shown,
            &format!("names no agent, and its own name will not do: {error}"),
        )
        .remedy("add `name = \"…\"`")
    })
}

/// Takes the prompt, and the file that it stands in when it is one of its own.
fn prompt(
    source: &Source,
    prompt: Option<At<Read<Prompt>>>,
    file: Option<At<Read<FilePath>>>,
) -> Result<(Option<String>, Option<Placed<PathBuf>>), ManifestError> {
    match (prompt, file) {
        (Some(_), Some(file)) => {
            let message = "there is both a `prompt` and a `prompt-file`";
            Err(ManifestError::at(source, &file.span, message).remedy("keep the one that you mean"))
        }
        (Some(prompt), None) => Ok((Some(prompt.value.0.0), None)),
        (None, Some(At { value, span })) => {
            let file = source.placed(source.resolve(&value.0.0), &span);
            let text = read_named(&file, &file.value)?;
            let prompt: Prompt = text.parse().map_err(|error| {
                let message = format!("`{}`: {error}", file.value.display());
                ManifestError::at(source, &span, message)
            })?;
            Ok((Some(prompt.0), Some(file)))
        }
        (None, None) => Ok((None, None)),
    }
}

/// Reads a file that a manifest names, and blames the place where it is named.
fn read_named<T>(named: &Placed<T>, path: &Path) -> Result<String, ManifestError> {
    text_file::read(path).map_err(|error| {
        let message = format!("`{}` {}", path.display(), error.reason());
        ManifestError::at_place(&named.place, message).remedy("correct the path or the file")
    })
}

/// Checks that the folders are there before anything is built on them.
fn check_folders(layer: &Layer) -> Result<(), ManifestError> {
    let mode = layer.workspace_mode.as_ref().map(|mode| mode.value);
    if let Some(source) = &layer.workspace_source
        && mode != Some(ModeChoice::None)
    {
        check_folder(source, &source.value)?;
    }
    if let Some(image) = &layer.image
        && let ImageSource::Dockerfile { context, .. } = &image.value
    {
        check_folder(image, context)?;
    }
    Ok(())
}

/// Checks that each placeholder has a route where its real value goes: without one it is of no use.
fn check_placeholders(layer: &Layer) -> Result<(), ManifestError> {
    for (name, source) in &layer.env {
        let EnvSource::Placeholder { hosts, .. } = &source.value else {
            continue;
        };
        let known = |host: &HostPattern| {
            let mut routes = layer.routes.iter();
            routes.any(|route| route.value.route.host == *host)
        };
        if let Some(missing) = hosts.iter().find(|host| !known(host)) {
            let message = format!(
                "the placeholder `{name}` is for `{missing}`, which is the `host` of no route"
            );
            let hosts = layer.routes.iter().map(|route| &route.value.route.host);
            let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
            let near = nearest(&missing.to_string(), hosts.iter().map(String::as_str));
            let remedy = near.map_or_else(
                || "write the `host` of a route just as it stands there".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(ManifestError::at_place(&source.place, message).remedy(remedy));
        }
    }
    Ok(())
}

fn check_folder<T>(named: &Placed<T>, path: &Path) -> Result<(), ManifestError> {
    if path.is_dir() {
        return Ok(());
    }
    let message = format!("`{}` is not a folder", path.display());
    Err(ManifestError::at_place(&named.place, message).remedy("correct the path"))
}

/// Lists what the agent file takes from outside its folder, wherever links lead.
fn outside(folder: &Path, own: &Layer, prompt_file: Option<&Placed<PathBuf>>) -> Vec<Outside> {
    let workspace = own.workspace_source.as_ref();
    [
        (Foreign::Workspace, workspace),
        (Foreign::Prompt, prompt_file),
    ]
    .into_iter()
    .filter_map(|(what, path)| Some((what, path?)))
    // What cannot be followed counts as outside.
    .filter(|(_, path)| {
        fs::canonicalize(&path.value).map_or(true, |real| !real.starts_with(folder))
    })
    .map(|(what, path)| Outside {
        what,
        path: path.clone(),
    })
    .collect()
}

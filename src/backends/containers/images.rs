//! The images of a launch: found, fetched or built, under tags that say what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use bottle_contract::guest;
use bottle_contract::id::Role;
use bottle_contract::labels;
use sha2::{Digest as _, Sha256};

use super::archive;
use super::builder;
use super::capabilities::{Builder, Capabilities, OnBuild};
use super::engine::Located;
use super::plan::{AgentUser, Images, agent_user};
use super::record::ImageRecord;
use super::request::{BuildNetwork, BuildSpec, Request};
use crate::backends::backend::Progress;
use crate::backends::request::{ImageSource, LaunchRequest, RootAccess};

/// Changes whenever the layer that is put on an agent's image changes in a way that its inputs do not show.
const LAYER_VERSION: &str = "1";

/// One program, and the folders that are mounted: on a read-only root not every engine can make them.
const SIDECAR_DOCKERFILE: &str = "FROM scratch
COPY bottle-sidecar /bottle-sidecar
COPY empty/ /audit/
COPY empty/ /run/
ENTRYPOINT [\"/bottle-sidecar\"]
";

/// An image needs a layer.
const EMPTY_DOCKERFILE: &str = "FROM scratch
COPY empty/ /tmp/
";

/// Who makes images, for whom, and who may stop it.
#[derive(Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub(super) engine: &'a Located,
    pub(super) can: &'a Capabilities,
    pub(super) request: &'a LaunchRequest,
    pub(super) progress: &'a dyn Progress,
}

impl Workshop<'_> {
    pub(super) fn make(self, doing: &str, request: &Request) -> Result<()> {
        let go_on = || self.progress.check().is_ok();
        Ok(self.engine.make_slowly(doing, request, &go_on)?)
    }

    fn build(self, doing: &str, spec: BuildSpec) -> Result<()> {
        match self.can.builder {
            Builder::Engine => self.make(doing, &Request::BuildImage(spec)),
            Builder::Shared => builder::build(self, doing, spec),
        }
    }
}

/// Makes sure that both images are here, and returns their names.
pub(super) fn ensure(workshop: Workshop<'_>) -> Result<Images> {
    let request = workshop.request;
    let binary = &request.sidecar.binary;
    let digest = file_digest(binary)?;
    let (sidecar, base) = std::thread::scope(|scope| {
        let sidecar = scope.spawn(|| ensure_sidecar(workshop, &digest));
        let base = ensure_base(workshop);
        (
            sidecar
                .join()
                .unwrap_or_else(|_| Err(anyhow!("building the sidecar's image panicked"))),
            base,
        )
    });
    let (reference, base) = base?;
    let agent = ensure_agent(workshop, &reference, &base, &digest)?;
    Ok(Images {
        sidecar: sidecar?,
        agent,
        base,
    })
}

fn ensure_sidecar(workshop: Workshop<'_>, digest: &str) -> Result<String> {
    let Workshop {
        engine, request, ..
    } = workshop;
    let made_of = Sha256::digest(format!("{SIDECAR_DOCKERFILE}\n{digest}"));
    let tag = format!("localhost/bottle/sidecar:{}", short(&hex(&made_of)));
    if engine.image(&tag)?.is_some() {
        return Ok(tag);
    }
    let context = Context::new(SIDECAR_DOCKERFILE)?;
    context.add_folder("empty")?;
    context.add_program(&request.sidecar.binary, "bottle-sidecar")?;
    context.build(workshop, &tag, "build the sidecar's image")?;
    Ok(tag)
}

/// Finds the image that the user named, or builds it from the user's Dockerfile.
fn ensure_base(workshop: Workshop<'_>) -> Result<(String, ImageRecord)> {
    let Workshop {
        engine, request, ..
    } = workshop;
    let reference = match &request.image {
        ImageSource::Host => bail!("a container needs an image, and the manifest names none"),
        ImageSource::Reference(reference) => {
            if let Some(image) = engine.image(reference)? {
                return Ok((reference.clone(), image));
            }
            let doing = format!("fetch the image `{reference}`");
            let fetched = workshop.make(&doing, &Request::PullImage(reference.clone()));
            // podman was seen to miss an image for a moment while others changed its store.
            if let (Err(error), None) = (fetched, engine.image(reference)?) {
                return Err(error);
            }
            reference.clone()
        }
        ImageSource::Empty => ensure_empty(workshop)?,
        ImageSource::Dockerfile {
            file,
            context,
            args,
        } => build_base(workshop, file, context, args)?,
    };
    let image = engine
        .image(&reference)?
        .ok_or_else(|| anyhow!("the image `{reference}` is not here after it was made"))?;
    Ok((reference, image))
}

/// Makes an image that holds an empty folder and nothing else: there is nothing to fetch for it.
fn ensure_empty(workshop: Workshop<'_>) -> Result<String> {
    let made_of = hex(&Sha256::digest(EMPTY_DOCKERFILE));
    let tag = format!("localhost/bottle/empty:{}", short(&made_of));
    if workshop.engine.image(&tag)?.is_none() {
        let context = Context::new(EMPTY_DOCKERFILE)?;
        context.add_folder("empty")?;
        context.build(workshop, &tag, "build an empty image")?;
    }
    Ok(tag)
}

/// Builds under a tag of what is built, so that a later build replaces the earlier one and no other.
fn build_base(
    workshop: Workshop<'_>,
    file: &Path,
    context: &Path,
    args: &BTreeMap<String, String>,
) -> Result<String> {
    let built = format!("{}\n{}\n{args:?}", file.display(), context.display());
    let tag = format!(
        "localhost/bottle/base:{}",
        short(&hex(&Sha256::digest(built)))
    );
    let spec = BuildSpec {
        tag: tag.clone(),
        file: file.to_owned(),
        context: context.to_owned(),
        args: args.clone(),
        labels: image_labels(workshop.request),
        network: BuildNetwork::Engines,
    };
    workshop.build(&format!("build the image of `{}`", file.display()), spec)?;
    Ok(tag)
}

/// Puts the guest, the public roots, the user and the workspace folder on top of the base.
fn ensure_agent(
    workshop: Workshop<'_>,
    reference: &str,
    base: &ImageRecord,
    binary: &str,
) -> Result<String> {
    let Workshop {
        engine, request, ..
    } = workshop;
    let user = agent_user(&request.user, &base.user);
    let tag = agent_tag(request, base, binary, &user);
    if engine.image(&tag)?.is_some() {
        return Ok(tag);
    }
    if !on_build(workshop, reference, base)?.is_empty() {
        // They would run in our build, before there is any wall.
        bail!(
            "the image `{reference}` brings build steps of its own (`ONBUILD`), which would run outside the bottle"
        );
    }
    let mut adopt = vec![guest::GUEST, "adopt", &user.spec, &request.workdir];
    if request.root == RootAccess::ReadOnly {
        adopt.push("covered");
    }
    let adopt = serde_json::to_string(&adopt)?;
    let dockerfile = format!(
        "FROM {reference}\nCOPY guest /.bottle/guest\nCOPY roots.pem /.bottle/roots.pem\nUSER 0:0\nRUN {adopt}\n"
    );
    let context = Context::new(&dockerfile)?;
    context.add_program(&request.sidecar.binary, "guest")?;
    context.add("roots.pem", public_roots().as_bytes())?;
    // docker's builder does not pass on what the guest says.
    context
        .build(workshop, &tag, "put the guest into the agent's image")
        .with_context(|| format!("the image `{reference}` could not be made ready for an agent: it must hold the user that it names, who is root only where the manifest says so, and in it only root may write to `/` and `/.bottle`"))?;
    Ok(tag)
}

/// Finds the build steps that an image brings, in its archive where its description leaves them out.
fn on_build(workshop: Workshop<'_>, reference: &str, base: &ImageRecord) -> Result<Vec<String>> {
    match workshop.can.on_build {
        OnBuild::Shown => Ok(base.on_build.clone()),
        OnBuild::Archived => {
            let folder = tempfile::Builder::new()
                .prefix("bottle-image-")
                .tempdir()
                .context("could not make a folder for an image's archive")?;
            let file = folder.path().join("image.tar");
            let save = Request::SaveImage {
                image: reference.to_owned(),
                to: file.clone(),
                platform: base.platform.clone(),
            };
            let doing = "look for build steps that the image brings";
            workshop.make(doing, &save)?;
            let mut tar = fs::File::open(&file).with_context(|| format!("could not {doing}"))?;
            archive::on_build(&mut tar).with_context(|| format!("could not {doing}"))
        }
    }
}

fn agent_tag(
    request: &LaunchRequest,
    base: &ImageRecord,
    binary: &str,
    user: &AgentUser,
) -> String {
    let root = match request.root {
        RootAccess::Writable => "writable",
        RootAccess::ReadOnly => "read-only",
    };
    let made_of = [
        LAYER_VERSION,
        &base.id,
        binary,
        &user.spec,
        &request.workdir,
        root,
    ];
    format!(
        "localhost/bottle/agent:{}",
        short(&hex(&Sha256::digest(made_of.join("\n"))))
    )
}

/// The labels of an image: it belongs to no single bottle, so it carries no id.
fn image_labels(request: &LaunchRequest) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (labels::ROLE, Role::Image.to_string()),
        (labels::VERSION, request.labels.version.clone()),
        (labels::OWNER, request.labels.owner.clone()),
    ])
}

/// A folder for a build, removed when it is dropped.
pub(super) struct Context {
    folder: tempfile::TempDir,
}

impl Context {
    pub(super) fn new(dockerfile: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("bottle-build-")
            .tempdir()
            .context("could not make a build folder")?;
        let context = Self { folder };
        context.add("Dockerfile", dockerfile.as_bytes())?;
        Ok(context)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a private build folder that nobody reads before it is complete"
    )]
    fn add(&self, name: &str, content: &[u8]) -> Result<()> {
        fs::write(self.folder.path().join(name), content)
            .with_context(|| format!("could not write `{name}` for a build"))
    }

    fn add_folder(&self, name: &str) -> Result<()> {
        fs::create_dir(self.folder.path().join(name))
            .with_context(|| format!("could not make `{name}` for a build"))
    }

    pub(super) fn add_program(&self, binary: &Path, name: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let target = self.folder.path().join(name);
        fs::copy(binary, &target)
            .with_context(|| format!("could not copy `{}`", binary.display()))?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755))
            .context("could not make the guest executable")
    }

    /// Says what is built here. The steps of our own layers reach nothing, where that can be had.
    pub(super) fn spec(
        &self,
        workshop: Workshop<'_>,
        tag: &str,
        network: BuildNetwork,
    ) -> BuildSpec {
        BuildSpec {
            tag: tag.to_owned(),
            file: self.folder.path().join("Dockerfile"),
            context: self.folder.path().to_owned(),
            args: BTreeMap::new(),
            labels: image_labels(workshop.request),
            network,
        }
    }

    fn build(&self, workshop: Workshop<'_>, tag: &str, doing: &str) -> Result<()> {
        workshop.build(doing, self.spec(workshop, tag, BuildNetwork::None))
    }
}

/// The public roots as PEM: for tools that read one bundle instead of the system's store.
pub(in crate::backends) fn public_roots() -> String {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| pem(der))
        .collect()
}

/// RFC 7468: lines of 64 characters.
fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn file_digest(path: &Path) -> Result<String> {
    let bytes = fs::read(path)
        .with_context(|| format!("could not read the sidecar's binary `{}`", path.display()))?;
    Ok(hex(&Sha256::digest(bytes)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

/// Sixteen hex digits: enough to tell images apart, short enough to read.
fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

//! From the tables of one file to its layer: what a type alone cannot check, and defaults within a table.

use std::collections::BTreeSet;
use std::ops::Range;

use bottle_contract::dlp::RouteDlp;
use bottle_contract::policy::{AuthScheme, Route};

use super::error::ManifestError;
use super::layer::{ImageSource, Layer, LayerRoute};
use super::place::{Placed, Source};
use super::schema::{
    AuthChoice, AuthTable, DlpTable, EgressTable, EnvTable, ImageTable, NativeTable,
    ResourcesTable, RouteTable, SealTable, WorkspaceTable,
};
use super::value::{At, Read, SecretSource, Workdir};

/// The ports of a route that names none.
const DEFAULT_PORTS: [u16; 2] = [443, 80];
/// The ports of a route with a credential that names none: never in the clear by default.
const DEFAULT_PORTS_WITH_AUTH: [u16; 1] = [443];

/// What both kinds of file have.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) workdir: Option<At<Read<Workdir>>>,
    pub(super) image: Option<At<ImageTable>>,
    pub(super) workspace: Option<At<WorkspaceTable>>,
    pub(super) env: EnvTable,
    pub(super) resources: Option<ResourcesTable>,
    pub(super) egress: Option<EgressTable>,
    pub(super) dlp: Option<DlpTable>,
    pub(super) seal: Option<SealTable>,
    pub(super) native: Option<NativeTable>,
}

impl Tables {
    /// Checks the tables and gives them their places.
    pub(super) fn into_layer(self, source: &Source) -> Result<Layer, ManifestError> {
        let mut layer = Layer {
            workdir: self.workdir.map(|at| source.placed(at.value.0.0, &at.span)),
            ..Layer::default()
        };
        layer.take_image(source, self.image)?;
        layer.take_workspace(source, self.workspace);
        layer.take_env(source, self.env);
        layer.take_resources(source, self.resources);
        layer.take_egress(source, self.egress)?;
        layer.take_dlp(source, self.dlp);
        layer.take_seal(source, self.seal);
        layer.take_native(source, self.native);
        Ok(layer)
    }
}

impl Layer {
    fn take_image(
        &mut self,
        source: &Source,
        table: Option<At<ImageTable>>,
    ) -> Result<(), ManifestError> {
        let Some(At { value: table, .. }) = table else {
            return Ok(());
        };
        let only_with_dockerfile = [
            ("context", table.context.as_ref().map(|at| &at.span)),
            ("args", table.args.as_ref().map(|at| &at.span)),
        ];
        if table.dockerfile.is_none() {
            for (key, span) in only_with_dockerfile {
                if let Some(span) = span {
                    let message = format!("`image.{key}` goes with `image.dockerfile` only");
                    return Err(ManifestError::at(source, span, message)
                        .remedy("remove it, or name the Dockerfile in this table"));
                }
            }
        }
        self.image = match (table.reference, table.dockerfile) {
            (Some(_), Some(dockerfile)) => {
                let message = "`image` has both `reference` and `dockerfile`";
                return Err(ManifestError::at(source, &dockerfile.span, message)
                    .remedy("keep the one that you mean"));
            }
            (Some(At { value, span }), None) => {
                Some(source.placed(ImageSource::Reference(value.0.0), &span))
            }
            (None, Some(dockerfile)) => {
                let file = source.resolve(&dockerfile.value.0.0);
                let context = table.context.map_or_else(
                    || file.parent().unwrap_or(&source.folder).to_path_buf(),
                    |at| source.resolve(&at.value.0.0),
                );
                let args = table.args.into_iter().flat_map(|at| at.value);
                let args = args.map(|(name, value)| (name.0.0, value.0.0)).collect();
                let image = ImageSource::Dockerfile {
                    file,
                    context,
                    args,
                };
                Some(source.placed(image, &dockerfile.span))
            }
            (None, None) => None,
        };
        self.user = table.user.map(|at| source.placed(at.value.0, &at.span));
        self.read_only = table.read_only.map(|at| source.placed(at.value, &at.span));
        Ok(())
    }

    fn take_workspace(&mut self, source: &Source, table: Option<At<WorkspaceTable>>) {
        let Some(At { value: table, span }) = table else {
            return;
        };
        self.workspace = Some(source.place(&span));
        self.workspace_source = table
            .source
            .map(|at| source.placed(source.resolve(&at.value.0.0), &at.span));
        self.workspace_mode = table.mode.map(|at| source.placed(at.value, &at.span));
    }

    fn take_env(&mut self, source: &Source, table: EnvTable) {
        self.env = table
            .into_iter()
            .map(|(name, value)| (name.value.0, source.placed(value.value.0, &name.span)))
            .collect();
    }

    fn take_resources(&mut self, source: &Source, table: Option<ResourcesTable>) {
        let Some(table) = table else {
            return;
        };
        self.cpus = table.cpus.map(|at| source.placed(at.value.0, &at.span));
        self.memory = table.memory.map(|at| source.placed(at.value.0.0, &at.span));
        self.pids = table.pids.map(|at| source.placed(at.value.0, &at.span));
    }

    fn take_egress(
        &mut self,
        source: &Source,
        table: Option<EgressTable>,
    ) -> Result<(), ManifestError> {
        let Some(table) = table else {
            return Ok(());
        };
        self.log = table.log.map(|at| source.placed(at.value.into(), &at.span));
        self.extra_ca = table
            .extra_ca
            .into_iter()
            .map(|at| source.placed(source.resolve(&at.value.0.0), &at.span))
            .collect();
        self.fallback_resolver = table
            .fallback_resolver
            .map(|at| source.placed(at.value.0, &at.span));
        for At { value, span } in table.routes {
            let place = source.place(&span);
            let value = route(source, value)?;
            self.routes.push(Placed { value, place });
        }
        Ok(())
    }

    fn take_dlp(&mut self, source: &Source, table: Option<DlpTable>) {
        let Some(table) = table else {
            return;
        };
        self.rules = table
            .rules
            .into_iter()
            .map(|at| source.placed(source.resolve(&at.value.0.0), &at.span))
            .collect();
        self.on_match = table
            .on_match
            .map(|at| source.placed(at.value.into(), &at.span));
        self.unscannable = table
            .unscannable
            .map(|at| source.placed(at.value.into(), &at.span));
        self.entropy = table.entropy.map(|at| source.placed(at.value, &at.span));
        self.canary = table.canary.map(|at| source.placed(at.value, &at.span));
    }

    fn take_seal(&mut self, source: &Source, table: Option<SealTable>) {
        self.host_access = table
            .and_then(|table| table.host_access)
            .map(|at| source.placed(at.value, &at.span));
    }

    fn take_native(&mut self, source: &Source, table: Option<NativeTable>) {
        self.native_paths = table
            .into_iter()
            .flat_map(|table| table.paths)
            .map(|at| source.placed(source.resolve(&at.value.0.0), &at.span))
            .collect();
    }
}

fn route(source: &Source, table: RouteTable) -> Result<LayerRoute, ManifestError> {
    let auth = match table.auth {
        Some(At { value, span }) => Some(auth(source, value, &span)?),
        None => None,
    };
    let ports = table.port.map(|ports| ports.0);
    let ports = ports.unwrap_or_else(|| match &auth {
        Some(_) => DEFAULT_PORTS_WITH_AUTH.to_vec(),
        None => DEFAULT_PORTS.to_vec(),
    });
    let unwrap = |paths: Vec<Read<_>>| paths.into_iter().map(|path| path.0).collect();
    let methods = table
        .methods
        .map(|methods| methods.into_iter().map(|method| method.0).collect());
    Ok(LayerRoute {
        route: Route {
            host: table.host.0,
            ports,
            methods,
            paths: table.paths.map(unwrap),
            address: table.address.map(|address| address.0),
            auth: None,
            git: table.git.map(Into::into).unwrap_or_default(),
            dlp: RouteDlp {
                on_match: table.on_match.map(Into::into),
                unscannable: table.unscannable.map(Into::into),
                placeholders: BTreeSet::new(),
            },
        },
        auth,
    })
}

fn auth(
    source: &Source,
    table: AuthTable,
    span: &Range<usize>,
) -> Result<(AuthScheme, SecretSource), ManifestError> {
    let misplaced = |span, key: &str, scheme: &str| {
        let message = format!("`auth.{key}` goes with the scheme `{scheme}` only");
        Err(ManifestError::at(source, span, message).remedy("remove it, or change the scheme"))
    };
    let missing = |key: &str, scheme: &str| {
        let message = format!("the scheme `{scheme}` needs `{key}`");
        Err(ManifestError::at(source, span, message).remedy(format!("add `{key} = \"…\"`")))
    };
    let scheme = match (table.scheme, table.user, table.name) {
        (AuthChoice::Bearer, None, None) => AuthScheme::Bearer,
        (AuthChoice::Basic, Some(user), None) => AuthScheme::Basic {
            user: user.value.0.0,
        },
        (AuthChoice::Header, None, Some(name)) => AuthScheme::Header {
            name: name.value.0.0,
        },
        (AuthChoice::Bearer | AuthChoice::Header, Some(user), _) => {
            return misplaced(&user.span, "user", "basic");
        }
        (AuthChoice::Bearer | AuthChoice::Basic, _, Some(name)) => {
            return misplaced(&name.span, "name", "header");
        }
        (AuthChoice::Basic, None, None) => return missing("user", "basic"),
        (AuthChoice::Header, None, None) => return missing("name", "header"),
    };
    Ok((scheme, table.secret.0))
}

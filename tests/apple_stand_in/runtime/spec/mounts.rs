//! `--mount`, `--volume` and `--tmpfs` (§2.1).

use std::path::Path;

use super::memory::mebibytes;
use super::names::volume_name;
use crate::runtime::failure::Failure;

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MountKind {
    /// A path of the host.
    Host {
        /// The absolute path.
        source: String,
    },
    /// Memory.
    Tmpfs,
    /// A volume; one without a name is made for this container.
    Volume {
        /// The volume's name.
        name: Option<String>,
    },
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What.
    pub(crate) kind: MountKind,
    /// Where to.
    pub(crate) destination: String,
    /// Options as Apple keeps them: `ro`, `size=…`, `mode=…`.
    pub(crate) options: Vec<String>,
}

/// Reads a `--tmpfs` value: the whole of it is the destination.
pub(crate) fn tmpfs(destination: &str) -> Result<Mount, Failure> {
    checked(Mount {
        kind: MountKind::Tmpfs,
        destination: destination.to_owned(),
        options: Vec::new(),
    })
}

/// Reads a `--volume` value, relative to the working directory.
pub(crate) fn volume(text: &str, cwd: &Path) -> Result<Mount, Failure> {
    let parts: Vec<&str> = text.split(':').filter(|part| !part.is_empty()).collect();
    let (source, destination, options) = match parts.as_slice() {
        [destination] => {
            return checked(Mount {
                kind: MountKind::Volume { name: None },
                destination: (*destination).to_owned(),
                options: Vec::new(),
            });
        }
        [source, destination] => (*source, *destination, ""),
        [source, destination, options] => (*source, *destination, *options),
        _ => return Err(Failure::invalid(format!("invalid volume format {text}"))),
    };
    let options = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    let kind = if source.contains('/') || source == "." || source == ".." {
        let path = absolute(source, cwd);
        if !Path::new(&path).exists() {
            return Err(Failure::invalid(format!("path '{source}' does not exist")));
        }
        MountKind::Host { source: path }
    } else {
        volume_name(source)?;
        MountKind::Volume {
            name: Some(source.to_owned()),
        }
    };
    checked(Mount {
        kind,
        destination: destination.to_owned(),
        options,
    })
}

/// The parts of a `--mount` value before they are judged together.
#[derive(Default)]
struct Directives {
    kind: Option<String>,
    source: Option<String>,
    destination: String,
    readonly: bool,
    size: Option<String>,
    mode: Option<String>,
}

/// Reads a `--mount` value, relative to the working directory.
pub(crate) fn mount(text: &str, cwd: &Path) -> Result<Mount, Failure> {
    let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(Failure::invalid(format!("invalid mount format: {text}")));
    }
    let mut directives = Directives::default();
    for part in parts {
        directive(&mut directives, part, text)?;
    }
    directives.judged(cwd)
}

fn directive(directives: &mut Directives, part: &str, text: &str) -> Result<(), Failure> {
    let pair: Vec<&str> = part
        .splitn(3, '=')
        .filter(|half| !half.is_empty())
        .collect();
    let key = pair.first().copied().unwrap_or_default();
    if matches!(key, "readonly" | "ro") {
        directives.readonly = true;
        return Ok(());
    }
    if !matches!(
        key,
        "type" | "size" | "mode" | "source" | "src" | "destination" | "dst" | "target"
    ) {
        return Err(Failure::invalid(format!(
            "unknown directive {key} when parsing mount {text}"
        )));
    }
    let [_, value] = pair.as_slice() else {
        return Err(Failure::invalid(format!(
            "invalid directive format missing value {part} in {text}"
        )));
    };
    let value = (*value).to_owned();
    match key {
        "type" => directives.kind = Some(value),
        "size" => directives.size = Some(value),
        "mode" => directives.mode = Some(value),
        "source" | "src" => directives.source = Some(value),
        _ => directives.destination = value,
    }
    Ok(())
}

impl Directives {
    fn judged(self, cwd: &Path) -> Result<Mount, Failure> {
        let shown = self.kind.as_deref().unwrap_or("virtiofs").to_owned();
        let kind = match shown.as_str() {
            "virtiofs" | "bind" => self.host(cwd)?,
            "tmpfs" if self.source.is_some() => {
                return Err(Failure::invalid("cannot specify source for tmpfs mount"));
            }
            "tmpfs" => MountKind::Tmpfs,
            "volume" => {
                self.source.as_deref().map(volume_name).transpose()?;
                MountKind::Volume {
                    name: self.source.clone(),
                }
            }
            _ => {
                return Err(Failure::invalid(format!("unsupported mount type {shown}")));
            }
        };
        let mut options = Vec::new();
        if self.readonly {
            options.push("ro".to_owned());
        }
        for (name, value) in [("size", &self.size), ("mode", &self.mode)] {
            let Some(value) = value else { continue };
            if kind != MountKind::Tmpfs {
                return Err(Failure::invalid(format!(
                    "unsupported option {name} for {shown} mount"
                )));
            }
            options.push(if name == "size" {
                format!("size={}", mebibytes(value)?)
            } else {
                format!("mode={value}")
            });
        }
        checked(Mount {
            kind,
            destination: self.destination,
            options,
        })
    }

    /// A path of the host must be a directory here; a single file goes through `--volume` only.
    fn host(&self, cwd: &Path) -> Result<MountKind, Failure> {
        let Some(source) = &self.source else {
            return Err(Failure::invalid(" is not an absolute path on the host"));
        };
        let path = absolute(source, cwd);
        if !Path::new(&path).exists() {
            return Err(Failure::invalid(format!("path '{source}' does not exist")));
        }
        if !Path::new(&path).is_dir() {
            return Err(Failure::invalid(format!(
                "path '{source}' is not a directory"
            )));
        }
        Ok(MountKind::Host { source: path })
    }
}

fn absolute(path: &str, cwd: &Path) -> String {
    // The components drop `.`, as a standardised URL does.
    let joined: std::path::PathBuf = cwd.join(path).components().collect();
    joined.to_string_lossy().into_owned()
}

fn checked(mount: Mount) -> Result<Mount, Failure> {
    if !mount.destination.is_empty() {
        return Ok(mount);
    }
    let what = match mount.kind {
        MountKind::Volume { .. } => "volume",
        MountKind::Host { .. } | MountKind::Tmpfs => "mount",
    };
    Err(Failure::invalid(format!(
        "{what} destination cannot be empty"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[track_caller]
    fn refused(read: Result<Mount, Failure>, expected: &str) {
        let text = read.unwrap_err().text().unwrap();
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn a_bind_mount_needs_a_directory() {
        let source = here().join("runtime").to_string_lossy().into_owned();
        let kind = MountKind::Host {
            source: source.clone(),
        };
        for text in [
            format!("type=bind,source={source},target=/x"),
            format!("src={source},dst=/x"),
            "type=virtiofs,source=runtime,destination=/x".to_owned(),
        ] {
            assert_eq!(mount(&text, here()).unwrap().kind, kind, "{text}");
        }
        let readonly = mount(&format!("source={source},target=/x,readonly"), here()).unwrap();
        assert_eq!(readonly.options, ["ro"]);
        refused(
            mount("type=bind,source=lib.rs,target=/x", here()),
            "path 'lib.rs' is not a",
        );
        refused(
            mount("type=bind,source=/nowhere,target=/x", here()),
            "path '/nowhere' does not",
        );
        refused(
            mount("source=runtime", here()),
            "mount destination cannot be empty",
        );
        refused(
            mount("source=a=b,target=/x", here()),
            "invalid directive format missing value",
        );
        refused(
            mount("type=bind,propagation=x", here()),
            "unknown directive propagation",
        );
        refused(
            mount("type=nfs,target=/x", here()),
            "unsupported mount type nfs",
        );
        refused(
            mount("source=runtime,target=/x,size=1m", here()),
            "unsupported option size",
        );
        refused(mount(",", here()), "invalid mount format: ,");
    }

    #[test]
    fn a_tmpfs_takes_size_and_mode_as_a_mount_only() {
        let read = mount("type=tmpfs,target=/t,size=64m,mode=1777", here()).unwrap();
        assert_eq!(read.options, ["size=67108864", "mode=1777"]);
        refused(
            mount("type=tmpfs,source=runtime,target=/t", here()),
            "cannot specify source for tmpfs mount",
        );
        assert_eq!(tmpfs("/t:size=1m").unwrap().destination, "/t:size=1m");
        assert!(tmpfs("").is_err());
    }

    #[test]
    fn a_volume_is_a_path_with_a_slash_or_a_name() {
        let kind = |text: &str| volume(text, here()).unwrap().kind;
        let named = MountKind::Volume {
            name: Some("cache".to_owned()),
        };
        assert_eq!(kind("cache:/x"), named);
        assert_eq!(kind("/x"), MountKind::Volume { name: None });
        let file = here().join("lib.rs").to_string_lossy().into_owned();
        assert_eq!(kind("./lib.rs:/x"), MountKind::Host { source: file });
        assert_eq!(volume("./lib.rs:/x:ro", here()).unwrap().options, ["ro"]);
        refused(
            volume("./nowhere:/x", here()),
            "path './nowhere' does not exist",
        );
        refused(volume("-x:/x", here()), "invalid volume name '-x'");
        refused(
            volume("./a:/b:ro:x", here()),
            "invalid volume format ./a:/b:ro:x",
        );
    }
}

//! Where the sidecar's static binary lies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use crate::error::{Error, Result};
use crate::process::{self, Invocation};

/// The sources that this bottle was built from, where they are still there.
const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");
/// How long the sidecar may take to build: about a minute on two cores, from nothing.
const BUILD: Duration = Duration::from_mins(20);

/// Where the binary is, or is to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is here.
    Binary(PathBuf),
    /// This script of a checkout builds it, or finds it up to date.
    Script(PathBuf),
}

/// Finds the binary: the one that was named, the one beside this program, or the one of this checkout.
pub fn locate(named: Option<&Path>, program: &Path) -> Result<Source> {
    if let Some(path) = named {
        let named =
            check(path).context("`BOTTLE_SIDECAR_BINARY` does not name the sidecar's binary");
        return Ok(Source::Binary(named.map_err(Error::user)?));
    }
    // Homebrew links to the program and not to what lies beside it, and macOS names the link.
    let real = program
        .canonicalize()
        .unwrap_or_else(|_| program.to_owned());
    if let Some(path) = installed(&real).into_iter().find(|path| path.is_file()) {
        return Ok(Source::Binary(check(&path).map_err(Error::user)?));
    }
    let script = Path::new(CHECKOUT).join("src/sidecar/build.sh");
    if (is_checkout(program) || is_checkout(&real)) && script.is_file() {
        return Ok(Source::Script(script));
    }
    let missing = anyhow!(
        "the sidecar's binary is missing: looked for `{}` beside `{}`",
        file_name(),
        real.display()
    );
    Err(Error::user(missing)
        .hint("install bottle whole, or name the binary with `BOTTLE_SIDECAR_BINARY`"))
}

/// Returns the binary, built first where that is needed; `say` is told before that begins.
pub fn provide(source: Source, say: &dyn Fn(&str)) -> Result<PathBuf> {
    match source {
        Source::Binary(path) => Ok(path),
        Source::Script(script) => build(&script, say).map_err(Error::user),
    }
}

fn file_name() -> String {
    format!("bottle-sidecar-linux-{}", std::env::consts::ARCH)
}

fn installed(program: &Path) -> Vec<PathBuf> {
    let folder = program.parent().unwrap_or(Path::new("/"));
    vec![
        folder.join("../libexec/bottle").join(file_name()),
        folder.join(file_name()),
    ]
}

/// A released program must not run a script from a path that only its builder had.
fn is_checkout(program: &Path) -> bool {
    cfg!(debug_assertions) || program.starts_with(CHECKOUT)
}

fn build(script: &Path, say: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    say("bringing the sidecar of this checkout up to date (one to two minutes the first time)");
    let invocation = Invocation::new("/bin/sh", [script]);
    let captured = process::run(&invocation, BUILD).context("could not build the sidecar")?;
    if !captured.success() {
        bail!(
            "could not build the sidecar with `{invocation}`:\n{}",
            captured.stderr_text().trim()
        );
    }
    let text = captured.stdout_text();
    let path = text
        .lines()
        .last()
        .ok_or_else(|| anyhow!("`{invocation}` named no binary"))?;
    check(Path::new(path))
}

fn check(path: &Path) -> anyhow::Result<PathBuf> {
    let path = path
        .canonicalize()
        .with_context(|| format!("could not find `{}`", path.display()))?;
    if path.is_file() {
        Ok(path)
    } else {
        bail!("`{}` is not a file", path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_counts_and_must_be_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let nowhere = Path::new("/nowhere/bottle");
        let found = locate(Some(file.path()), nowhere).unwrap();
        assert_eq!(found, Source::Binary(file.path().canonicalize().unwrap()));
        for bad in ["/nonexistent", "/tmp"] {
            let error = locate(Some(Path::new(bad)), nowhere).unwrap_err();
            assert!(
                error.to_string().contains("BOTTLE_SIDECAR_BINARY"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_installed_program_finds_it_in_libexec() {
        let prefix = tempfile::tempdir().unwrap();
        let libexec = prefix.path().join("libexec/bottle");
        std::fs::create_dir_all(&libexec).unwrap();
        std::fs::create_dir(prefix.path().join("bin")).unwrap();
        std::fs::File::create(libexec.join(file_name())).unwrap();
        let found = locate(None, &prefix.path().join("bin/bottle")).unwrap();
        assert_eq!(
            found,
            Source::Binary(libexec.join(file_name()).canonicalize().unwrap())
        );
    }
    #[test]
    fn a_link_to_an_installed_program_finds_what_lies_beside_the_program() {
        let cellar = tempfile::tempdir().unwrap();
        let libexec = cellar.path().join("libexec/bottle");
        std::fs::create_dir_all(&libexec).unwrap();
        std::fs::create_dir(cellar.path().join("bin")).unwrap();
        let program = cellar.path().join("bin/bottle");
        std::fs::File::create(&program).unwrap();
        let sidecar = libexec.join(file_name());
        std::fs::File::create(&sidecar).unwrap();

        let prefix = tempfile::tempdir().unwrap();
        let link = prefix.path().join("bottle");
        std::os::unix::fs::symlink(&program, &link).unwrap();
        let found = locate(None, &link).unwrap();
        assert_eq!(found, Source::Binary(sidecar.canonicalize().unwrap()));
    }
}

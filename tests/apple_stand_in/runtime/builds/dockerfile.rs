//! The Dockerfile: where it is, and what it asks of the builder (§2.3, §5).

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::runtime::context::Context;
use crate::runtime::failure::Failure;

/// The size from which on Apple's builder refuses it.
const TOO_LARGE: usize = 16 * 1024;

/// A Dockerfile's text.
#[derive(Clone, Debug)]
pub(super) struct Dockerfile {
    pub(super) text: String,
}

impl Dockerfile {
    /// Reads the file that is named, standard input for `-`, or the one of the context.
    pub(super) fn read(context: &Context<'_>, folder: &Path) -> Result<Self, Failure> {
        let bytes = match context.parsed.value("file") {
            Some("-") => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().read_to_end(&mut bytes);
                read.map_err(|error| Failure::Other(error.to_string()))?;
                bytes
            }
            Some(path) => fs::read(path)
                .map_err(|_| Failure::Validation(format!("dockerfile does not exist {path}")))?,
            None => ["Dockerfile", "Containerfile"]
                .iter()
                .find_map(|name| fs::read(folder.join(name)).ok())
                .ok_or_else(|| {
                    Failure::Validation("dockerfile not found in context dir".to_owned())
                })?,
        };
        if bytes.len() >= TOO_LARGE {
            let failure = Failure::invalid(format!(
                "Dockerfile size ({} bytes) must be less than {TOO_LARGE} bytes",
                bytes.len()
            ));
            return Err(Failure::Wrapped(Box::new(failure)));
        }
        Ok(Self {
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// Tells whether only `BuildKit` can build it: the classic builder knows no mounts and no
    /// heredocs.
    pub(super) fn needs_buildkit(&self) -> bool {
        self.text.lines().any(|line| {
            let line = line.trim_start();
            let upper = line.to_ascii_uppercase();
            let is = |word: &str| upper.starts_with(word);
            (is("RUN ") && line.contains("--mount="))
                || ((is("RUN ") || is("COPY ") || is("ADD ")) && line.contains("<<"))
                || ((is("COPY ") || is("ADD ")) && line.contains("--link"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_and_heredocs_need_buildkit() {
        let needs = |text: &str| {
            Dockerfile {
                text: text.to_owned(),
            }
            .needs_buildkit()
        };
        assert!(needs(
            "FROM a\nRUN --mount=type=secret,id=x cat /run/secrets/x"
        ));
        assert!(needs("FROM a\ncopy <<EOF /x\nhi\nEOF"));
        assert!(!needs("FROM a\nRUN echo --link\nCOPY a b"));
    }
}

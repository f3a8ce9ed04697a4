//! What an agent begins with: noted while a workspace is copied in, for a comparison later.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};

use anyhow::{Context as _, bail};
use bottle_contract::tree::{
    ArrivalLine, BaseEntry, BaseHead, FORMAT, Lies, Prior, RawText, Stamp, TreePath,
};

use super::checked_out::checked_out;
use super::workspace::write_tar_noting;

/// What an agent begins with in its work folder.
#[derive(Clone, Debug)]
pub struct CopiedBase {
    /// The folders, and when all was there.
    pub head: BaseHead,
    /// Everything in the work folder.
    pub entries: Vec<BaseEntry>,
}

/// A copy of a workspace on its way in.
#[derive(Debug)]
pub struct Copying {
    source: PathBuf,
    workdir: String,
    lies: Lies,
    commit: Option<String>,
    noted: Receiver<Vec<BaseEntry>>,
}

/// Returns what writes the tar stream of a folder for `guest tar-in DIR tell`, and what makes a base of
/// it afterwards.
pub fn copying(
    source: &Path,
    workdir: &str,
    lies: Lies,
) -> (
    impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    Copying,
) {
    let (sender, noted) = mpsc::channel();
    let from = source.to_owned();
    let producer = move |out: &mut dyn Write| {
        let base = write_tar_noting(&from, out)?;
        // Whoever gave up waits for it no more.
        sender.send(base).ok();
        Ok(())
    };
    let copying = Copying {
        source: source.to_owned(),
        workdir: workdir.to_owned(),
        lies,
        commit: checked_out(source),
        noted,
    };
    (producer, copying)
}

impl Copying {
    /// Puts together what was sent and what the guest answered: what the image had stays in the base
    /// wherever nothing of the workspace took its place.
    pub fn base(self, answer: &[u8]) -> anyhow::Result<CopiedBase> {
        let sent = self.noted.recv();
        let sent = sent.context("the workspace was not sent to its end")?;
        let (before, stamp, prior) = arrival(answer)?;
        let entries: BTreeMap<TreePath, BaseEntry> = before
            .into_iter()
            .chain(sent)
            .map(|entry| (entry.path.clone(), entry))
            .collect();
        Ok(CopiedBase {
            head: BaseHead {
                format: FORMAT,
                source: RawText::new(self.source.as_os_str().as_bytes()),
                workdir: self.workdir,
                stamp,
                prior,
                lies: self.lies,
                commit: self.commit,
            },
            entries: entries.into_values().collect(),
        })
    }
}

fn arrival(answer: &[u8]) -> anyhow::Result<(Vec<BaseEntry>, Stamp, Prior)> {
    let mut before = Vec::new();
    for line in answer.split_inclusive(|byte| *byte == b'\n') {
        let line = serde_json::from_slice(line).context("the guest's answer could not be read")?;
        match line {
            ArrivalLine::Before(entry) => before.push(entry),
            ArrivalLine::Done { stamp, prior } => return Ok((before, stamp, prior)),
        }
    }
    bail!("the guest did not say that the workspace is there")
}

#[cfg(test)]
mod tests {
    use bottle_contract::tree::{Node, Origin};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    fn what_the_image_had_stays_where_nothing_took_its_place() {
        let from = tempfile::tempdir().unwrap();
        std::fs::write(from.path().join("both"), "host").unwrap();
        let (producer, copying) = copying(from.path(), "/workspace", Lies::Disk);
        producer(&mut io::sink()).unwrap();
        let mut answer = Vec::new();
        for name in ["both", "image"] {
            let line = ArrivalLine::Before(BaseEntry {
                path: TreePath::new(name).unwrap(),
                node: Node::Special,
                modified: None,
                origin: Origin::Image,
            });
            serde_json::to_writer(&mut answer, &line).unwrap();
            answer.push(b'\n');
        }
        let whole = [
            &answer[..],
            b"{\"done\":{\"stamp\":{\"seconds\":7,\"nanos\":1},\"prior\":\"image\"}}\n",
        ]
        .concat();
        let base = copying.base(&whole).unwrap();
        assert_eq!(base.head.stamp.seconds, 7);
        let told: Vec<_> = base
            .entries
            .iter()
            .map(|entry| (entry.path.to_string(), entry.origin))
            .collect();
        assert_eq!(
            told,
            [
                ("both".to_owned(), Origin::Host),
                ("image".to_owned(), Origin::Image)
            ]
        );
        assert!(arrival(&answer).is_err(), "an answer that is cut off");
        assert!(arrival(b"{").is_err());
    }

    #[test]
    fn a_workspace_that_was_not_sent_whole_is_no_base() {
        let missing = Path::new("/nonexistent/folder");
        let (producer, copying) = copying(missing, "/workspace", Lies::Disk);
        assert!(producer(&mut io::sink()).is_err());
        assert!(
            copying
                .base(b"{\"done\":{\"stamp\":{\"seconds\":7,\"nanos\":1},\"prior\":\"image\"}}\n")
                .is_err()
        );
    }
}

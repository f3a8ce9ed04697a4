//! What stands before an engine's client, or before the static binary where there is no engine, and lets
//! calls fail or launchers die.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::call::Call;
use super::room::{Room, sidecar};
use super::wait::{DEADLINE, until};

/// Counts the calls, changes one, lets one fail, hang or answer half, or kills who made one: before
/// it or after it.
const SCRIPT: &str = r#"#!/bin/bash
n=1
until mkdir "$CALLS/$n" 2>/dev/null; do n=$((n + 1)); done
echo $$ > "$CALLS/$n/pid"
printf '%s\n' "$*" > "$CALLS/$n/words"
if [ "$n" = "${FAIL_AT:-0}" ]; then echo "injected failure" >&2; exit 1; fi
if [ "$n" = "${DIE_BEFORE:-0}" ]; then kill -KILL $PPID; exit 1; fi
words=()
for word in "$@"; do
  if [ -z "${DROP:-}" ] || ! [[ $word =~ $DROP ]]; then words+=("$word"); fi
done
if [ "$n" = "${HANG_AT:-0}" ]; then exec sleep 600; fi
if [ "$n" = "${HALF_AT:-0}" ]; then
  answer=$(@PROGRAM@ "${words[@]}") || exit
  printf '%s' "${answer:0:${#answer}/2}"
  exit 0
fi
if [ "$n" = "${DIE_AFTER:-0}" ]; then @PROGRAM@ "${words[@]}"; kill -KILL $PPID; exit 1; fi
exec @PROGRAM@ "${words[@]}"
"#;

/// A program of the engine's name, in a folder that comes first in `PATH`.
pub(crate) struct Wrapper {
    folder: tempfile::TempDir,
}

impl Wrapper {
    pub(crate) fn new(room: &Room) -> Self {
        let folder = tempfile::tempdir_in(room.path(".")).unwrap();
        let program = match room.engine.program() {
            Some(program) => program,
            None => sidecar().to_owned(),
        };
        let script = SCRIPT.replace("@PROGRAM@", program.to_str().unwrap());
        let path = folder.path().join(room.engine.program);
        let relative = path.strip_prefix(room.path(".")).unwrap().to_str().unwrap();
        let written = room.write(relative, &script);
        fs::set_permissions(written, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("calls")).unwrap();
        Self { folder }
    }

    fn file(&self, at: usize, name: &str) -> PathBuf {
        let calls = self.folder.path().join("calls");
        calls.join(at.to_string()).join(name)
    }

    pub(crate) fn run(&self, room: &Room, command: &[&str]) -> Call {
        self.before(room, room.run_call(&[], command))
    }

    /// Returns the same call with this one before the engine's client.
    pub(crate) fn before(&self, room: &Room, call: Call) -> Call {
        let path = format!(
            "{}:{}",
            self.folder.path().display(),
            room.engine.path().display()
        );
        let call = call
            .env("PATH", path)
            .env("CALLS", self.folder.path().join("calls"));
        if room.engine.program().is_some() {
            return call;
        }
        let binary = self.folder.path().join(room.engine.program);
        call.env("BOTTLE_SIDECAR_BINARY", binary)
    }

    pub(crate) fn words(&self, at: usize) -> String {
        fs::read_to_string(self.file(at, "words")).unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> usize {
        (1..1000)
            .take_while(|at| self.file(*at, "pid").exists())
            .count()
    }

    pub(crate) fn calls_before_the_agent(&self) -> usize {
        let is_agent = |at: &usize| self.words(*at).contains("/.bottle/guest exec ");
        (1..200).find(is_agent).expect("the agent's own call") - 1
    }

    /// Waits until every call has ended, also those whose caller is dead.
    #[track_caller]
    pub(crate) fn wait(&self) {
        until("every call has ended", DEADLINE, || {
            let ended = |at: usize| {
                let pid = fs::read_to_string(self.file(at, "pid")).unwrap();
                !Path::new("/proc").join(pid.trim()).exists()
            };
            (1..=self.calls()).all(ended).then_some(())
        });
    }
}

//! Which processor each process is on: the proxy has one to itself.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// The processors of the load with its origin, and of the proxy.
#[derive(Debug)]
pub(crate) struct Places {
    cores: usize,
    /// Whether processes can be pinned.
    pinned: bool,
    /// The proxy's.
    proxy: &'static str,
}

impl Places {
    /// Looks at the machine.
    pub(crate) fn find() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let there = Command::new("taskset").arg("--version").output();
        Self {
            cores,
            pinned: cores > 1 && there.is_ok(),
            proxy: "1",
        }
    }

    /// Puts this process, which is the load, on its processor.
    pub(crate) fn settle(&self) {
        if self.pinned {
            let pid = std::process::id().to_string();
            // What it prints is of no use, and where it fails the table says how steady it is.
            drop(
                Command::new("taskset")
                    .args(["-acp", self.load(), &pid])
                    .output(),
            );
        }
    }

    /// Returns the same with the proxy on the processor of the load and the origin, where these two
    /// share one: then nothing has to wake another processor.
    pub(crate) fn together(&self) -> Option<Self> {
        (self.pinned && self.cores == 2).then_some(Self {
            proxy: self.load(),
            ..*self
        })
    }

    /// Makes the command of a proxy, pinned to its processor.
    pub(crate) fn proxy(&self, program: &Path) -> tokio::process::Command {
        self.pin(program, self.proxy)
    }

    /// Makes the command of the origin.
    pub(crate) fn origin(&self, program: &Path) -> tokio::process::Command {
        self.pin(program, if self.cores > 2 { "2" } else { "0" })
    }

    fn load(&self) -> &'static str {
        "0"
    }

    fn pin(&self, program: &Path, core: &str) -> tokio::process::Command {
        let mut command = if self.pinned {
            let mut command = tokio::process::Command::new("taskset");
            command.args(["-c", core]).arg(program);
            command
        } else {
            tokio::process::Command::new(program)
        };
        command.kill_on_drop(true);
        command
    }
}

impl fmt::Display for Places {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} processors; ", self.cores)?;
        match (self.pinned, self.cores) {
            (false, _) => write!(out, "nothing is pinned (one processor, or no `taskset`)"),
            (true, 2) => write!(out, "the proxy on 1, load and origin on 0"),
            (true, _) => write!(out, "the load on 0, the proxy on 1, the origin on 2"),
        }
    }
}

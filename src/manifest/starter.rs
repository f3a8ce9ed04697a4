//! The agent file that `bottle init` writes.

use bottle_contract::id::Name;

/// Returns a commented agent file to start from.
pub fn starter(name: &Name) -> String {
    format!(
        r#"# An agent for `bottle run`. Every key is described in docs/manifest.md,
# and `bottle schema agent` prints a schema for your editor.

name = "{name}"

# What the agent may do, by name: your own bottle files or those that come with
# bottle (`claude`, `codex`, `offline`). Several are folded from left to right.
# bottle = "claude"

# What to run. Without it, the image's own command runs.
command = ["bash"]

# What to ask of it: becomes the last word of the command.
# prompt = "Review the changes in this repository."

[image]
reference = "docker.io/library/debian:bookworm-slim"

# The agent gets a copy of this folder; your files are never written.
[workspace]
source = "."

# [env]
# LOG_LEVEL = "debug"
# API_BASE = {{ host = "API_BASE" }}   # from your environment; has to be trusted

# [resources]
# cpus = 2
# memory = "2GiB"

# Nothing is reachable unless a route says so; what stands here has to be
# trusted (`bottle trust`), a bottle file of your own does not.
# [[egress.routes]]
# host = "api.example.com"
# methods = ["GET"]
# paths = ["/v1/**"]
# auth = {{ scheme = "bearer", secret = {{ host = "EXAMPLE_TOKEN" }} }}
"#
    )
}

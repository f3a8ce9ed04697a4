# The project's recipes: `just` lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @just --list

# What CI checks, with the engines that are there
check:
    .ci/check

# All tests, with the engines that are there
test *args:
    cargo test --workspace {{ args }}

# The tests against one engine, which must be there: docker, podman, macos-container, macos-container
integration engine *args:
    BOTTLE_TEST_REQUIRE={{ engine }} cargo test --test integration {{ args }}

# The sidecar, as the static binary that goes into images: for this machine, or `--arch aarch64|x86_64`
sidecar *args:
    src/sidecar/build.sh {{ args }}

# A release into `dist/`: linux, macos, or both (macos on a Mac only)
dist *args:
    packaging/dist.sh {{ args }}

# Formats all code
fmt:
    cargo fmt --all

# The benchmarks
bench *args:
    cargo bench --workspace {{ args }}

# The time of a launch, beside the same raw engine commands
bench-launch *args:
    bench/launch.sh {{ args }}

# The sidecar beside mitmdump and squid, where those are installed
bench-proxy *args:
    bench/proxy {{ args }}

# The scanner beside gitleaks, where that is installed
bench-dlp:
    bench/dlp

# Fuzzes each target for some seconds: 30, or as many as are named
fuzz *args:
    .ci/fuzz {{ args }}

# The documentation of all crates
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Licences, sources, doubled and forbidden dependencies (needs cargo-deny)
deny:
    cargo deny check

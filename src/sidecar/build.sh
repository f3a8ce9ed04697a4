#!/bin/sh
# Builds the static release binary of the sidecar and prints its path as the last line.
#
# usage: src/sidecar/build.sh [--arch aarch64|x86_64] [OUT]
#
# The architecture is this machine's unless one is named. OUT is a file that the finished binary is
# copied to. On Linux, for the machine's own architecture, it needs gcc and the pinned Rust. Anywhere
# else it compiles across with `cargo zigbuild`, and says what is missing for that
# (docs/decisions/0013-the-sidecar-is-cross-compiled-with-zig.md).
set -eu

# The promise of the README: it is copied into images, once for each version.
MAX_BYTES=8500000

root=$(cd "$(dirname "$0")/../.." && pwd)

say() {
	printf '%s\n' "$*" >&2
}

fail() {
	say "error: $*"
	exit 1
}

# Sets `arch` from a name that `uname` or Rust uses.
name_arch() {
	case $1 in
	x86_64 | amd64) arch=x86_64 ;;
	aarch64 | arm64) arch=aarch64 ;;
	*) fail "there is no sidecar for the architecture \`$1\`" ;;
	esac
}

name_arch "$(uname -m)"
own=$arch
out=
while [ $# -gt 0 ]; do
	case $1 in
	--arch=*) name_arch "${1#--arch=}" ;;
	--arch)
		[ $# -ge 2 ] || fail "\`--arch\` needs an architecture: aarch64 or x86_64"
		name_arch "$2"
		shift
		;;
	-*) fail "unknown option \`$1\`: there is \`--arch\`" ;;
	*)
		[ -z "$out" ] || fail "there is one OUT, and \`$1\` is a second one"
		out=$1
		;;
	esac
	shift
done
case $out in
'' | /*) ;;
*) out=$PWD/$out ;;
esac
cd "$root"

target=$arch-unknown-linux-musl

has_target() {
	[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]
}

# For this machine itself: the host's own compiler does.
prepare_native() {
	subcommand=build
	if has_target; then
		# The C in `ring` needs no C library, so that the host's own compiler will do.
		if ! command -v "$arch-linux-musl-gcc" >/dev/null 2>&1 && ! command -v musl-gcc >/dev/null 2>&1; then
			# The name of cc's variable for this target.
			lower=$(printf %s "$target" | tr - _)
			eval "export CC_$lower=\"\${CC_$lower:-gcc}\""
		fi
	else
		say "note: the Rust target \`$target\` is not installed; building a static glibc binary instead"
		target=$arch-unknown-linux-gnu
		# For the target only: build scripts and macros need the dynamic way.
		variable=CARGO_TARGET_$(printf %s "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS
		export "$variable=-C target-feature=+crt-static"
	fi
}

has_zig() {
	[ -n "${CARGO_ZIGBUILD_ZIG_PATH:-}" ] || command -v zig >/dev/null 2>&1 ||
		python3 -m ziglang version >/dev/null 2>&1
}

# For another machine: everything that is missing is named at once, with what installs it.
prepare_cross() {
	subcommand=zigbuild
	missing=
	has_target || missing="$missing
  the Rust target: rustup target add $target"
	command -v cargo-zigbuild >/dev/null 2>&1 || missing="$missing
  cargo-zigbuild:  cargo install --locked cargo-zigbuild"
	if ! has_zig; then
		case $(uname -s) in
		Darwin) install="brew install zig" ;;
		*) install="pip install ziglang" ;;
		esac
		missing="$missing
  zig:             $install"
	fi
	[ -z "$missing" ] || fail "the sidecar for $arch is compiled across, and this is missing:$missing"
}

if [ "$(uname -s)" = Linux ] && [ "$arch" = "$own" ]; then
	prepare_native
else
	prepare_cross
fi

cargo "$subcommand" --locked --profile sidecar --package bottle-sidecar --bin bottle-sidecar --target "$target" >&2

target_dir=$(cargo metadata --locked --no-deps --format-version 1 |
	sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
binary=$target_dir/$target/sidecar/bottle-sidecar
[ -f "$binary" ] || fail "cargo made no \`$binary\`"

src/sidecar/static.sh "$binary" "$arch"
bytes=$(wc -c <"$binary" | tr -d ' ')
[ "$bytes" -le "$MAX_BYTES" ] || fail "\`$binary\` has $bytes bytes; the bound is $MAX_BYTES"
say "built for $target: $bytes bytes"

if [ -n "$out" ]; then
	mkdir -p "$(dirname "$out")"
	cp "$binary" "$out"
	binary=$out
fi
printf '%s\n' "$binary"

#!/bin/sh
# Builds the static release binary of the sidecar and prints its path as the last line.
#
# usage: src/sidecar/build.sh [OUT]
#
# OUT is a file that the finished binary is copied to. Needs gcc and the pinned Rust, nothing else.
set -eu

# The promise of the README: it is copied into images, once for each version.
MAX_BYTES=6000000

root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-}
case $out in
'' | /*) ;;
*) out=$PWD/$out ;;
esac
cd "$root"

say() {
	printf '%s\n' "$*" >&2
}

fail() {
	say "error: $*"
	exit 1
}

case $(uname -m) in
x86_64 | amd64) arch=x86_64 ;;
aarch64 | arm64) arch=aarch64 ;;
*) fail "there is no sidecar for the architecture \`$(uname -m)\`" ;;
esac

target=$arch-unknown-linux-musl
# The names of cargo's and cc's variables for this target.
lower=$(printf %s "$target" | tr - _)
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
	# The C in `ring` needs no C library, so that the host's own compiler will do.
	if ! command -v "$arch-linux-musl-gcc" >/dev/null 2>&1 && ! command -v musl-gcc >/dev/null 2>&1; then
		eval "compiler=\${CC_$lower:-gcc}"
		export "CC_$lower=$compiler"
	fi
else
	[ "$(uname -s)" = Linux ] || fail "the Rust target \`$target\` is not installed: \`rustup target add $target\`"
	say "note: the Rust target \`$target\` is not installed; building a static glibc binary instead"
	target=$arch-unknown-linux-gnu
	# For the target only: build scripts and macros need the dynamic way.
	variable=CARGO_TARGET_$(printf %s "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS
	export "$variable=-C target-feature=+crt-static"
fi

cargo build --locked --profile sidecar --package bottle-sidecar --bin bottle-sidecar --target "$target" >&2

target_dir=$(cargo metadata --locked --no-deps --format-version 1 |
	sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
binary=$target_dir/$target/sidecar/bottle-sidecar
[ -f "$binary" ] || fail "cargo made no \`$binary\`"

# A program that asks for an interpreter cannot run in an image that has nothing but itself.
if command -v readelf >/dev/null 2>&1; then
	if readelf -lW "$binary" | grep -q ' INTERP '; then
		fail "\`$binary\` is not static: it names a program interpreter"
	fi
elif command -v ldd >/dev/null 2>&1; then
	if ldd "$binary" 2>/dev/null | grep -q '=>'; then
		fail "\`$binary\` is not static: it needs shared libraries"
	fi
else
	fail "neither \`readelf\` nor \`ldd\` is there to check that the binary is static"
fi

bytes=$(wc -c <"$binary" | tr -d ' ')
[ "$bytes" -le "$MAX_BYTES" ] || fail "\`$binary\` has $bytes bytes; the bound is $MAX_BYTES"
say "built for $target: $bytes bytes"

if [ -n "$out" ]; then
	mkdir -p "$(dirname "$out")"
	cp "$binary" "$out"
	binary=$out
fi
printf '%s\n' "$binary"

#!/bin/sh
# Builds a release into `dist/`: an archive for each system, and its checksum.
#
# usage: packaging/dist.sh [--base-url URL] [linux|macos]...
#
#   linux            bottle-<version>-x86_64-unknown-linux-musl.tar.gz
#   macos            bottle-<version>-aarch64-apple-darwin.tar.gz; only on a Mac
#   --base-url URL   where the archives will be published; with it, the one for macOS
#                    gets a Homebrew formula too, `dist/bottle.rb`
#
# Without names it builds both.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
out=$root/dist
LINUX=x86_64-unknown-linux-musl
MACOS=aarch64-apple-darwin

say() {
	printf '%s\n' "$*" >&2
}

fail() {
	say "error: $*"
	exit 1
}

base_url=
wants=
while [ $# -gt 0 ]; do
	case $1 in
	--base-url=*) base_url=${1#--base-url=} ;;
	--base-url)
		[ $# -ge 2 ] || fail "\`--base-url\` needs a URL"
		base_url=$2
		shift
		;;
	linux | macos) wants="$wants $1" ;;
	*) fail "unknown word \`$1\`: linux, macos, or \`--base-url\`" ;;
	esac
	shift
done
wants=${wants:-linux macos}
case $wants in
*macos*) ;;
*) [ -z "$base_url" ] || fail "\`--base-url\` is for the formula, which goes with the archive for macOS" ;;
esac

version=$(sed -n '/^\[workspace\.package\]/,/^$/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
[ -n "$version" ] || fail "\`Cargo.toml\` names no version"
# The archives of one commit carry its time, whenever they are made.
BOTTLE_DIST_TIME=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M.%S 2>/dev/null) ||
	BOTTLE_DIST_TIME=198001010000.00
export BOTTLE_DIST_TIME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

target_dir=$(cargo metadata --locked --no-deps --format-version 1 |
	sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')

needs_target() {
	[ -d "$(rustc --print sysroot)/lib/rustlib/$1" ] ||
		fail "the Rust target \`$1\` is not installed: \`rustup target add $1\`"
}

# Completions and man pages come from a program that runs here; they are the same for all systems.
completions() {
	mkdir -p "$work/completions"
	"$1" completions bash >"$work/completions/bottle.bash"
	"$1" completions zsh >"$work/completions/_bottle"
	"$1" completions fish >"$work/completions/bottle.fish"
	"$1" man "$work/completions/man"
}

pack() {
	archive=$(packaging/pack.sh "$version" "$1" "$target_dir/$1/release/bottle" "$work/sidecar" "$work/completions" "$out")
	say "made $archive"
}

build_linux() {
	# The sidecar's script would take glibc where musl is missing. A release must not.
	needs_target $LINUX
	src/sidecar/build.sh --arch x86_64 "$work/sidecar" >/dev/null
	if [ "$(uname -s) $(uname -m)" = "Linux x86_64" ]; then
		cargo build --locked --release --package bottle --target $LINUX >&2
		runs_here=$target_dir/$LINUX/release/bottle
	else
		cargo zigbuild --locked --release --package bottle --target $LINUX >&2
		cargo build --locked --release --package bottle >&2
		runs_here=$target_dir/release/bottle
	fi
	src/sidecar/static.sh "$target_dir/$LINUX/release/bottle" x86_64
	completions "$runs_here"
	pack $LINUX
}

build_macos() {
	needs_target $MACOS
	src/sidecar/build.sh --arch aarch64 "$work/sidecar" >/dev/null
	cargo build --locked --release --package bottle --target $MACOS >&2
	completions "$target_dir/$MACOS/release/bottle"
	pack $MACOS
	if [ -n "$base_url" ]; then
		packaging/formula.sh "$base_url" "$archive" >"$work/bottle.rb"
		mv "$work/bottle.rb" "$out/bottle.rb"
		say "made $out/bottle.rb"
	fi
}

status=0
for system in $wants; do
	if [ "$system" = linux ]; then
		build_linux
	elif [ "$(uname -s) $(uname -m)" = "Darwin arm64" ]; then
		build_macos
	else
		say "error: the archive for macOS is made on a Mac with Apple silicon only: it takes Apple's SDK, and runs \`bottle\` before it is packed"
		status=1
	fi
done
exit "$status"

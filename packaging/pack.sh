#!/bin/sh
# Packs one archive of a release, with its checksum beside it, and prints the archive's path.
#
# usage: packaging/pack.sh VERSION TARGET CLI SIDECAR COMPLETIONS OUT
#
#   TARGET       the Rust target of CLI; SIDECAR is for Linux on the same architecture
#   COMPLETIONS  a folder with `bottle.bash`, `_bottle` and `bottle.fish`, and the man pages in `man/`
#   OUT          the folder that the archive goes to
#
# The same files give the same archive: names are sorted, owner and time are fixed.
#   BOTTLE_DIST_TIME   the time of every entry, as `touch -t` takes it, in UTC   [198001010000.00]
#   TAR                GNU tar or bsdtar                                         [tar]
set -eu
umask 022

tar=${TAR:-tar}
time=${BOTTLE_DIST_TIME:-198001010000.00}
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 6 ] || fail "usage: packaging/pack.sh VERSION TARGET CLI SIDECAR COMPLETIONS OUT"
version=$1
target=$2
cli=$3
sidecar=$4
completions=$5
mkdir -p "$6"
out=$(cd "$6" && pwd)

name=bottle-$version-$target
archive=$name.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The layout is that of an installed prefix: `bin/bottle` looks for `../libexec/bottle`.
tree=$work/$name
bash=$tree/share/bash-completion/completions
zsh=$tree/share/zsh/site-functions
fish=$tree/share/fish/vendor_completions.d
man=$tree/share/man/man1
mkdir -p "$tree/bin" "$tree/libexec/bottle" "$bash" "$zsh" "$fish" "$man"
install -m 755 "$cli" "$tree/bin/bottle"
# The name is the one that `src/launch/sidecar_binary.rs` looks for.
install -m 755 "$sidecar" "$tree/libexec/bottle/bottle-sidecar-linux-${target%%-*}"
install -m 644 "$completions/bottle.bash" "$bash/bottle"
install -m 644 "$completions/_bottle" "$zsh/_bottle"
install -m 644 "$completions/bottle.fish" "$fish/bottle.fish"
install -m 644 "$completions/man/"*.1 "$man/"
install -m 644 "$root/README.md" "$root/LICENSE" "$root/CHANGELOG.md" "$tree/"

find "$tree" -exec env TZ=UTC touch -t "$time" {} +
(cd "$work" && find "$name" | LC_ALL=C sort) >"$work/list"

case $("$tar" --version) in
*"GNU tar"*) set -- --owner=0 --group=0 --numeric-owner ;;
*bsdtar* | *libarchive*) set -- --uid 0 --gid 0 --uname '' --gname '' ;;
*) fail "\`$tar\` is neither GNU tar nor bsdtar" ;;
esac
# In a file, since the shell would not see tar fail before a pipe. Without the variable, a Mac's tar
# adds entries of its own for extended attributes.
COPYFILE_DISABLE=1 "$tar" --format=ustar --no-recursion "$@" -cf "$work/tar" -C "$work" -T "$work/list"
gzip -n -9 <"$work/tar" >"$work/$archive"

if command -v sha256sum >/dev/null 2>&1; then
	(cd "$work" && sha256sum "$archive") >"$work/sum"
else
	(cd "$work" && shasum -a 256 "$archive") >"$work/sum"
fi
mv "$work/$archive" "$out/$archive"
mv "$work/sum" "$out/$archive.sha256"
printf '%s\n' "$out/$archive"

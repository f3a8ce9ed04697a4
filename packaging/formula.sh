#!/bin/sh
# Prints the Homebrew formula for an archive that `packaging/pack.sh` made.
#
# usage: packaging/formula.sh BASE_URL ARCHIVE
#
# BASE_URL is the folder that the archive can be fetched from, without a `/` at its end. It must be
# a real place: the hosts that are reserved for examples are refused.
set -eu

fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 2 ] || fail "usage: packaging/formula.sh BASE_URL ARCHIVE"
base=$1
archive=$2
template=$(cd "$(dirname "$0")" && pwd)/homebrew/bottle.rb.in

# What is left is safe between quotes in Ruby and between bars in sed.
case $base in
*[!A-Za-z0-9:/._~%+-]* | */) fail "\`$base\` is not a URL that a formula can hold" ;;
https://?*) ;;
*) fail "\`$base\` is not an https URL" ;;
esac
host=${base#https://}
host=${host%%/*}
case .${host%%:*} in
*.example.com | *.example.net | *.example.org | *.example | *.test | *.invalid | *.localhost)
	fail "\`$host\` is a host for examples: nothing can be fetched from it"
	;;
esac

file=$(basename "$archive")
case $file in
bottle-*-aarch64-apple-darwin.tar.gz) ;;
*) fail "\`$file\` is not the archive for a Mac" ;;
esac
version=${file#bottle-}
version=${version%-aarch64-apple-darwin.tar.gz}
[ -f "$archive.sha256" ] || fail "there is no \`$archive.sha256\`"
sum=$(cut -d ' ' -f 1 "$archive.sha256")
case $sum in
*[!0-9a-f]* | '') fail "\`$archive.sha256\` holds no checksum" ;;
esac

sed -e "s|@BASE_URL@|$base|g" -e "s|@ARCHIVE@|$file|g" -e "s|@VERSION@|$version|g" -e "s|@SHA256@|$sum|g" "$template"

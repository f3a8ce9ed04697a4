#!/bin/sh
# Fails unless a file is a static 64-bit Linux program for this architecture.
#
# usage: src/sidecar/static.sh FILE aarch64|x86_64
#
# Reads the ELF header with `od`, which every system has; a Mac has no `readelf`. What cannot be
# read is a failure.
set -eu

# The type of program header that names a program interpreter.
PT_INTERP=3
# A program has about ten of them.
MAX_HEADERS=64

fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 2 ] || fail "usage: src/sidecar/static.sh FILE aarch64|x86_64"
file=$1
arch=$2
case $arch in
x86_64) wanted=62 ;;
aarch64) wanted=183 ;;
*) fail "unknown architecture \`$arch\`: aarch64 or x86_64" ;;
esac
[ -f "$file" ] || fail "\`$file\` is not a file"

# Sets `number` to the unsigned little-endian number of $2 bytes at the offset $1.
read_number() {
	number=0
	count=0
	unit=1
	for byte in $(od -An -v -tu1 -j "$1" -N "$2" "$file"); do
		number=$((number + byte * unit))
		unit=$((unit * 256))
		count=$((count + 1))
	done
	[ "$count" -eq "$2" ] || fail "\`$file\` ends in the middle of its header"
}

# 0x7f, `ELF`, 64 bits, little-endian.
identity=$(od -An -v -tu1 -N 6 "$file" | tr -s ' \n' '  ' | sed 's/^ *//; s/ *$//')
[ "$identity" = "127 69 76 70 2 1" ] || fail "\`$file\` is not a 64-bit Linux program"

read_number 18 2
[ "$number" -eq "$wanted" ] || fail "\`$file\` is not for $arch: its machine type is $number, not $wanted"

# Seven of its eight bytes: what is larger is no offset, and would overflow the shell's numbers.
read_number 32 7
table=$number
read_number 54 2
size=$number
read_number 56 2
headers=$number
{ [ "$headers" -ge 1 ] && [ "$headers" -le $MAX_HEADERS ] && [ "$size" -ge 4 ]; } ||
	fail "\`$file\` has $headers program headers of $size bytes, which cannot be right"

at=0
while [ "$at" -lt "$headers" ]; do
	read_number $((table + at * size)) 4
	# A program that asks for an interpreter cannot run in an image that has nothing but itself.
	[ "$number" -ne $PT_INTERP ] || fail "\`$file\` is not static: it names a program interpreter"
	at=$((at + 1))
done

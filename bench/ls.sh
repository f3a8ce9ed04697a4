#!/bin/bash
# The time of `bottle ls` with many bottles in the state folder, beside the engines' own lists.
#
# usage: bench/ls.sh [-n RUNS] [-b BOTTLES] [-l LINES]
#
# Makes BOTTLES state folders (100) with an audit log of LINES lines each (2000), in a folder of its own,
# and lists them RUNS times (20): once with nothing counted yet, then as it is from then on. BOTTLE names the
# program (the release build of this checkout, which is built when it is not named). The first figure of each
# pair has no engine on `PATH`; the second one has those of this machine.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
runs=20 bottles=100 lines=2000
while getopts n:b:l: option; do
    case $option in
    n) runs=$OPTARG ;;
    b) bottles=$OPTARG ;;
    l) lines=$OPTARG ;;
    *) exit 2 ;;
    esac
done

if [ -z "${BOTTLE:-}" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" >&2
    BOTTLE=$(cargo metadata --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/bottle
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/home" "$work/none"

line='{"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","time":"2026-01-01T00:00:00.000Z","event":"decision","id":1,"verdict":"deny","reason":"host","scheme":"https","method":"CONNECT","host":"api.example.com","port":443}'
for _ in $(seq "$lines"); do printf '%s\n' "$line"; done > "$work/log"
for number in $(seq "$bottles"); do
    id=bench$number-aaaaaa
    folder=$work/state/bottle/$id
    mkdir -p "$folder/audit"
    cp "$work/log" "$folder/audit/audit.jsonl"
    : > "$folder/lock"
    printf '{"format":1,"id":"%s","agent":"bench","backend":"docker","created":"2026-01-01T00:00:00Z","owner":"0.bench","version":"0","manifest":"00","phase":"ended","keep":"asked"}\n' \
        "$id" > "$folder/record.json"
done

# Prints the milliseconds of one `ls`.
list() {
    local begin end
    begin=$(date +%s%N)
    env HOME="$work/home" XDG_STATE_HOME="$work/state" PATH="$1" "$BOTTLE" ls --all > "$work/listed"
    end=$(date +%s%N)
    [ "$(grep -c '^bench' "$work/listed")" = "$bottles" ]
    printf '%s\n' "$(((end - begin) / 100000))" | sed 's/.$/.&/'
}

# Prints the middle of RUNS of them.
middle() {
    for _ in $(seq "$runs"); do list "$1"; done | sort -n | sed -n "$(((runs + 1) / 2))p"
}

printf '%s bottles, %s lines each\n' "$bottles" "$lines"
printf 'the first time: %s ms\n' "$(list "$work/none")"
printf 'after that, no engine: %s ms; with the engines of this machine: %s ms\n' \
    "$(middle "$work/none")" "$(middle "$PATH")"

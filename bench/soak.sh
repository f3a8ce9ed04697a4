#!/bin/bash
# Many bottles: how many launches succeed, how long they take, and what is left in the end.
#
# usage: bench/soak.sh [-n RUNS] [-k PERCENT] [-j JOBS] [-H HELD] [-i IMAGE] BACKEND
#
# Runs a bottle whose agent tells the time, RUNS times (200), JOBS at once (1). PERCENT of the
# launchers (10) are killed with SIGKILL at a random point of an ordinary run's time. Then HELD bottles
# (0) are made to stay at the same time, listed, and stopped. In the end nothing may be left but what
# the killed ones left, and nothing at all after `bottle clean --yes`; else the status is 1.
# BOTTLE and BOTTLE_SIDECAR_BINARY name the programs (release builds of this checkout otherwise).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
runs=200 killed_share=10 jobs=1 held=0 image=docker.io/library/debian:bookworm-slim
while getopts n:k:j:H:i: option; do
    case $option in
    n) runs=$OPTARG ;;
    k) killed_share=$OPTARG ;;
    j) jobs=$OPTARG ;;
    H) held=$OPTARG ;;
    i) image=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# = 1 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
backend=$1

if [ -z "${BOTTLE:-}" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" >&2
    BOTTLE=$(cargo metadata --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/bottle
fi
if [ -z "${BOTTLE_SIDECAR_BINARY:-}" ]; then
    BOTTLE_SIDECAR_BINARY=$("$root/src/sidecar/build.sh" | tail -n 1)
fi
export BOTTLE_SIDECAR_BINARY

work=$(mktemp -d)
export BOTTLE_STATE_DIR=$work/state BOTTLE_CONFIG_DIR=$work/config
clear_up() {
    "$BOTTLE" clean --all --yes > /dev/null 2>&1 || true
    rm -rf "$work"
}
trap clear_up EXIT
{
    printf 'name = "soak"\ncommand = ["date", "+%%s%%3N"]\n'
    [ "$backend" = native ] || printf '[image]\nreference = "%s"\n' "$image"
} > "$work/soak.toml"

now() { printf '%s\n' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# One launch: writes `ok LAUNCH TEARDOWN`, `killed` or `failed` and its words.
launch() {
    local number=$1 begin end told pid status=0
    begin=$(now)
    if ((RANDOM % 100 < killed_share)); then
        "$BOTTLE" run --backend "$backend" "$work/soak.toml" < /dev/null > /dev/null 2>&1 &
        pid=$!
        sleep "$(awk -v most="$usual" -v part="$RANDOM" 'BEGIN { printf "%.3f", most / 1000 * part / 32768 }')"
        kill -KILL "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true
        echo killed > "$work/results/$number"
        return
    fi
    told=$("$BOTTLE" run --backend "$backend" "$work/soak.toml" < /dev/null 2> "$work/errors/$number") || status=$?
    end=$(now)
    if [ "$status" = 0 ]; then
        echo "ok $((told - begin)) $((end - told))" > "$work/results/$number"
    else
        echo "failed $status" > "$work/results/$number"
    fi
}

# Prints the value below which this many per cent of the numbers on standard input are.
percentile() {
    sort -n | awk -v part="$1" '{ value[NR] = $1 }
        END { if (!NR) { print "-"; exit } at = int(NR * part / 100 + 0.999999); print value[at < 1 ? 1 : at] }'
}

# What this machine has in use: processes, open files, mounts, interfaces, memory in MiB.
in_use() {
    printf '%s %s %s %s %s\n' "$(ls -d /proc/[0-9]* | wc -l)" "$(cut -f1 /proc/sys/fs/file-nr)" \
        "$(wc -l < /proc/self/mounts)" "$(ls /sys/class/net | wc -l)" \
        "$(awk '/^MemTotal/ { total = $2 } /^MemAvailable/ { print int((total - $2) / 1024) }' /proc/meminfo)"
}

mkdir -p "$work/results" "$work/errors"
"$BOTTLE" run --backend "$backend" "$work/soak.toml" < /dev/null > /dev/null 2> "$work/first" || {
    cat "$work/first" >&2
    exit 1
}
begin=$(now)
"$BOTTLE" run --backend "$backend" "$work/soak.toml" < /dev/null > /dev/null 2>&1
usual=$(($(now) - begin))

before=$(in_use)
begin=$(now)
for ((number = 1; number <= runs; number++)); do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
    launch "$number" &
done
wait
took=$(($(now) - begin))

count() { cat "$work"/results/* | grep -c "^$1" || true; }
ok=$(count ok) killed=$(count killed) failed=$(count failed)
printf 'backend %s, %s launches, %s at once, in %s s\n' "$backend" "$runs" "$jobs" $((took / 1000))
printf 'succeeded %s, failed %s, killed by us %s: %s %% of those that were not killed\n' "$ok" "$failed" "$killed" \
    "$(awk -v ok="$ok" -v failed="$failed" 'BEGIN { printf "%.1f", ok + failed ? 100 * ok / (ok + failed) : 0 }')"
printf '%-10s %8s %8s %8s\n' ms p50 p95 p99
for part in launch:2 teardown:3; do
    values=$(cat "$work"/results/* | awk -v field="${part#*:}" '/^ok/ { print $field }')
    printf '%-10s %8s %8s %8s\n' "${part%:*}" "$(percentile 50 <<< "$values")" \
        "$(percentile 95 <<< "$values")" "$(percentile 99 <<< "$values")"
done
for number in $(grep -l '^failed' "$work"/results/* 2> /dev/null | xargs -rn1 basename | head -3); do
    printf 'failed: %s\n' "$(tail -n 3 "$work/errors/$number" | tr '\n' ' ')"
done

hold() {
    local begin ids=() id
    begin=$(now)
    for ((number = 1; number <= held; number++)); do
        while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
        "$BOTTLE" run --detach --backend "$backend" "$work/soak.toml" -- sleep 3600 \
            < /dev/null > "$work/held.$number" 2> "$work/held.$number.error" &
    done
    wait
    mapfile -t ids < <(cat "$work"/held.[0-9]* 2> /dev/null | grep '^soak-')
    printf 'held %s of %s at once, made in %s s\n' "${#ids[@]}" "$held" $((($(now) - begin) / 1000))
    begin=$(now)
    "$BOTTLE" ls > "$work/listed"
    printf 'listed %s in %s ms\n' "$(grep -c '^soak-' "$work/listed")" $(($(now) - begin))
    for id in "${ids[@]}"; do
        while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
        "$BOTTLE" stop "$id" > /dev/null 2>&1 &
    done
    wait
    ((${#ids[@]} == held)) || {
        tail -qn 2 "$work"/held.*.error | sort | uniq -c | sort -rn | head -3
        failed=$((failed + held - ${#ids[@]}))
    }
}
((held == 0)) || hold

"$BOTTLE" clean --yes > /dev/null 2>&1 || true
left=$("$BOTTLE" ls --all --json | grep -c '"id"' || true)
after=$(in_use)
printf 'left after a clean: %s bottles\n' "$left"
printf '%-10s %10s %10s %10s %10s %10s\n' 'in use' processes files mounts interfaces 'MiB'
printf '%-10s %10s %10s %10s %10s %10s\n' before $before after $after
[ "$failed" = 0 ] && [ "$left" = 0 ]

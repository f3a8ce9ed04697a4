#!/bin/bash
# The wall time of `bottle run … true`, side by side with the same raw engine commands.
#
# usage: bench/launch.sh [-n RUNS] [-i IMAGE] [ENGINE…]
#
# Runs both in turn, RUNS times each (10) after one warm-up, on each ENGINE (docker and podman;
# `native` is held against bubblewrap where that is installed, else against `docker run --rm`), in
# containers of IMAGE, which must be there. What is measured is a warm machine: all images are built.
# BOTTLE names the program (the release build of this checkout, which is built when it is not named),
# and BOTTLE_SIDECAR_BINARY the sidecar's (built likewise).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
runs=10
image=docker.io/library/debian:bookworm-slim
while getopts n:i: option; do
    case $option in
    n) runs=$OPTARG ;;
    i) image=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
engines=("$@")
[ ${#engines[@]} -gt 0 ] || engines=(docker podman)

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
# What an interrupted run leaves of the raw commands; bottle clears up after itself.
clear_up() {
    for engine in "${engines[@]}"; do
        [ "$engine" != native ] || continue
        "$engine" rm --force --volumes "bench-$$-agent" "bench-$$-sidecar" > /dev/null 2>&1 || true
        "$engine" network rm "bench-$$-internal" "bench-$$-egress" > /dev/null 2>&1 || true
    done
    rm -rf "$work"
}
trap clear_up EXIT
export BOTTLE_STATE_DIR=$work/state BOTTLE_CONFIG_DIR=$work/config
printf 'name = "bench"\ncommand = ["true"]\n[image]\nreference = "%s"\n' "$image" > "$work/bench.toml"

bottle() {
    "$BOTTLE" run --ignore-image --backend "$1" "$work/bench.toml" < /dev/null > "$work/out" 2>&1 || {
        cat "$work/out" >&2
        return 1
    }
}

# What one would write by hand, in the order in which one would write it.
raw() {
    local engine=$1 name=bench-$$ sealed
    case $engine in
    native)
        if command -v bwrap; then
            bwrap --unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin \
                --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev true
        else
            docker run --rm "$image" true
        fi
        return
        ;;
    podman) sealed=--disable-dns ;;
    *) sealed=--opt=com.docker.network.bridge.inhibit_ipv4=true ;;
    esac
    local safe=(--pull=never --cap-drop=ALL --security-opt=no-new-privileges)
    "$engine" network create --internal "$sealed" "$name-internal"
    "$engine" network create "$name-egress"
    "$engine" create "${safe[@]}" --name="$name-sidecar" --network="$name-egress" --user=0:0 \
        --read-only --tmpfs=/run --volume="$work/audit:/audit:rw,Z" "$sidecar_image" serve
    "$engine" network connect "$name-internal" "$name-sidecar"
    "$engine" start "$name-sidecar"
    "$engine" container inspect "$name-sidecar"
    "$engine" create "${safe[@]}" --name="$name-agent" --network="$name-internal" \
        --dns=127.0.0.1 --entrypoint=/.bottle/guest "$agent_image" init
    "$engine" start "$name-agent"
    "$engine" exec "$name-agent" true
    if [ "$engine" = podman ]; then
        "$engine" rm --force --volumes --time=0 "$name-agent" "$name-sidecar"
    else
        "$engine" rm --force --volumes "$name-agent" "$name-sidecar"
    fi
    "$engine" network rm "$name-internal" "$name-egress"
}

quiet_raw() {
    raw "$1" < /dev/null > "$work/out" 2>&1 || {
        cat "$work/out" >&2
        return 1
    }
}

# Prints the milliseconds that a command takes.
measure() {
    local begin=${EPOCHREALTIME/[.,]/}
    "$@"
    local end=${EPOCHREALTIME/[.,]/}
    printf '%s\n' $(((end - begin) / 1000))
}

# Prints the value below which this many per cent of the lines of a file are.
percentile() {
    sort -n "$2" | awk -v part="$1" '{ value[NR] = $1 }
        END { at = int(NR * part / 100 + 0.999999); print value[at < 1 ? 1 : at] }'
}

# Finds the images that a bottle is made of, so that the raw commands take the same.
find_images() {
    local id
    [ "$1" != native ] || return 0
    id=$("$BOTTLE" run --detach --backend "$1" "$work/bench.toml" -- /.bottle/guest init 2> "$work/out" < /dev/null) || {
        cat "$work/out" >&2
        return 1
    }
    sidecar_image=$("$1" container inspect --format '{{.Config.Image}}' "bottle-$id-sidecar")
    agent_image=$("$1" container inspect --format '{{.Config.Image}}' "bottle-$id-agent")
    "$BOTTLE" stop "$id" > /dev/null
}

mkdir -p "$work/audit"
printf '%-8s %6s %16s %16s %16s %16s %7s\n' \
    engine runs 'bottle median' 'bottle p90' 'raw median' 'raw p90' ratio
for engine in "${engines[@]}"; do
    find_images "$engine"
    bottle "$engine"
    quiet_raw "$engine"
    : > "$work/bottle.ms"
    : > "$work/raw.ms"
    for ((run = 0; run < runs; run++)); do
        measure bottle "$engine" >> "$work/bottle.ms"
        measure quiet_raw "$engine" >> "$work/raw.ms"
    done
    bottle_median=$(percentile 50 "$work/bottle.ms")
    raw_median=$(percentile 50 "$work/raw.ms")
    printf '%-8s %6s %13s ms %13s ms %13s ms %13s ms %7s\n' "$engine" "$runs" \
        "$bottle_median" "$(percentile 90 "$work/bottle.ms")" \
        "$raw_median" "$(percentile 90 "$work/raw.ms")" \
        "$(awk -v a="$bottle_median" -v b="$raw_median" 'BEGIN { printf "%.2f", a / b }')"
done

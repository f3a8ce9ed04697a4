#!/bin/sh
# Apple's `container` as far as `doctor` looks: its version, and whether its service runs.
here=${0%/*}
printf '%s\n' "container $*" >> "$here/../calls"
case "$1 ${2-}" in
"--version ")
    read -r version < "$here/../container-version"
    printf 'container CLI version %s (build: release, commit: 0190097)\n' "$version"
    ;;
"system status")
    read -r status < "$here/../container-status"
    printf '{"apiServerVersion":"","status":"%s"}\n' "$status"
    [ "$status" = running ]
    ;;
*)
    printf 'Error: nobody expected: %s\n' "$*" >&2
    exit 64
    ;;
esac

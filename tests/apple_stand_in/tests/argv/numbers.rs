//! Sections 2.0 and 2.1: values that are numbers or networks.

use crate::harness::check_all;

#[test]
fn numbers_are_strict() {
    check_all(&[
        ("run --cpus=2 i", "ok"),
        ("run --cpus=+2 i", "ok"),
        ("run --cpus=-2 i", "ok"),
        (
            "run --cpus=2.5 i",
            "64 The value '2.5' is invalid for '--cpus <cpus>'",
        ),
        (
            "run -c 2.5 i",
            "64 The value '2.5' is invalid for '-c <cpus>'",
        ),
        (
            "run --cpus '' i",
            "64 The value '' is invalid for '--cpus <cpus>'",
        ),
        ("run --cpus 9223372036854775808 i", "64"),
        ("run --uid 4294967295 i", "ok"),
        ("run --uid 4294967296 i", "64"),
        (
            "run --uid=-1 i",
            "64 The value '-1' is invalid for '--uid <uid>'",
        ),
        (
            "run --gid root i",
            "64 The value 'root' is invalid for '--gid <gid>'",
        ),
        ("stop --time 2147483647 x", "ok"),
        ("stop --time 2147483648 x", "64"),
        ("stop --time=-1 x", "ok"),
        ("system start --timeout 2.5", "ok"),
        (
            "system start --timeout 5s",
            "64 The value '5s' is invalid for '--timeout <timeout>'",
        ),
        (
            "build --vsock-port x /ctx",
            "64 The value 'x' is invalid for '--vsock-port <port>'",
        ),
        ("image pull --max-concurrent-downloads many x", "64"),
        (
            "logs -n 1e3 x",
            "64 The value '1e3' is invalid for '-n <n>'",
        ),
    ]);
}

#[test]
fn networks_are_strict() {
    check_all(&[
        ("network create --subnet 192.168.64.0/24 n", "ok"),
        ("network create --subnet-v6 fd00::/64 n", "ok"),
        ("network create --subnet 192.168.64.0 n", "64"),
        ("network create --subnet 192.168.64.0/33 n", "64"),
        ("network create --subnet fd00::/64 n", "64"),
        ("network create --subnet-v6 192.168.64.0/24 n", "64"),
        ("network create --subnet-v6 fd00:: n", "64"),
    ]);
}

#[test]
fn what_lives_behind_the_parser_is_not_judged() {
    check_all(&[
        ("run --memory lots i", "ok"),
        ("run --label a=b=c i", "ok"),
        ("run --name A!B i", "ok"),
        ("run -p 80 i", "ok"),
        ("run -p 0:80 i", "ok"),
        ("run --mount nonsense i", "ok"),
        ("run --network nowhere i", "ok"),
        ("run --scheme gopher i", "ok"),
        ("network create none", "ok"),
        ("network create --label A_b=c n", "ok"),
        ("image list -q -v", "ok"),
        ("copy a b", "ok"),
    ]);
}

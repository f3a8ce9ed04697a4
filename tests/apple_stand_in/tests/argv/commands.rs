//! Sections 2.1 to 2.7: every command with its options, aliases and arguments.

use crate::harness::check_all;

#[test]
fn containers() {
    check_all(&[
        ("create -it --rm --name n img sh -c ls", "ok"),
        (
            "create --progress plain img",
            "64 Unknown option '--progress'",
        ),
        ("run --progress plain img", "ok"),
        ("start x", "ok"),
        ("start -ai x", "ok"),
        ("start", "64 Missing expected argument '<container-id>'"),
        ("start a b", "64 Unexpected argument 'b'"),
        ("stop -s INT -t 1 a b", "ok"),
        ("kill -s KILL a", "ok"),
        ("delete -f a", "ok"),
        ("ls -aq --format yaml", "ok"),
        ("inspect a b", "ok"),
        ("exec -d -it -e A=b -w / -u 0 id ls", "ok"),
        ("logs --boot -f -n 10 id", "ok"),
        ("logs --n 10 id", "64"),
        ("logs --tail 10 id", "64 Unknown option '--tail'"),
        ("copy a:/b c", "ok"),
        ("export -o f x", "ok"),
        ("export x", "ok"),
        ("export --image y x", "64"),
        ("stats", "ok"),
        ("stats --no-stream --format json a b", "ok"),
        ("prune", "ok"),
        ("prune -a", "64 Unknown option '-a'"),
    ]);
}

#[test]
fn the_groups_of_options_of_run() {
    check_all(&[
        ("run -e A -e B=c --env-file f --env-file g i", "ok"),
        ("run -u 0:0 --uid 0 --gid 0 i", "ok"),
        ("run -w / --workdir / --cwd / i", "ok"),
        ("run --ulimit nofile=1024:2048 i", "ok"),
        ("run -c 2 -m 1g i", "ok"),
        (
            "run --dns 1.1.1.1 --dns-domain d --dns-option o --dns-search s i",
            "ok",
        ),
        ("run --scheme http --max-concurrent-downloads 3 i", "ok"),
        (
            "run -a arm64 --arch amd64 --os linux --platform linux/arm64 i",
            "ok",
        ),
        (
            "run --cap-add ALL --cap-drop NET_RAW --cidfile f -d --entrypoint e i",
            "ok",
        ),
        ("run --init --init-image i -k k -l a=b --label c i", "ok"),
        (
            "run --mount m --name n --network a --network b --no-dns i",
            "ok",
        ),
        (
            "run -p 1:2 --publish 3:4 --publish-socket a:b --read-only i",
            "ok",
        ),
        ("run --rm i", "ok"),
        ("run --remove i", "ok"),
        (
            "run --rosetta --runtime r --ssh --shm-size 1g --tmpfs /t --virtualization i",
            "ok",
        ),
        ("run -v a:b --volume c:d i", "ok"),
    ]);
}

#[test]
fn no_dns_excludes_the_other_options() {
    let refusal = "64 `--no-dns` cannot be used with DNS configuration flags (`--dns`, \
        `--dns-domain`, `--dns-option`, `--dns-search`)";
    check_all(&[
        ("run --no-dns i", "ok"),
        ("run --dns 1.1.1.1 i", "ok"),
        ("run --no-dns --dns 1.1.1.1 i", refusal),
        ("run --dns-domain d --no-dns i", refusal),
        ("run --dns-option o --no-dns i", refusal),
        ("create --dns-search s --no-dns i", refusal),
        // It comes before a missing image, and behind a call for help.
        ("run --no-dns --dns 1.1.1.1", refusal),
        ("run --no-dns --dns 1.1.1.1 --help", "help"),
        ("run --no-dns i --dns 1.1.1.1", "ok"),
    ]);
}

#[test]
fn images() {
    check_all(&[
        ("image list --format toml -v", "ok"),
        ("i ls -q", "ok"),
        ("image inspect a b", "ok"),
        (
            "image inspect",
            "64 Missing expected argument '<images> ...'",
        ),
        (
            "image pull --scheme https --progress none -a arm64 --os linux --platform p x",
            "ok",
        ),
        ("image pull", "64 Missing expected argument '<reference>'"),
        ("image pull a b", "64 Unexpected argument 'b'"),
        ("image push x", "ok"),
        ("image push --max-concurrent-downloads 3 x", "64"),
        ("image delete -f x y", "ok"),
        ("image prune -a", "ok"),
        ("image save -o f a b", "ok"),
        (
            "image save",
            "64 Missing expected argument '<references> ...'",
        ),
        ("image load -i f -f", "ok"),
        ("image load", "ok"),
        ("image tag a b", "ok"),
        ("image tag a", "64 Missing expected argument '<target>'"),
        (
            "registry login --scheme http --password-stdin -u me host",
            "ok",
        ),
        ("r logout host", "ok"),
        ("r ls -q --format json", "ok"),
    ]);
}

#[test]
fn networks_and_volumes() {
    check_all(&[
        (
            "network create --internal --label a=b --option c=d --plugin p n",
            "ok",
        ),
        ("network create", "64 Missing expected argument '<name>'"),
        ("network create a b", "64 Unexpected argument 'b'"),
        ("n ls -q --format json", "ok"),
        ("network inspect a b", "ok"),
        (
            "network inspect",
            "64 Missing expected argument '<networks> ...'",
        ),
        ("network prune", "ok"),
        ("volume create --label a=b --opt size=1g -s 20G v", "ok"),
        ("volume create -s", "64 Missing value for '-s <s>'"),
        ("volume create --s 20G v", "64"),
        ("v ls -q", "ok"),
        ("volume inspect a", "ok"),
        ("volume prune", "ok"),
    ]);
}

#[test]
fn the_builder_and_the_system() {
    check_all(&[
        ("builder start -c 2 -m 1g --dns 1.1.1.1", "ok"),
        ("builder status -q --format json", "ok"),
        ("builder stop", "ok"),
        ("builder rm -f", "ok"),
        (
            "s start -a r --install-root i --log-root l --enable-kernel-install --timeout 5",
            "ok",
        ),
        ("system start --disable-kernel-install", "ok"),
        ("system stop -p x", "ok"),
        ("system status -p x --format json", "ok"),
        ("system version --format json", "ok"),
        ("system property ls --format toml", "ok"),
        (
            "system property get x",
            "64 2 unexpected arguments: 'get', 'x'",
        ),
        ("system dns create --localhost 1.2.3.4 x", "ok"),
        ("system dns rm x", "ok"),
        ("system dns ls -q", "ok"),
        ("system df --format json", "ok"),
        (
            "system kernel set --arch arm64 --binary b --tar t --recommended --force",
            "ok",
        ),
    ]);
}

#[test]
fn machines() {
    check_all(&[
        (
            "machine create -n m --set-default --no-boot --cpus 2 --memory 1g img",
            "ok",
        ),
        ("m ls", "ok"),
        ("machine rm x", "ok"),
        ("machine stop", "ok"),
        ("machine inspect", "ok"),
        ("machine run -n m", "ok"),
        ("machine run -it ls -l", "ok"),
        ("machine set -n m a=b c=d", "ok"),
        ("machine set-default", "64 Missing expected argument '<id>'"),
        ("machine logs -n 5", "ok"),
    ]);
}

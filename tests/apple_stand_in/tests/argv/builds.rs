//! Section 2.3: what `build` checks before it starts.

use apple_stand_in::version::Version;

use crate::harness::{check, check_all};

#[test]
fn the_context_and_the_dockerfile_exist() {
    check_all(&[
        ("build /ctx", "ok"),
        ("build /pod", "ok"),
        ("build /bare", "64 dockerfile not found in context dir"),
        ("build -f - /bare", "ok"),
        ("build -f /ctx/Dockerfile /bare", "ok"),
        (
            "build -f /nowhere /ctx",
            "64 dockerfile does not exist /nowhere",
        ),
        ("build /nowhere", "64 context dir does not exist /nowhere"),
        ("build", "64 context dir does not exist ."),
        ("build /nowhere --help", "help"),
        // The checks come before leftover words are looked at.
        (
            "build --bogus /nowhere",
            "64 context dir does not exist /nowhere",
        ),
        ("build /ctx /pod", "64 Unexpected argument '/pod'"),
    ]);
}

#[test]
fn tags_are_references() {
    check_all(&[
        ("build -t a:1 --tag localhost:5000/b/c /ctx", "ok"),
        ("build -t a:1 -t A /ctx", "64 invalid reference A"),
        ("build --tag= a /ctx", "ok"),
        // The context is looked at first, then the tags.
        (
            "build -t A /nowhere",
            "64 context dir does not exist /nowhere",
        ),
        ("build -t A /bare", "64 invalid reference A"),
    ]);
}

#[test]
fn secrets_have_a_key_and_a_source() {
    check_all(&[
        ("build --secret id=TOKEN /ctx", "ok"),
        ("build --secret id=k,env=TOKEN /ctx", "ok"),
        ("build --secret id=k,src=/nowhere /ctx", "ok"),
        (
            "build --secret id=NOTHING /ctx",
            "64 secret env var doesn't exist NOTHING",
        ),
        (
            "build --secret id=k,env=NOTHING /ctx",
            "64 secret env var doesn't exist NOTHING",
        ),
        (
            "build --secret key=k /ctx",
            "64 secret must start with id=<key> key=k",
        ),
        (
            "build --secret id=a=b /ctx",
            "64 secret id cannot contain '=' a=b",
        ),
        (
            "build --secret id=k,file=f /ctx",
            "64 secret bad value file=f",
        ),
    ]);
}

#[test]
fn the_agent_is_the_default_one() {
    for (line, expected) in [
        ("build --ssh '' /ctx", "ok"),
        (
            "build --ssh default /ctx",
            "64 --ssh default requires SSH_AUTH_SOCK to be set",
        ),
        (
            "build --ssh other /ctx",
            "64 only --ssh default is currently supported",
        ),
    ] {
        check(Version::V1_2_2, line, expected);
    }
}

#[test]
fn options() {
    check_all(&[
        (
            "build -a arm64,amd64 --os linux --platform linux/arm64 /ctx",
            "ok",
        ),
        (
            "build --build-arg a=b --cache-in c --cache-out d -c 2 -m 1g -l a=b /ctx",
            "ok",
        ),
        (
            "build --no-cache -o type=tar --progress tty -q --target t --pull /ctx",
            "ok",
        ),
        (
            "build --vsock-port 8088 --dns 1.1.1.1 --dns-search s /ctx",
            "ok",
        ),
        (
            "build --add-host=a:b /ctx",
            "64 Unknown option '--add-host'",
        ),
        // The word behind an unknown option is the context.
        (
            "build --build-context a=b /ctx",
            "64 context dir does not exist a=b",
        ),
    ]);
}

//! What the daemon refuses: behind the grammar, each beside what passes.

use super::mac::Mac;

#[test]
fn bad_values_of_run() {
    let Some(mac) = Mac::new() else { return };
    let file = mac.folder().join("f").display().to_string();
    std::fs::write(&file, "x").unwrap();
    for (option, text) in [
        (
            "--memory=199m",
            "minimum memory amount allowed is 200 MiB (got 208666624 bytes)",
        ),
        ("--label=a=b=c", "invalid label format a=b=c"),
        ("--publish=80", "invalid publish value: 80"),
        ("--publish=0:80", "invalid publish host port range: 0"),
        ("--cap-drop=NOPE", "NOPE"),
        ("--ulimit=files=1", "unsupported ulimit type 'files'"),
        ("--volume=/no/such:/x", "path '/no/such' does not exist"),
        (
            "--mount=type=bind,source=/no/such,target=/x",
            "path '/no/such' does not exist",
        ),
        ("--name=a", "invalid entity name a"),
        (
            "--platform=linux/s390x",
            "does not support required platforms",
        ),
        ("--ssh", "the stand-in for `container` lacks `--ssh`"),
    ] {
        mac.call(&["run", "--rm", option, mac.image, "true"])
            .refused(text);
    }
    let bind = format!("--mount=type=bind,source={file},target=/x");
    mac.call(&["run", "--rm", &bind, mac.image, "true"])
        .refused("is not a directory");
    for option in [
        "--memory=200m".to_owned(),
        "--label=a=b".to_owned(),
        "--cap-drop=NET_RAW".to_owned(),
        "--ulimit=nofile=100".to_owned(),
        format!("--volume={file}:/x:ro"),
        format!(
            "--mount=type=bind,source={},target=/x",
            mac.folder().display()
        ),
    ] {
        mac.call(&["run", "--rm", &option, mac.image, "true"]).ok();
    }
    assert_eq!(mac.say("list --all --quiet").ok(), "");
}

//! Builds and images.

use serde_json::Value;

use super::mac::{Answer, Mac};

fn build(mac: &Mac, dockerfile: &str) -> Answer {
    let folder = mac.folder();
    std::fs::write(
        folder.join("Dockerfile"),
        dockerfile.replace("IMAGE", mac.image),
    )
    .unwrap();
    let tag = format!("--tag={}:1", mac.name);
    mac.call(&[
        "build",
        "--progress=plain",
        &tag,
        &folder.display().to_string(),
    ])
}

#[test]
fn a_build_runs_with_the_builders_resolver() {
    let Some(mac) = Mac::new() else { return };
    assert_eq!(mac.say("builder status --format=json").ok(), "[]\n");
    assert_eq!(mac.say("builder start --dns=192.0.2.53").ok(), "");
    let text = "FROM IMAGE\nRUN cp /etc/resolv.conf /seen\nONBUILD RUN true\n";
    assert_eq!(build(&mac, text).ok(), format!("{}:1\n", mac.name));
    assert!(
        mac.say("run --rm @:1 cat /seen")
            .ok()
            .contains("nameserver 192.0.2.53")
    );
    let shown: Value = serde_json::from_str(&mac.say("image inspect @:1").ok()).unwrap();
    assert_eq!(shown[0]["configuration"]["name"], format!("{}:1", mac.name));
    assert_eq!(
        shown[0]["variants"][0]["config"]["config"].get("OnBuild"),
        None
    );
    // Stored as given, it is not found under the full form.
    mac.say("image inspect docker.io/library/@:1")
        .refused("image not found: ");
    let all = mac.say("list --all --format=json").ok();
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all[0]["id"], "buildkit");
    let plugin = &all[0]["configuration"]["labels"]["com.apple.container.plugin"];
    assert_eq!(plugin, "builder");
    mac.say("builder delete").refused("not stopped");
    mac.say("builder stop").ok();
    mac.say("builder delete").ok();
    assert_eq!(
        mac.say("image delete @:1").ok(),
        format!("{}:1\n", mac.name)
    );
    mac.say("image delete @:1")
        .refused("failed to delete one or more images: [");
}

#[test]
fn a_failed_step_is_told() {
    let Some(mac) = Mac::new() else { return };
    let failed = build(&mac, "FROM IMAGE\nRUN exit 3\n");
    let text = "Error: unknown: \"failed to solve: process \"/bin/sh -c exit 3\" did not complete \
                successfully: exit code: 3\"";
    failed.refused(text);
    let large = format!("FROM IMAGE\n#{}\n", "x".repeat(16 * 1024));
    build(&mac, &large).refused("must be less than 16384 bytes");
}

#[test]
fn a_saved_image_is_a_layout() {
    let Some(mac) = Mac::new() else { return };
    let file = mac.folder().join("image.tar");
    let output = format!("--output={}", file.display());
    let saved = mac.call(&["image", "save", &output, mac.image]).ok();
    assert_eq!(saved, format!("{}\n", mac.image));
    let names = duct::cmd!("tar", "tf", &file).read().unwrap();
    for name in ["index.json", "oci-layout"] {
        assert!(names.lines().any(|line| line == name), "{names}");
    }
    mac.call(&["image", "save", "no-such-image"])
        .refused("failed to save image(s)");
}

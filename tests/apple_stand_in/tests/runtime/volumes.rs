//! Volumes.

use serde_json::Value;

use super::mac::Mac;

#[test]
fn a_volume_belongs_to_one_running_container() {
    let Some(mac) = Mac::new() else { return };
    assert_eq!(
        mac.say("volume create --label=k=v @-v").ok(),
        format!("{}-v\n", mac.name)
    );
    mac.say("volume create @-v").refused("already exists");
    mac.say("run --detach --name=@-a --volume=@-v:/data IMAGE sleep 600")
        .ok();
    mac.shell("@-a", "echo kept > /data/x").ok();
    mac.say("run --detach --name=@-b --volume=@-v:/data IMAGE sleep 600")
        .refused("VZErrorDomain Code=2");
    mac.say("inspect @-b").refused("container not found");
    mac.say("stop --time=0 @-a").ok();
    mac.say("run --detach --name=@-b --volume=@-v:/data IMAGE sleep 600")
        .ok();
    assert_eq!(mac.shell("@-b", "cat /data/x").ok(), "kept\n");
    mac.say("start @-a")
        .refused("storage device attachment is invalid");
}

#[test]
fn a_volume_stays_while_a_container_refers_to_it() {
    let Some(mac) = Mac::new() else { return };
    let made = mac.say("create --name=@-a --mount=type=volume,source=@-v,target=/data IMAGE true");
    assert!(made.stderr.contains("does not exist"), "{made:?}");
    made.ok();
    let shown: Value = serde_json::from_str(&mac.say("volume inspect @-v").ok()).unwrap();
    assert_eq!(shown[0]["configuration"]["sizeInBytes"], 512_u64 << 30);
    let refused = mac.say("volume delete @-v");
    assert!(
        refused.stderr.contains("is currently in use"),
        "{refused:?}"
    );
    refused.refused("delete failed for one or more volumes: [");
    mac.say("delete @-a").ok();
    assert_eq!(
        mac.say("volume delete @-v").ok(),
        format!("{}-v\n", mac.name)
    );
    mac.say("volume delete @-v")
        .refused("failed to delete one or more volumes: [");
    mac.say("volume inspect @-v").refused("volume not found: ");
}

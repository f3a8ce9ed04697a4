//! Networks.

use serde_json::{Value, json};

use super::mac::Mac;

#[test]
fn a_network_is_made_described_and_deleted() {
    let Some(mac) = Mac::new() else { return };
    let name = format!("{}-n", mac.name);
    let made = mac
        .say("network create --internal --label=dev.bottle.id=x @-n")
        .ok();
    assert_eq!(made.trim_end(), name);
    mac.say("network create @-n").refused("already exists");
    let text = mac.say("network inspect @-n").ok();
    assert!(text.contains("\\/24\""), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown[0]["configuration"]["mode"], "hostOnly");
    assert_eq!(
        shown[0]["configuration"]["labels"],
        json!({"dev.bottle.id": "x"})
    );
    assert_eq!(shown[0]["configuration"].get("ipv4Subnet"), None);
    let list = mac.say("network list --format=json").ok();
    let list: Value = serde_json::from_str(&list).unwrap();
    let ids: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [name.as_str(), "default"]);
    mac.say("network inspect @-n @-x")
        .refused("network not found: ");
    mac.say("network delete @-x")
        .refused("failed to delete one or more networks: [");
    mac.say("network delete default")
        .refused("cannot delete a builtin network: default");
    assert_eq!(mac.say("network delete @-n").ok().trim_end(), name);
}

#[test]
fn names_and_labels_have_a_grammar() {
    let Some(mac) = Mac::new() else { return };
    mac.say("network create --label=Upper=x @-n")
        .refused("invalid_label_key_content");
    mac.say("network create --label=a_b=x @-n")
        .refused("invalid_label_key_content");
    mac.say("network create @_N")
        .refused("invalid network name: ");
    mac.say("network create none")
        .refused("network none is not a valid name");
    mac.say("network create --label=a=b=c @-n").ok();
}

#[test]
fn a_network_stays_while_a_container_refers_to_it() {
    let Some(mac) = Mac::new() else { return };
    mac.say("network create @-n").ok();
    mac.say("create --name=@-a --network=@-n IMAGE true").ok();
    mac.say("network delete @-n")
        .refused("delete failed for one or more networks: [");
    assert_eq!(mac.say("network prune").ok(), "");
    mac.say("delete @-a").ok();
    assert_eq!(mac.say("network prune").ok(), format!("{}-n\n", mac.name));
}

#[test]
fn the_first_network_gives_route_and_resolver() {
    let Some(mac) = Mac::new() else { return };
    mac.say("network create @-out").ok();
    mac.say("network create --internal @-in").ok();
    mac.say("run --detach --name=@-p --network=@-out --network=@-in IMAGE sleep 600")
        .ok();
    mac.say("run --detach --name=@-a --network=@-in --no-dns IMAGE sleep 600")
        .ok();
    mac.say("run --detach --name=@-d --network=@-in --dns=192.0.2.53 IMAGE sleep 600")
        .ok();
    let shown = mac.inspect("@-p");
    let networks = shown["status"]["networks"].as_array().unwrap();
    let names: Vec<&Value> = networks.iter().map(|network| &network["network"]).collect();
    assert_eq!(
        names,
        [
            &json!(format!("{}-out", mac.name)),
            &json!(format!("{}-in", mac.name))
        ]
    );
    let gateway = networks[0]["ipv4Gateway"].as_str().unwrap();
    let resolver = |name: &str| mac.shell(name, "cat /etc/resolv.conf").ok();
    assert_eq!(resolver("@-p"), format!("nameserver {gateway}\n"));
    assert_eq!(resolver("@-d"), "nameserver 192.0.2.53\n");
    assert!(!resolver("@-a").contains("127.0.0.11"));
    // eth0 is the first network, and the only default route goes through it.
    let routes = mac.shell("@-p", "cat /proc/net/route").ok();
    let defaults: Vec<&str> = routes
        .lines()
        .filter(|line| line.contains("\t00000000\t"))
        .collect();
    let default = defaults
        .iter()
        .find(|line| line.split('\t').nth(1) == Some("00000000"));
    assert!(
        default.is_some_and(|line| line.starts_with("eth0")),
        "{routes}"
    );
}

#[test]
fn no_network_is_no_interface() {
    let Some(mac) = Mac::new() else { return };
    mac.say("run --detach --name=@-a --network=none IMAGE sleep 600")
        .ok();
    assert_eq!(mac.shell("@-a", "ls /sys/class/net").ok(), "lo\n");
    assert_eq!(mac.inspect("@-a")["status"]["networks"], json!([]));
    mac.say("run --rm --network=none --network=default IMAGE true")
        .refused("no other networks may be created along with network none");
    mac.say("run --rm --network=@-x IMAGE true")
        .refused("Error: network ");
}

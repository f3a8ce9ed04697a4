//! Reading `/proc/net` and `/etc/resolv.conf`, on texts as kernels print them.

use super::*;

fn sources() -> Sources {
    // The kernel prints addresses in its own byte order; so does the test.
    let hex = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
    let route = format!(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
         eth0\t00000000\t{}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
         eth0\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n\
         wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n\
         eth0\t{}\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n",
        hex([10, 1, 0, 254]),
        hex([10, 1, 0, 0]),
        hex([255, 255, 255, 0]),
        hex([10, 9, 9, 9]),
    );
    Sources {
        route,
        ipv6_route: "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000099 ffffffff 00000001 00000000 00200200       lo
"
        .to_owned(),
        if_inet6: "\
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000042acfffe110002 05 40 20 80     eth0
fd000000000000000000000000000007 05 40 00 80     eth0
"
        .to_owned(),
        fib_trie: "\
Main:
  +-- 0.0.0.0/0 3 0 5
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 10.1.0.0
        /24 universe UNICAST
        |-- 10.1.0.3
           /32 host LOCAL
     |-- 10.1.0.255
        /32 link BROADCAST
"
        .to_owned(),
        arp: "\
IP address       HW type     Flags       HW address            Mask     Device
10.1.0.2         0x1         0x2         02:42:ac:11:00:02     *        eth0
10.1.0.77        0x1         0x0         00:00:00:00:00:00     *        eth0
"
        .to_owned(),
        resolv_conf: "\
# nameserver 192.0.2.99
search example.test
nameserver 127.0.0.11
 nameserver\t10.1.0.2
nameserver fe80::1%eth0
nameserver nonsense
options ndots:0
"
        .to_owned(),
    }
}

fn places(texts: &[&str]) -> BTreeSet<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn everything_that_the_kernel_lists_is_found() {
    let found = Surroundings::read(&sources());
    let expected = Surroundings {
        addresses: ["10.1.0.3", "fe80::42:acff:fe11:2", "fd00::7"]
            .map(|text| text.parse().unwrap())
            .into(),
        gateways: places(&["10.1.0.254:0", "[fe80::1%5]:0", "[fd00::99]:0"]),
        first_addresses: places(&["10.1.0.1:0", "[fd00::1]:0"]),
        neighbours: places(&["10.1.0.2:0"]),
        resolvers: places(&["127.0.0.11:53", "10.1.0.2:53", "[fe80::1%5]:53"]),
        link: Some(5),
        state: State::Settled,
    };
    assert_eq!(found, expected);
}

#[test]
fn an_address_that_is_still_asked_about_is_told() {
    for (flags, expected) in [
        ("80", State::Settled),
        ("c0", State::Tentative),
        ("c8", State::Settled),
    ] {
        let sources = Sources {
            if_inet6: format!("fe800000000000000042acfffe110002 05 40 20 {flags} eth0\n"),
            ..Sources::default()
        };
        assert_eq!(Surroundings::read(&sources).state, expected, "{flags}");
    }
}

#[test]
fn nothing_is_found_where_nothing_is_listed() {
    assert_eq!(
        Surroundings::read(&Sources::default()),
        Surroundings::default()
    );
    let garbage =
        "x y z\n0 1 2 3 4 5 6 7 8 9\n|-- 1.2.3\n   /32 host LOCAL\nnameserver\n".to_owned();
    let sources = Sources {
        route: garbage.clone(),
        ipv6_route: garbage.clone(),
        if_inet6: garbage.clone(),
        fib_trie: garbage.clone(),
        arp: garbage.clone(),
        resolv_conf: garbage,
    };
    assert_eq!(Surroundings::read(&sources), Surroundings::default());
}

#[test]
fn the_own_system_can_be_read() {
    let found = Surroundings::look().unwrap();
    assert!(found.addresses.iter().all(|address| !address.is_loopback()));
}

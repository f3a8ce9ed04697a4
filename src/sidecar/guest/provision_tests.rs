//! Provisioning images that are folders here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use bottle_contract::secret::Secret;
use tempfile::TempDir;

use super::*;

const CA: &str = "-----BEGIN CERTIFICATE-----\nQk9UVExF\n-----END CERTIFICATE-----\n";
const ROOTS: &str = "-----BEGIN CERTIFICATE-----\nUk9PVA==\n-----END CERTIFICATE-----";

fn message() -> Provision {
    Provision {
        canary: None,
        ca: CA.to_owned(),
        env: BTreeMap::from([("KEY".to_owned(), Secret::new("hunter2".to_owned()))]),
        prompt: Some("Do it.".to_owned()),
        workdir: "/work".to_owned(),
        command: vec!["run".to_owned()],
        processes: None,
        timeout: None,
    }
}

/// An image with our layer and these files.
fn image(with: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [(PUBLIC_ROOTS, ROOTS)].iter().chain(with) {
        let path = files::under(root.path(), path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        files::replace(&path, text.as_bytes(), 0o444).unwrap();
    }
    root
}

fn read(root: &TempDir, path: &str) -> String {
    fs::read_to_string(files::under(root.path(), path)).unwrap()
}

fn mode(root: &TempDir, path: &str) -> u32 {
    fs::metadata(files::under(root.path(), path))
        .unwrap()
        .mode()
        & 0o7777
}

#[test]
fn the_bottles_files_are_written() {
    let root = image(&[]);
    let answer = provision(root.path(), message()).unwrap();
    assert_eq!(read(&root, CA_CERT), CA);
    assert_eq!(read(&root, CA_BUNDLE), format!("{ROOTS}\n{CA}"));
    assert_eq!(read(&root, PROMPT), "Do it.");
    assert_eq!(
        read(&root, ENVIRONMENT),
        r#"{"env":{"KEY":"hunter2"},"workdir":"/work","command":["run"]}"#
    );
    for path in [CA_CERT, CA_BUNDLE, PROMPT, ENVIRONMENT] {
        assert_eq!(mode(&root, path), 0o644, "{path}");
    }
    assert_eq!(mode(&root, RUN_DIR), 0o755);
    assert_eq!(answer.trust_store, Vec::<String>::new());
    assert_eq!(
        answer.skipped.as_deref(),
        Some("the image has no trust store")
    );
}

#[test]
fn a_bound_on_processes_goes_into_the_environment() {
    let root = image(&[]);
    let bounded = Provision {
        processes: Some(512),
        ..message()
    };
    provision(root.path(), bounded).unwrap();
    let text = read(&root, ENVIRONMENT);
    assert!(text.ends_with(r#","processes":512}"#), "{text}");
}

#[test]
fn ipv6_is_switched_off_or_it_is_told_why_not() {
    let switch = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    let root = image(&[(switch, "0\n")]);
    assert_eq!(provision(root.path(), message()).unwrap().ipv6, None);
    assert!(read(&root, switch).starts_with('1'));
    // A folder in the switch's place: even root cannot write that.
    let root = image(&[]);
    fs::create_dir_all(files::under(root.path(), switch)).unwrap();
    let why = provision(root.path(), message()).unwrap().ipv6.unwrap();
    assert!(why.contains(switch), "{why}");
}

#[test]
fn an_image_without_our_layer_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let error = provision(root.path(), message()).unwrap_err().to_string();
    assert!(error.contains("is not prepared for bottle"), "{error}");
}

#[test]
fn a_debian_store_gets_the_ca_once() {
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let root = image(&[(bundle, ROOTS)]);
    fs::create_dir_all(files::under(
        root.path(),
        "/usr/local/share/ca-certificates",
    ))
    .unwrap();
    let link = files::under(root.path(), "/etc/ssl/cert.pem");
    symlink("certs/ca-certificates.crt", &link).unwrap();
    for _ in 0..2 {
        let answer = provision(root.path(), message()).unwrap();
        assert_eq!(
            answer.trust_store,
            ["/usr/local/share/ca-certificates/bottle.crt", bundle]
        );
        assert_eq!(answer.skipped, None);
        assert_eq!(read(&root, bundle), format!("{ROOTS}\n{CA}"));
        assert_eq!(mode(&root, bundle), 0o444);
        assert_eq!(
            read(&root, "/usr/local/share/ca-certificates/bottle.crt"),
            CA
        );
        assert!(link.is_symlink());
    }
}

#[test]
fn other_families_get_it_where_their_tools_look() {
    let root = image(&[("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", ROOTS)]);
    for folder in [
        "/etc/pki/ca-trust/source/anchors",
        "/etc/pki/trust/anchors",
        "/etc/ca-certificates/trust-source/anchors",
    ] {
        fs::create_dir_all(files::under(root.path(), folder)).unwrap();
    }
    let answer = provision(root.path(), message()).unwrap();
    assert_eq!(
        answer.trust_store,
        [
            "/etc/pki/ca-trust/source/anchors/bottle.pem",
            "/etc/ca-certificates/trust-source/anchors/bottle.pem",
            "/etc/pki/trust/anchors/bottle.pem",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
        ]
    );
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_not_fatal() {
    // A folder in the place of the new file: even root cannot write that.
    let root = image(&[("/etc/ssl/certs/ca-certificates.crt", ROOTS)]);
    let block = files::under(root.path(), "/etc/ssl/certs/ca-certificates.crt.bottle-new");
    fs::create_dir(&block).unwrap();
    let answer = provision(root.path(), message()).unwrap();
    assert_eq!(answer.trust_store, Vec::<String>::new());
    let skipped = answer.skipped.unwrap();
    assert!(skipped.starts_with("cannot write `"), "{skipped}");
    assert!(skipped.contains("ca-certificates.crt"), "{skipped}");
    assert_eq!(read(&root, CA_CERT), CA);
}

#[test]
fn the_ca_of_an_earlier_start_is_not_trusted_any_more() {
    let store = "/etc/ssl/certs/ca-certificates.crt";
    let root = image(&[(store, "ROOT\n")]);
    provision(root.path(), message()).unwrap();
    assert_eq!(read(&root, store), format!("ROOT\n{CA}"));
    let next = CA.replace("Qk9U", "TkVX");
    let again = Provision {
        ca: next.clone(),
        ..message()
    };
    provision(root.path(), again).unwrap();
    assert_eq!(read(&root, store), format!("ROOT\n{next}"));
    assert_eq!(read(&root, CA_BUNDLE), format!("{ROOTS}\n{next}"));
}

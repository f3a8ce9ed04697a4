//! What of an archive goes into a snapshot.

use std::collections::BTreeMap;

use tar::Header;

use super::*;

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o640);
        header.set_uid(7);
        header.set_cksum();
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(
            (
                entry.header().uid().unwrap(),
                entry.header().mode().unwrap()
            ),
            (7, 0o640)
        );
        let path = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        found.push((path, text));
    }
    found
}

#[test]
fn what_is_ours_is_left_out_and_the_rest_is_as_it_was() {
    let long = format!("work/{}/end", "deep/".repeat(60));
    let big = "x".repeat(1025);
    let all = archive(&[
        (".bottle/run/environment.json", "hunter2"),
        (".bottle/run/ca.pem", "certificate"),
        (".bottle/guest", "program"),
        (".bottles", "the user's"),
        ("work/.bottle/run/environment.json", "the user's"),
        (&long, &big),
        ("empty", ""),
    ]);
    let mut filtered = Vec::new();
    filter(&all[..], &mut filtered).unwrap();
    let found = read(&filtered);
    let expected = [
        (".bottle/run/ca.pem", "certificate"),
        (".bottles", "the user's"),
        ("work/.bottle/run/environment.json", "the user's"),
        (&long, &big),
        ("empty", ""),
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    assert_eq!(found, expected);
    assert!(!String::from_utf8_lossy(&filtered).contains("hunter2"));
    // The control: it was there.
    assert!(String::from_utf8_lossy(&all).contains("hunter2"));
}

#[test]
fn an_archive_that_is_cut_is_an_error() {
    let all = archive(&[("a", "text"), ("b", &"x".repeat(2000))]);
    assert!(filter(&all[..], &mut Vec::new()).is_ok());
    assert!(filter(&all[..2000], &mut Vec::new()).is_err());
}

#[test]
fn names_of_ours_are_told_from_others() {
    for (name, expected) in [
        (".bottle", true),
        (".bottle/", true),
        ("./.bottle/run/prompt.md", true),
        ("/.bottle/roots.pem", true),
        (".bottle/run/ca.pem", false),
        (".bottle/run/ca.pem/x", true),
        ("home/.bottle", false),
        (".bottled/x", false),
    ] {
        let ours = is_ours(name.as_bytes(), EntryType::Regular);
        assert_eq!(ours, expected, "{name}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo] {
        assert!(is_ours(KEPT.as_bytes(), kind), "{kind:?}");
    }
}

#[test]
fn variables_of_the_image_stay_and_those_of_the_engine_do_not() {
    let env = [
        "PATH=/opt/bin:/bin",
        "HOSTNAME=abc",
        "ODD=a \"b\" $c",
        "TWO=a\nb",
    ];
    let record = ContainerRecord {
        name: "x".to_owned(),
        labels: BTreeMap::new(),
        running: false,
        exit_code: None,
        created: None,
        networks: BTreeMap::new(),
        env: env.map(str::to_owned).to_vec(),
        user: Some("1000:1000".to_owned()),
    };
    assert_eq!(
        dockerfile(&record).unwrap(),
        "FROM scratch\nADD root.tar /\nENV PATH=\"/opt/bin:/bin\"\nENV ODD=\"a \\\"b\\\" \\$c\"\nUSER 1000:1000\n"
    );
}

//! Ordinary text has nothing that stops it.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture::{detectors, send};
use crate::dlp::{Content, OnMatch};

/// Returns the files of this repository that are sent in the control.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("src"), root.join("docs"), root.join("bottles")];
    let mut files = vec![
        root.join("README.md"),
        root.join("Cargo.lock"),
        root.join("CHANGELOG.md"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What is made to be found is not ordinary.
            if ["dlp", "tests", "benches"]
                .iter()
                .any(|name| path.ends_with(name))
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn the_sources_of_this_repository_pass() {
    let detectors = detectors();
    let files = files();
    assert!(files.len() > 100, "{}", files.len());
    for path in files {
        let text = fs::read(&path).unwrap();
        let json = serde_json::to_vec(&String::from_utf8_lossy(&text)).unwrap();
        for body in [&text, &json] {
            let (out, end) = send(&detectors, Content::default(), OnMatch::Block, [&body[..]]);
            assert!(out == *body, "{}: {end:?}", path.display());
        }
    }
}

#[test]
fn random_bytes_and_base64_pass() {
    use base64::Engine as _;
    let detectors = detectors();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from(state >> 56).unwrap()
        })
        .collect();
    let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
    for body in [&bytes[..], text.as_bytes()] {
        let (out, end) = send(&detectors, Content::default(), OnMatch::Block, [body]);
        assert!(end.is_ok() && out == body, "{end:?}");
    }
}

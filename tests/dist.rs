//! The shape of a release: what an archive holds, the formula, and what building a sidecar refuses.
//!
//! Nothing is compiled here: the scripts get small files in the place of programs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this is a test: what cannot be read or run fails it"
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const MAC: &str = "aarch64-apple-darwin";
/// The time of every entry, unless `BOTTLE_DIST_TIME` says otherwise.
const MIDNIGHT_1980: u64 = 315_532_800;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with small files in the place of what a release is made of.
struct Parts {
    folder: TempDir,
}

/// How a script ended.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Parts {
    fn new() -> Self {
        let parts = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        parts.file("bottle", b"the program");
        parts.file("sidecar", b"the sidecar");
        parts.file("completions/bottle.bash", b"for bash");
        parts.file("completions/_bottle", b"for zsh");
        parts.file("completions/bottle.fish", b"for fish");
        parts.file("completions/man/bottle.1", b"a page");
        parts.file("completions/man/bottle-run.1", b"a page");
        parts
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    }

    fn pack(&self, target: &str) -> PathBuf {
        let words = [
            "0.0.7".into(),
            target.into(),
            self.path("bottle").into_os_string(),
            self.path("sidecar").into_os_string(),
            self.path("completions").into_os_string(),
            self.path("out").into_os_string(),
        ];
        let ran = finish(&script("packaging/pack.sh", words));
        assert_eq!(ran.status, 0, "{ran:?}");
        PathBuf::from(ran.out.trim())
    }
}

fn script<W: Into<std::ffi::OsString>>(
    path: &str,
    words: impl IntoIterator<Item = W>,
) -> duct::Expression {
    let mut all = vec![Path::new(ROOT).join(path).into_os_string()];
    all.extend(words.into_iter().map(Into::into));
    duct::cmd("/bin/sh", all)
}

fn finish(call: &duct::Expression) -> Ran {
    let output = call
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Lists an archive, of which nothing may tell who made it or when.
fn entries(archive: &Path) -> Vec<String> {
    let plain = duct::cmd!("gzip", "-dc", archive)
        .stdout_capture()
        .run()
        .unwrap();
    let mut tar = tar::Archive::new(Cursor::new(plain.stdout));
    let list = tar.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let names = (header.username().unwrap(), header.groupname().unwrap());
        assert_eq!((owner, names), ((0, 0), (Some(""), Some(""))));
        assert_eq!(header.mtime().unwrap(), MIDNIGHT_1980);
        let mode = header.mode().unwrap();
        format!("{mode:o} {}", entry.path().unwrap().display())
    });
    list.collect()
}

/// Returns the beginning of a program for Linux with program headers of these types.
fn elf(machine: u16, types: &[u32]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&u16::try_from(types.len()).unwrap().to_le_bytes());
    for kind in types {
        bytes.extend(kind.to_le_bytes());
        bytes.extend([0; 52]);
    }
    bytes
}

#[test]
fn an_archive_is_a_prefix_with_the_sidecar_where_the_program_looks_for_it() {
    let parts = Parts::new();
    let found = entries(&parts.pack(MAC));
    let expected = [
        "755 bottle-0.0.7-aarch64-apple-darwin/",
        "644 bottle-0.0.7-aarch64-apple-darwin/CHANGELOG.md",
        "644 bottle-0.0.7-aarch64-apple-darwin/LICENSE",
        "644 bottle-0.0.7-aarch64-apple-darwin/README.md",
        "755 bottle-0.0.7-aarch64-apple-darwin/bin/",
        "755 bottle-0.0.7-aarch64-apple-darwin/bin/bottle",
        "755 bottle-0.0.7-aarch64-apple-darwin/libexec/",
        "755 bottle-0.0.7-aarch64-apple-darwin/libexec/bottle/",
        "755 bottle-0.0.7-aarch64-apple-darwin/libexec/bottle/bottle-sidecar-linux-aarch64",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/bash-completion/",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/bash-completion/completions/",
        "644 bottle-0.0.7-aarch64-apple-darwin/share/bash-completion/completions/bottle",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/fish/",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/fish/vendor_completions.d/",
        "644 bottle-0.0.7-aarch64-apple-darwin/share/fish/vendor_completions.d/bottle.fish",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/man/",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/man/man1/",
        "644 bottle-0.0.7-aarch64-apple-darwin/share/man/man1/bottle-run.1",
        "644 bottle-0.0.7-aarch64-apple-darwin/share/man/man1/bottle.1",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/zsh/",
        "755 bottle-0.0.7-aarch64-apple-darwin/share/zsh/site-functions/",
        "644 bottle-0.0.7-aarch64-apple-darwin/share/zsh/site-functions/_bottle",
    ];
    assert_eq!(found, expected);
    let linux = entries(&parts.pack("x86_64-unknown-linux-musl"));
    let sidecar = "/libexec/bottle/bottle-sidecar-linux-x86_64";
    assert!(
        linux.iter().any(|entry| entry.ends_with(sidecar)),
        "{linux:?}"
    );
}

#[test]
fn the_same_files_give_the_same_archive_and_others_another() {
    let first = fs::read(Parts::new().pack(MAC)).unwrap();
    let second = Parts::new();
    // Made later, and with other rights: neither may be seen.
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(second.path("bottle"), mode).unwrap();
    assert!(fs::read(second.pack(MAC)).unwrap() == first);
    second.file("sidecar", b"another sidecar");
    assert!(fs::read(second.pack(MAC)).unwrap() != first);
}

#[test]
fn the_checksum_beside_an_archive_is_the_archives() {
    let parts = Parts::new();
    let archive = parts.pack(MAC);
    let digest = Sha256::digest(fs::read(&archive).unwrap());
    let mut hex = String::new();
    for byte in digest {
        write!(hex, "{byte:02x}").unwrap();
    }
    let told = fs::read_to_string(format!("{}.sha256", archive.display())).unwrap();
    assert_eq!(told, format!("{hex}  bottle-0.0.7-{MAC}.tar.gz\n"));
}

#[test]
fn the_formula_is_filled_from_the_archive_and_only_for_a_real_place() {
    let parts = Parts::new();
    let archive = parts.pack(MAC);
    let fill = |base: &str, archive: &Path| {
        finish(&script(
            "packaging/formula.sh",
            [base.as_ref(), archive.as_os_str()],
        ))
    };
    // The name is not asked for: no script here opens a connection.
    let base = "https://downloads.bottle.dev/v0.0.7";
    let ran = fill(base, &archive);
    assert_eq!(ran.status, 0, "{ran:?}");
    let sum = fs::read_to_string(format!("{}.sha256", archive.display())).unwrap();
    let sum = sum.split(' ').next().unwrap();
    for line in [
        format!("  url \"{base}/bottle-0.0.7-{MAC}.tar.gz\""),
        "  version \"0.0.7\"".to_owned(),
        format!("  sha256 \"{sum}\""),
    ] {
        assert!(
            ran.out.lines().any(|found| found == line),
            "{line}\n{}",
            ran.out
        );
    }
    assert!(!ran.out.contains('@'), "{}", ran.out);

    for bad in [
        "https://example.com/bottle",
        "https://downloads.example.com",
        "https://bottle.invalid:8443/x",
        "http://downloads.bottle.dev",
        "https://downloads.bottle.dev/",
        "https://downloads.bottle.dev/\"; system \"x",
        "https://",
        "",
    ] {
        let ran = fill(bad, &archive);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{bad}: {ran:?}");
    }
    let linux = parts.pack("x86_64-unknown-linux-musl");
    let ran = fill(base, &linux);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.err.contains("is not the archive for a Mac"), "{ran:?}");
}

#[test]
fn a_program_is_static_only_when_its_header_says_so() {
    const X86: u16 = 62;
    const ARM: u16 = 183;
    let parts = Parts::new();
    let check = |bytes: &[u8], arch: &str| {
        let file = parts.file("program", bytes);
        finish(&script(
            "src/sidecar/static.sh",
            [file.as_os_str(), arch.as_ref()],
        ))
    };
    for (machine, arch) in [(X86, "x86_64"), (ARM, "aarch64")] {
        let ran = check(&elf(machine, &[1, 1, 2]), arch);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arch}: {ran:?}");
    }
    let whole = elf(ARM, &[1, 2, 1]);
    let many = [1; 65];
    for (bytes, arch, why) in [
        (
            &elf(ARM, &[1, 2, 3])[..],
            "aarch64",
            "names a program interpreter",
        ),
        (
            &elf(ARM, &[3, 1])[..],
            "aarch64",
            "names a program interpreter",
        ),
        (
            &elf(X86, &[1])[..],
            "aarch64",
            "its machine type is 62, not 183",
        ),
        (&elf(ARM, &[])[..], "aarch64", "0 program headers"),
        (&elf(ARM, &many)[..], "aarch64", "65 program headers"),
        (&whole[..64 + 2 * 56], "aarch64", "ends in the middle"),
        (&whole[..40], "aarch64", "ends in the middle"),
        (&whole[..5], "aarch64", "is not a 64-bit Linux program"),
        (
            b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01",
            "aarch64",
            "is not a 64-bit Linux program",
        ),
        (b"", "aarch64", "is not a 64-bit Linux program"),
        (&whole[..], "riscv64", "unknown architecture"),
    ] {
        let ran = check(bytes, arch);
        assert_eq!(ran.status, 1, "{why}: {ran:?}");
        assert!(ran.err.contains(why), "{why}: {ran:?}");
    }
}

#[test]
fn on_a_mac_everything_that_is_missing_for_the_sidecar_is_named_with_what_installs_it() {
    let mac = Path::new(ROOT).join("tests/dist/mac");
    // Of this machine there is one program.
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/bin/dirname", bin.path().join("dirname")).unwrap();
    let path = std::env::join_paths([mac.as_path(), bin.path()]).unwrap();
    let build = |words: &[&str]| {
        let call = script("src/sidecar/build.sh", words.iter().copied());
        finish(
            &call
                .env("PATH", &path)
                .env_remove("CARGO_ZIGBUILD_ZIG_PATH"),
        )
    };
    for words in [&[][..], &["--arch", "arm64"], &["--arch=aarch64"]] {
        let ran = build(words);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
        let expected = "\
            error: the sidecar for aarch64 is compiled across, and this is missing:\n  \
            the Rust target: rustup target add aarch64-unknown-linux-musl\n  \
            cargo-zigbuild:  cargo install --locked cargo-zigbuild\n  \
            zig:             brew install zig\n";
        assert_eq!(ran.err, expected);
    }
    let other = build(&["--arch", "x86_64"]);
    assert!(
        other
            .err
            .contains("rustup target add x86_64-unknown-linux-musl"),
        "{other:?}"
    );
}

#[test]
fn words_that_the_sidecars_script_does_not_know_are_refused() {
    for (words, why) in [
        (
            &["--arch", "riscv64"][..],
            "no sidecar for the architecture `riscv64`",
        ),
        (&["--arch"], "needs an architecture"),
        (&["--release"], "unknown option `--release`"),
        (&["one", "two"], "a second one"),
    ] {
        let ran = finish(&script("src/sidecar/build.sh", words.iter().copied()));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains(why), "{why}: {ran:?}");
    }
}

#[test]
fn what_is_left_on_a_mac_is_found_and_an_engine_that_does_not_answer_is_no_proof() {
    let path = format!("{ROOT}/tests/dist/mac:/usr/bin:/bin");
    let left = |containers: &str, networks: &str| {
        let call = duct::cmd!(Path::new(ROOT).join(".ci/macos"), "leftovers");
        let call = call.env("CONTAINERS", containers).env("NETWORKS", networks);
        finish(&call.env("PATH", &path))
    };
    let list = |labels: &str| format!(r#"[{{"configuration":{{"labels":{labels}}},"id":"x"}}]"#);
    let ours = list(r#"{"dev.bottle.id":"hello-q3dfju"}"#);
    let others = list(r#"{"com.apple.container.resource.role":"builder"}"#);
    for clean in ["[]", &others] {
        let ran = left(clean, &others);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    // Pretty JSON is the same JSON.
    let spaced = ours.replace(':', " : ");
    for (containers, networks) in [(&ours, &others), (&others, &ours), (&spaced, &others)] {
        let ran = left(containers, networks);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains("hello-q3dfju"), "{ran:?}");
    }
    for (containers, networks) in [("", "[]"), ("[]", ""), ("oh", "[]")] {
        let ran = left(containers, networks);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains("list"), "{ran:?}");
    }
}

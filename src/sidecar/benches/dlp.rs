//! How fast bodies are looked through: `bench/dlp` calls this.
//!
//! usage: `dlp [--write FOLDER]`: the table, or the texts of it and the rules as files.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its table, and has none of the programs' modules for its files"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bottle_sidecar::dlp::{
    Content, Detectors, Known, KnownValue, OnMatch, Place, RuleFile, Scrub, Stream,
};
use bytes::Bytes;

/// The size of each text.
const SIZE: usize = 16 << 20;
/// How bodies come from a connection.
const PIECE: usize = 16 << 10;
/// How often each is measured; the median counts.
const RUNS: usize = 5;
/// As many rules as a common file has.
const RULES: usize = 220;

/// A text and how it is encoded.
struct Text {
    name: &'static str,
    body: Bytes,
    encoding: Option<&'static str>,
    /// The bytes that are looked through.
    decoded: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let texts = texts();
    if let [flag, folder, ..] = words.as_slice()
        && flag == "--write"
    {
        write(Path::new(folder), &texts);
        return;
    }
    let plain = detectors(&[]);
    let ruled = detectors(&[RuleFile::new("rules", rules())]);
    println!("MB for a second of processor, {RUNS} runs each (median), pieces of {PIECE} bytes");
    println!(
        "{:<14} {:>16} {:>16} {:>12}",
        "text", "known and tokens", "and 220 rules", "answers"
    );
    for text in &texts {
        let speed = |detectors: &Detectors| rate(text, || stream(detectors, text));
        let answers = rate(text, || scrub(&plain, text));
        println!(
            "{:<14} {:>16} {:>16} {:>12}",
            text.name,
            speed(&plain),
            speed(&ruled),
            answers
        );
    }
}

fn detectors(files: &[RuleFile]) -> Detectors {
    let known = Known {
        secrets: vec![
            KnownValue::new("one", "k9Xv-3mQ7_pL2wZ8rT5y"),
            KnownValue::new("two", "vQ2uX8nC4hT6jW0zR1bY7mK5"),
            KnownValue::new("three", "0f4a1c9be27d63580f4a1c9be27d6358"),
        ],
        placeholders: vec![KnownValue::new("stand-in", "placeholder.7c1e9a44d0f2")],
        canary: Some(KnownValue::new("canary", "canary-b4d0e8f1a6c35792")),
    };
    Detectors::new(&known, files).expect("good rules")
}

fn stream(detectors: &Detectors, text: &Text) {
    let content = content(text);
    let stream = Stream::new(detectors, content, OnMatch::Block, Place::Body);
    let mut stream = stream.expect("a known encoding");
    for at in (0..text.body.len()).step_by(PIECE) {
        let piece = text.body.slice(at..text.body.len().min(at + PIECE));
        black_box(stream.push(piece).expect("nothing is found"));
    }
    black_box(stream.finish().expect("nothing is found"));
}

fn scrub(detectors: &Detectors, text: &Text) {
    let mut scrub = Scrub::new(detectors, content(text)).expect("a known encoding");
    for at in (0..text.body.len()).step_by(PIECE) {
        let piece = text.body.slice(at..text.body.len().min(at + PIECE));
        black_box(scrub.push(piece).expect("it can be decoded"));
    }
    black_box(scrub.finish().expect("it can be decoded"));
}

fn content(text: &Text) -> Content<'static> {
    Content {
        content_encoding: text.encoding,
        content_type: None,
    }
}

/// Returns the processor's time for this thread, by the scheduler's count: others on the machine
/// change it little.
fn processor() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = text.split(' ').next().and_then(|count| count.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a count"))
}

/// Returns the median of what is looked through in a second, in MB.
fn rate(text: &Text, mut work: impl FnMut()) -> u128 {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let begin = processor();
            work();
            processor().saturating_sub(begin)
        })
        .collect();
    times.sort();
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    text.decoded as u128 / median.as_micros().max(1)
}

fn texts() -> Vec<Text> {
    let plain = |name, body: Vec<u8>| Text {
        name,
        decoded: body.len(),
        body: Bytes::from(body),
        encoding: None,
    };
    let prose = prose();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&prose).expect("memory");
    let gzip = Text {
        name: "text, gzip",
        decoded: prose.len(),
        body: Bytes::from(encoder.finish().expect("memory")),
        encoding: Some("gzip"),
    };
    vec![
        plain("text", prose),
        plain("json", json()),
        plain("source code", source()),
        plain("random bytes", random()),
        plain("base64", base64()),
        plain("one letter", vec![b'x'; SIZE]),
        gzip,
    ]
}

/// Words of different lengths, in lines.
fn prose() -> Vec<u8> {
    let words: Vec<&str> = include_str!("../../../docs/architecture.md")
        .split_whitespace()
        .collect();
    let mut dice = Dice(7);
    let mut out = String::new();
    while out.len() < SIZE {
        let word = words
            .get(dice.below(words.len()))
            .copied()
            .unwrap_or_default();
        out.push_str(word);
        out.push(if dice.below(12) == 0 { '\n' } else { ' ' });
    }
    out.into_bytes()
}

/// Messages as an agent sends them: text and code in strings.
fn json() -> Vec<u8> {
    let code = source();
    let mut out = String::from("[");
    for lines in code.chunks(2000) {
        let text = String::from_utf8_lossy(lines);
        let line = serde_json::json!({"role": "user", "content": text, "tokens": lines.len()});
        write!(out, "{line},").expect("memory");
        if out.len() >= SIZE {
            break;
        }
    }
    out.into_bytes()
}

/// The sources of the sidecar, again and again.
fn source() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = Vec::new();
    for folder in ["listen", "relay", "gate", "tls", "audit", "guest"] {
        let entries = fs::read_dir(root.join(folder)).expect("the sources");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            code.extend(fs::read(path).expect("a source"));
        }
    }
    code.iter().copied().cycle().take(SIZE).collect()
}

fn random() -> Vec<u8> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let byte = |_| u8::try_from(dice.below(256)).unwrap_or_default();
    (0..SIZE).map(byte).collect()
}

/// The random bytes as a file in base64 has them.
fn base64() -> Vec<u8> {
    let mut text = STANDARD.encode(random());
    text.truncate(SIZE);
    text.into_bytes()
}

/// Rules as common files have them: one for each vendor, with a keyword, a context and a token.
fn rules() -> String {
    let mut dice = Dice(3);
    let mut letters = |count: usize| -> String {
        let letter = |_| char::from(b'a' + u8::try_from(dice.below(26)).unwrap_or_default());
        (0..count).map(letter).collect()
    };
    let mut text = String::from("title = \"generated\"\n");
    for at in 0..RULES {
        let (word, prefix) = (letters(6), letters(4));
        let regex = match at % 3 {
            0 => format!("\\b({prefix}_[a-z0-9]{{36}})(?:[\\x60'\"\\s;]|\\\\[nr]|$)"),
            1 => format!(
                "(?i)[\\w.-]{{0,50}}?(?:{word})(?:[ \\t\\w.-]{{0,20}})[\\s'\"]{{0,3}}(?:=|>|:{{1,3}}=|\\|\\||:|=>|\\?=|,)[\\x60'\"\\s=]{{0,5}}([a-z0-9]{{32}})(?:[\\x60'\"\\s;]|\\\\[nr]|$)"
            ),
            _ => format!("{prefix}-(?:[A-Za-z0-9+/]{{20,60}})"),
        };
        let keyword = if at % 3 == 1 { word } else { prefix };
        writeln!(text, "[[rules]]\nid = \"made-{at}\"\nregex = '''{regex}'''\nentropy = 3\nkeywords = [\"{keyword}\"]\n")
            .expect("memory");
    }
    // What stands in every source, as some rules of common files do.
    text.push_str("[[rules]]\nid = \"generic-secret\"\nregex = '''(?i)[\\w.-]{0,50}?(?:access|auth|key|passw|secret|token)(?:[ \\t\\w.-]{0,20})[\\s'\"]{0,3}(?:=|:)[\\x60'\"\\s=]{0,5}([\\w.=-]{10,150})(?:[\\x60'\"\\s;]|$)'''\nentropy = 3.5\nkeywords = [\"access\", \"auth\", \"key\", \"passw\", \"secret\", \"token\"]\n");
    text
}

fn write(folder: &Path, texts: &[Text]) {
    fs::write(folder.join("rules.toml"), rules()).expect("a folder");
    for text in texts.iter().filter(|text| text.encoding.is_none()) {
        let sub = folder.join(text.name.replace(' ', "-"));
        fs::create_dir(&sub).expect("a new folder");
        fs::write(sub.join("body.txt"), &text.body).expect("a folder");
    }
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound.max(1)
    }
}

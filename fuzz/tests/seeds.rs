//! The targets on any compiler: the kept inputs, and many that are made from them.
//!
//! The name of a kept input says what becomes of it: `good-…` is accepted, `bad-…` is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bottle_fuzz::{Outcome, TARGETS};

/// Inputs that are made of each kept one.
const MADE: usize = 400;
/// Pieces that mean something to some reader.
const PIECES: [&str; 24] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    "/",
    "..",
    "%2e",
    "%2F",
    "*",
    "**",
    "[::1]",
    "0x7f.1",
    "@",
    "?",
    "#",
    "\u{e9}",
    "+0",
    "Host: a\r\n",
    "Content-Length: 1\r\n",
    "\"",
    "}",
];

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    /// Changes an input in a few places.
    fn change(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(9)).min(bytes.len());
            match self.below(5) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.insert(at, u8::try_from(self.below(256)).expect("a byte")),
                2 => {
                    let piece = PIECES[self.below(PIECES.len())].bytes();
                    drop(bytes.splice(at..end, piece));
                }
                3 => {
                    let from = self.below(other.len());
                    let to = (from + self.below(40)).min(other.len());
                    drop(bytes.splice(at..at, other[from..to].iter().copied()));
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
        bytes
    }
}

fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let entries = fs::read_dir(&folder).expect("each target has a folder of kept inputs");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a plain name");
            (name, fs::read(entry.path()).expect("a kept input"))
        })
        // What libFuzzer itself has put there.
        .filter(|(name, _)| name.contains('-'))
        .collect()
}

#[test]
fn what_becomes_of_each_kept_input_is_known() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        for (seed, bytes) in &seeds {
            let expected = match seed.split_once('-') {
                Some(("good", _)) => Outcome::Accepted,
                Some(("bad", _)) => Outcome::Refused,
                _ => panic!("{name}/{seed}: a kept input is `good-…` or `bad-…`"),
            };
            assert_eq!(target(bytes), expected, "{name}/{seed}");
        }
        for start in ["good-", "bad-"] {
            let there = seeds.keys().any(|seed| seed.starts_with(start));
            assert!(there, "{name} has no `{start}…`");
        }
    }
}

#[test]
fn what_is_made_of_them_breaks_no_rule() {
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> = seeds(name).into_values().collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut accepted = 0;
        for seed in &seeds {
            for _ in 0..MADE {
                let other = &seeds[dice.below(seeds.len())];
                let made = dice.change(seed, other);
                if target(&made) == Outcome::Accepted {
                    accepted += 1;
                }
            }
        }
        let made = MADE * seeds.len();
        println!("{name}: {made} inputs, {accepted} accepted");
        // Otherwise nothing but the refusals would be tried.
        assert!(accepted > made / 100, "{name}: {accepted} of {made}");
    }
}

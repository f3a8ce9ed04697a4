//! Rules from files, and files that cannot be used.

use super::fixture::{found, send, with_rules};
use crate::dlp::{Content, Detectors, Known, OnMatch, RuleFile, Stop, Tier};

const RULES: &str = r#"
title = "rules"
minVersion = "v8.25.0"

[[allowlists]]
description = "for all"
regexes = ['''0000''']
paths = ['''go\.sum''']

[[allowlists]]
targetRules = ["acme-key"]
stopwords = ["SAMPLE"]

[[rules]]
id = "acme-key"
description = "a key of acme"
regex = '''(?i)\bacme[_-]?key["']?\s*[:=]\s*["']?([a-z0-9]{16})(?:["'\s;]|$)'''
entropy = 3
keywords = ["acme"]
tags = ["key"]

[[rules.allowlists]]
regexTarget = "line"
regexes = ['''not-a-secret''']

[[rules.allowlists]]
condition = "AND"
regexes = ['''^test''']
stopwords = ["demo"]

[[rules.allowlists]]
condition = "AND"
paths = ['''\.md$''']
stopwords = ["q8w7"]

[[rules]]
id = "second-group"
regex = '''pair (\w+) (\w{12})'''
secretGroup = 2
entropy = 3.0
keywords = ["pair"]

[[rules]]
id = "without-keywords"
regex = '''ZZ[0-9]{6}ZZ'''

[[rules]]
id = "generic-thing"
regex = '''thing=([a-z]{8})'''
keywords = ["thing"]

[[rules]]
id = "only-a-path"
path = '''\.p12$'''
"#;

#[test]
fn rules_find_what_they_say() {
    let detectors = with_rules(RULES);
    for (text, id) in [
        ("ACME_KEY = \"q8w7e6r5t4z3u2i1\"", Some("acme-key")),
        ("acme-key: q8w7e6r5t4z3u2i1", Some("acme-key")),
        ("acme-key: q8w7e6r5t4z3u2i", None),
        ("acme-key: q8w7e6r5t4z3u2i12", None),
        ("acme-key: aaaaaaaabbbbbbbb", None),
        ("acme-key: q8w7e6r50000u2i1", None),
        ("acme-key: q8w7sampleu2i1r5", None),
        ("acme-key: q8w7e6r5t4z3u2i1 # not-a-secret", None),
        ("acme-key: testdemo6r5t4z3u", None),
        ("acme-key: test1emo6r5t4z3u", Some("acme-key")),
        ("pair a q8w7e6r5t4z3", Some("second-group")),
        ("pair q8w7e6r5t4z3 aaaaaaaaaaaa", None),
        ("ZZ123456ZZ", Some("without-keywords")),
        ("ZZ12345ZZ", None),
    ] {
        assert_eq!(found(&detectors, text.as_bytes()).as_deref(), id, "{text}");
    }
}

#[test]
fn a_generic_rule_only_reports() {
    let (out, end) = send(
        &with_rules(RULES),
        Content::default(),
        OnMatch::Block,
        [&b"thing=abcdefgh"[..]],
    );
    assert_eq!(out, b"thing=abcdefgh");
    let reports = end.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].detector.as_str(), reports[0].tier),
        ("generic-thing", Tier::Noisy)
    );
}

#[test]
fn what_looks_like_chance_is_reported_where_it_is_asked_for() {
    let run = |files: &[RuleFile], body: &'static [u8]| {
        let detectors = Detectors::new(&Known::default(), files).unwrap();
        let (out, end) = send(&detectors, Content::default(), OnMatch::Block, [body]);
        assert_eq!(out, body);
        end.unwrap().len()
    };
    let asked = [RuleFile::high_entropy()];
    let chance = b"x = vQ2uX8nC4hT6jW0zR1bY7mK5sD3fG9aL";
    assert_eq!((run(&asked, chance), run(&[], chance)), (1, 0));
    for body in [
        &b"0f4a1c9be27d63580f4a1c9be27d6358aa01f46e"[..],
        b"a-sentence-of-words-that-has-no-spaces-in-it",
    ] {
        assert_eq!(run(&asked, body), 0);
    }
}

#[test]
fn a_match_is_found_wherever_it_lies_in_the_windows() {
    let detectors = with_rules(RULES);
    let token = "acme_key='q8w7e6r5t4z3u2i1'";
    for at in (16_300..16_500).chain(32_700..32_800).step_by(7) {
        let mut body = vec![b' '; 60_000];
        body[at..at + token.len()].copy_from_slice(token.as_bytes());
        for size in [60_000, 1000] {
            let (out, end) = send(
                &detectors,
                Content::default(),
                OnMatch::Block,
                body.chunks(size),
            );
            assert!(matches!(end, Err(Stop::Match(_))), "{at}");
            assert!(out.len() < at + token.len(), "{at}: {}", out.len());
        }
    }
}

#[test]
fn what_a_rule_may_mean_is_held_until_it_is_excused() {
    let detectors = with_rules(RULES);
    let mut stream = crate::dlp::Stream::new(
        &detectors,
        Content::default(),
        OnMatch::Block,
        crate::dlp::Place::Body,
    )
    .unwrap();
    let mut push = |text: &'static str| {
        stream
            .push(bytes::Bytes::from_static(text.as_bytes()))
            .unwrap()
    };
    assert_eq!(push("words "), "words ");
    assert_eq!(push("acme-key: q8w7e6r5t4z3u2i1"), "");
    assert_eq!(
        push(" # not-a-secret"),
        "acme-key: q8w7e6r5t4z3u2i1 # not-a-secret"
    );
}

#[track_caller]
fn bad(rules: &str, expected: &str) {
    let error = Detectors::new(&Known::default(), &[RuleFile::new("r.toml", rules)]).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_bad_file_is_named_with_line_rule_and_reason() {
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''a(?=b)'''",
        "r.toml:3: rule `a`: the pattern cannot be read: look-around",
    );
    bad("[[rules]]\nregex = '''a'''", "r.toml:1: a rule has no `id`");
    bad(
        "x = 1\n[extend]\nuseDefault = true\n",
        "r.toml:2: `extend` is not supported",
    );
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''(a)'''\nsecretGroup = 2",
        "r.toml:1: rule `a`: `secretGroup` is 2, and the pattern has 1 groups",
    );
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''(a)'''\n[[rules.allowlists]]\nregexTarget = \"file\"",
        "r.toml:4: rule `a`: `regexTarget` is `file`",
    );
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''(a)'''\n[[rules.allowlists]]\ncondition = \"XOR\"",
        "r.toml:4: rule `a`: `condition` is `XOR`",
    );
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''(a)'''\n[[rules.allowlists]]\nregexes = [\n'''b''',\n'''['''\n]",
        "r.toml:7: rule `a`: the pattern",
    );
    bad(
        "[[rules]]\nid = \"a\"\nregex = '''(a)'''\n[[rules.required]]\nid = \"b\"",
        "r.toml:4: rule `a`: `required` is not supported",
    );
    bad("[[rules]]\nid = 1", "r.toml:2: invalid type");
    bad("[[rules]\n", "r.toml:1: ");
    bad(
        &"#".repeat((4 << 20) + 1),
        "r.toml:1: the file has more than",
    );
}

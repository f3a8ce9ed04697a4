//! Patterns as Go writes them, and as the `regex` crate reads them.

use regex::bytes::{Regex, RegexBuilder};

use crate::limits::DLP_RULE_BYTES;

/// Compiles a pattern that was written for Go. Letters are bytes, and classes such as `\w` are
/// ASCII, as they are in Go.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    RegexBuilder::new(&translated)
        .unicode(false)
        .size_limit(DLP_RULE_BYTES)
        .build()
        .map_err(|error| explain(&error))
}

/// Says on one line what is wrong with a pattern.
fn explain(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("the pattern takes more than {limit} bytes when it is compiled");
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    let reason = last.trim_start_matches("error: ").trim_end_matches('.');
    format!("the pattern cannot be read: {reason}")
}

/// Writes what the two understand differently in the way that both understand.
fn translate(pattern: &str) -> Result<String, String> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = letters.as_slice();
    while let [first, after @ ..] = rest {
        rest = match (*first, after) {
            ('\\', ['Q', quoted @ ..]) => quote(quoted, &mut out),
            ('\\', ['C', ..]) => {
                return Err("`\\C` is not supported: write `(?s:.)`".to_owned());
            }
            ('\\', [escaped, after @ ..]) => {
                out.extend(['\\', *escaped]);
                after
            }
            ('[', after) => class(after, &mut out),
            ('{', after) => {
                if !is_count(after) {
                    out.push('\\');
                }
                out.push('{');
                after
            }
            (letter, after) => {
                out.push(letter);
                after
            }
        };
    }
    Ok(out)
}

/// `\Q…\E`: all of it stands for itself.
fn quote<'l>(mut rest: &'l [char], out: &mut String) -> &'l [char] {
    loop {
        match rest {
            ['\\', 'E', after @ ..] => return after,
            [] => return rest,
            [letter, after @ ..] => {
                out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
                rest = after;
            }
        }
    }
}

/// A class in brackets, from behind its `[`: Go knows no sets of sets, so that `[`, `&&`, `--` and
/// `~~` in it stand for themselves.
fn class<'l>(mut rest: &'l [char], out: &mut String) -> &'l [char] {
    out.push('[');
    if let ['^', after @ ..] = rest {
        out.push('^');
        rest = after;
    }
    if let [']', after @ ..] = rest {
        out.push_str("\\]");
        rest = after;
    }
    loop {
        rest = match rest {
            [] => return rest,
            [']', after @ ..] => {
                out.push(']');
                return after;
            }
            ['[', ':', after @ ..] => {
                let end = after.iter().position(|letter| *letter == ']');
                let (name, after) = after.split_at(end.map_or(after.len(), |end| end + 1));
                out.push_str("[:");
                out.extend(name);
                after
            }
            ['\\', escaped, after @ ..] => {
                out.extend(['\\', *escaped]);
                after
            }
            [letter @ ('[' | '&' | '~'), after @ ..] => {
                out.extend(['\\', *letter]);
                after
            }
            ['-', '-', after @ ..] => {
                out.push_str("-\\-");
                after
            }
            [letter, after @ ..] => {
                out.push(*letter);
                after
            }
        };
    }
}

/// Tells whether what follows a `{` makes it a count of repetitions.
fn is_count(after: &[char]) -> bool {
    let Some(end) = after.iter().position(|letter| *letter == '}') else {
        return false;
    };
    let inside: String = after.iter().take(end).collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        None => is_number(&inside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_understands_is_understood_the_same() {
        for (pattern, yes, no) in [
            (r"(?i)key\s*=\s*([a-z]{4})", "KEY = abcd", "KEY = abc"),
            (r"\Qa.b*\E+", "a.b**", "aab"),
            (r"[[:alnum:]_]{3}", "a_1", "a-1"),
            (r"[a&&b]{2}", "&b", "-c"),
            (r"[[]x", "[x", "x"),
            (r"[]a]x", "]x", "bx"),
            (r"[^]a]x", "bx", "]x"),
            (r"{{name}}", "{{name}}", "{name}"),
            (r"a{,3}", "a{,3}", "aaa"),
            (r"a{2,3}b", "aab", "ab"),
            (r"[\w.=-]{3}", "a=-", "a b"),
            (r"[+--]x", "-x", ":x"),
            (r"(?P<name>x)y\z", "xy", "xyz"),
            (r"\x60a", "`a", "a"),
            (r"[`'\x22]{1}a\b", "'a b", "'ab"),
        ] {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(yes.as_bytes()), "{pattern}");
            assert!(!regex.is_match(no.as_bytes()), "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (pattern, reason) in [
            (r"a(?=b)", "look-around"),
            (r"(a)\1", "backreferences"),
            (r"\C", "not supported"),
            (r"a(b", "unclosed group"),
            (r"(?:a{1000}){1000}", "compiled"),
        ] {
            let error = compile(pattern).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

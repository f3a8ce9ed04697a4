//! Takes out of a text what must not stand in a bug report. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bottle_contract::secret::Secret;

/// A value with fewer bytes, such as `true`, is too common a text to be taken out wherever it stands.
const LEAST: usize = 6;
/// How words begin that look like credentials, whoever's they are.
const PREFIXES: [&str; 12] = [
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "sk-",
    "xox",
];
/// The length from which a word with such a beginning is one.
const WORD: usize = 16;

/// What is taken out, and what comes in its place.
#[derive(Debug, Default)]
pub struct Redactor {
    /// The longest first, so that a part of a value never goes before the whole.
    values: Vec<(Secret, String)>,
    names: Vec<(String, &'static str)>,
}

impl Redactor {
    /// Takes out a value, in the forms in which it may have been written down; `name` comes in its place.
    pub fn value(&mut self, value: &Secret, name: &str) {
        let text = value.expose().trim();
        if text.len() < LEAST {
            return;
        }
        let stand_in = format!("[value of {name}]");
        let json = serde_json::Value::from(text).to_string();
        let inner = json.trim_matches('"').to_owned();
        let mut forms = vec![
            text.to_owned(),
            inner,
            STANDARD_NO_PAD.encode(text),
            URL_SAFE_NO_PAD.encode(text),
        ];
        // One line of a value of several lines may stand alone.
        forms.extend(
            text.lines()
                .map(str::trim)
                .filter(|line| line.len() >= 2 * LEAST)
                .map(str::to_owned),
        );
        forms.sort();
        forms.dedup();
        let forms = forms
            .into_iter()
            .map(|form| (Secret::new(form), stand_in.clone()));
        self.values.extend(forms);
        self.values
            .sort_by_key(|(value, _)| std::cmp::Reverse(value.expose().len()));
    }

    /// Replaces a name of the user's or of the machine's, where it stands as a word or a path.
    pub fn name(&mut self, name: &str, stand_in: &'static str) {
        let name = name.trim_end_matches('/');
        if name.len() > 1 {
            self.names.push((name.to_owned(), stand_in));
        }
    }

    /// Returns the text without all that.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, stand_in) in &self.values {
            if text.contains(value.expose()) {
                text = text.replace(value.expose(), stand_in);
            }
        }
        for (name, stand_in) in &self.names {
            text = replace_word(&text, name, stand_in);
        }
        mask_credentials(&text)
    }
}

/// Replaces a word, unless letters or digits go on around it.
fn replace_word(text: &str, word: &str, stand_in: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(word) {
        let open = |letter: Option<char>| !letter.is_some_and(char::is_alphanumeric);
        let last = before.chars().last().or_else(|| out.chars().last());
        out.push_str(before);
        out.push_str(if open(last) && open(after.chars().next()) {
            stand_in
        } else {
            word
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Masks words that look like somebody's credentials, known or not.
fn mask_credentials(text: &str) -> String {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(inside) {
        let (before, word) = rest.split_at(begin);
        let end = word.find(|letter| !inside(letter)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        out.push_str(before);
        let looks = word.len() >= WORD && PREFIXES.iter().any(|prefix| word.starts_with(prefix));
        out.push_str(if looks { "[credential]" } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.value(&Secret::new("hunter2\"x".to_owned()), "TOKEN");
        redactor.value(&Secret::new("hunter2\"x-and-more".to_owned()), "LONGER");
        redactor.value(&Secret::new("abc".to_owned()), "SHORT");
        redactor.name("/home/jane/", "~");
        redactor.name("jane", "[user]");
        redactor
    }

    #[test]
    fn values_go_in_every_form_and_the_longest_first() {
        let base64 = STANDARD_NO_PAD.encode("hunter2\"x");
        for (text, expected) in [
            ("a hunter2\"x b", "a [value of TOKEN] b"),
            ("{\"k\":\"hunter2\\\"x\"}", "{\"k\":\"[value of TOKEN]\"}"),
            ("hunter2\"x-and-more", "[value of LONGER]"),
            (base64.as_str(), "[value of TOKEN]"),
            // Too short to be told from any text.
            ("abc", "abc"),
        ] {
            assert_eq!(redactor().text(text), expected);
        }
    }

    #[test]
    fn names_go_where_they_are_words() {
        for (text, expected) in [
            ("/home/jane/src", "~/src"),
            ("by jane.", "by [user]."),
            ("janet and mejane", "janet and mejane"),
            ("jane,jane", "[user],[user]"),
        ] {
            assert_eq!(redactor().text(text), expected);
        }
    }

    #[test]
    fn what_looks_like_a_credential_goes_and_common_words_stay() {
        for (text, expected) in [
            ("key ghp_0123456789abcdef!", "key [credential]!"),
            ("AKIAIOSFODNN7EXAMPLE", "[credential]"),
            ("sk-short", "sk-short"),
            ("skeleton-of-a-long-word", "skeleton-of-a-long-word"),
        ] {
            assert_eq!(redactor().text(text), expected);
        }
    }
}

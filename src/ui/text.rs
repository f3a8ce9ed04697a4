//! Text that is safe to print, and how long something took.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use bottle_contract::tree::is_hidden;

/// Writes out the control characters of a text, and what else cannot be seen, so that it cannot command
/// the terminal.
///
/// Line breaks and tabs stay.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    escape(text, |letter| {
        is_hidden(letter) && letter != '\n' && letter != '\t'
    })
}

/// Like [`printable`], for what must stay on one line.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escape(text, is_hidden)
}

/// Says how long something took: `0.3 s`, `2 min 5 s`.
pub(super) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{}.{} s", seconds, time.subsec_millis() / 100)
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

fn escape(text: &str, unsafe_letter: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&unsafe_letter) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if unsafe_letter(letter) {
            // Writing to a string does not fail.
            write!(safe, "{}", letter.escape_default()).ok();
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

//! What a row of the table is.

/// One thing that is refused, and the same without it, which arrives. Each letter is one byte, so
/// that bytes which are no text can be written; `{a*N}` stands for `N` times the `a`.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) refused: &'static str,
    pub(super) arrives: &'static str,
    pub(super) status: u16,
}

pub(super) const fn row(
    name: &'static str,
    refused: &'static str,
    arrives: &'static str,
    status: u16,
) -> Row {
    Row {
        name,
        refused,
        arrives,
        status,
    }
}

/// Returns the bytes that a row's text stands for.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut text = text.to_owned();
    while let Some(start) = text.find('{') {
        let Some((what, end)) = text[start..].find('}').map(|end| {
            let end = start + end;
            (text[start + 1..end].to_owned(), end)
        }) else {
            break;
        };
        let Some((part, times)) = what.split_once('*') else {
            break;
        };
        let repeated = part.repeat(times.parse().unwrap());
        text.replace_range(start..=end, &repeated);
    }
    text.chars()
        .map(|letter| u8::try_from(letter).unwrap())
        .collect()
}

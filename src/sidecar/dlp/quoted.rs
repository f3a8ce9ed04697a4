//! Quoted-printable, undone.

/// Undoes `=41` and the soft line ends of quoted-printable in what passes.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    /// An escape whose end has not come.
    held: Vec<u8>,
}

/// What stands at the beginning of a text that begins with `=`.
enum Escape {
    /// It goes on after the piece.
    Open,
    /// So many bytes that stand for one.
    Byte(usize, u8),
    /// So many bytes that stand for nothing.
    Nothing(usize),
}

impl Quoted {
    /// Takes the next piece, and returns the text that it adds.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(piece);
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(at) = memchr::memchr(b'=', rest) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            rest = rest.get(at..).unwrap_or_default();
            let len = match escape(rest) {
                Escape::Open => {
                    self.held = rest.to_vec();
                    return out;
                }
                Escape::Byte(len, byte) => {
                    out.push(byte);
                    len
                }
                Escape::Nothing(len) => len,
            };
            rest = rest.get(len..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    }
}

fn escape(text: &[u8]) -> Escape {
    match text {
        [_] | [_, b'\r'] => Escape::Open,
        [_, b'\n', ..] => Escape::Nothing(2),
        [_, b'\r', b'\n', ..] => Escape::Nothing(3),
        [_, high] if digit(*high).is_some() => Escape::Open,
        [_, high, low, ..] => match digit(*high).zip(digit(*low)) {
            Some((high, low)) => Escape::Byte(3, high << 4 | low),
            None => Escape::Byte(1, b'='),
        },
        [..] => Escape::Byte(1, b'='),
    }
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_however_they_are_cut() {
        let text = b"a=41b=\r\nc=\nd = e =zz =4z =C3=A4.";
        let expected = b"aAbcd = e =zz =4z \xc3\xa4.";
        for cut in 0..text.len() {
            let (before, after) = text.split_at(cut);
            let mut quoted = Quoted::default();
            let mut out = quoted.push(before);
            out.extend(quoted.push(after));
            assert_eq!(out, expected, "{cut}");
        }
    }
}

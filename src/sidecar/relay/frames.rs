//! The frames of a WebSocket (RFC 6455, section 5.2), followed as they pass.
//!
//! What is checked is that they are frames: otherwise a WebSocket would be a way out for any
//! protocol. What they hold is handed on unmasked, piece by piece as it comes.

use bytes::Bytes;
use thiserror::Error;

/// The longest header: two bytes, eight for the length, four for the mask.
const HEADER_BYTES: usize = 14;

/// The longest payload of a control frame (RFC 6455, section 5.5).
pub(super) const CONTROL_BYTES: usize = 125;

/// Who sends: an agent masks what it sends, an origin does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Agent,
    Origin,
}

/// Follows the frames of one direction.
#[derive(Debug)]
pub(super) struct Frames {
    sender: Sender,
    /// The header that is being collected.
    header: Vec<u8>,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    message: Message,
}

/// A frame whose header was read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    first: u8,
    mask: [u8; 4],
    /// What was read of the payload, and what is left of it.
    read: u64,
    left: u64,
}

/// Some of what a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// The frame's first byte: its opcode, and whether it is the last of a message.
    pub(super) first: u8,
    /// Without the mask.
    pub(super) payload: Bytes,
    pub(super) ends: Ends,
}

/// What a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Control,
}

/// What ends with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Nothing,
    Frame,
    Message,
}

/// Whether a message in several frames is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    None,
    Open,
}

/// What is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum BadFrame {
    #[error("a reserved bit is set")]
    Reserved,
    #[error("the opcode is reserved")]
    Opcode,
    #[error("a control frame is long or in pieces")]
    Control,
    #[error("a message begins inside another, or goes on without having begun")]
    Order,
    #[error("the mask is missing, or there is one where none belongs")]
    Mask,
    #[error("the length is not written in the shortest way")]
    Length,
}

impl Frames {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            sender,
            header: Vec::with_capacity(HEADER_BYTES),
            frame: None,
            message: Message::None,
        }
    }

    /// Reads on, and returns what the frames hold.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<Vec<Piece>, BadFrame> {
        let mut pieces = Vec::new();
        loop {
            if let Some(frame) = &mut self.frame {
                let here = usize::try_from(frame.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let (payload, rest) = bytes.split_at_checked(here).unwrap_or_default();
                bytes = rest;
                let piece = frame.take(payload);
                let over = piece.ends != Ends::Nothing;
                if over || !payload.is_empty() {
                    pieces.push(piece);
                }
                if over {
                    self.frame = None;
                }
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(pieces);
            };
            self.header.push(*byte);
            bytes = rest;
            self.read_header()?;
        }
    }

    /// Looks at the header as far as it goes, so that what is none is found at its second byte.
    fn read_header(&mut self) -> Result<(), BadFrame> {
        let [first, second, rest @ ..] = self.header.as_slice() else {
            return Ok(());
        };
        if rest.is_empty() {
            self.message = self.check(*first, *second)?;
        }
        let masked = second & 0x80 != 0;
        let extended = match second & 0x7f {
            127 => 8,
            126 => 2,
            0..=125 | 128.. => 0,
        };
        let Some(length) = rest.get(..extended) else {
            return Ok(());
        };
        let payload = match extended {
            0 => u64::from(second & 0x7f),
            _ => number(length),
        };
        let shortest = match extended {
            0 => true,
            2 => payload > CONTROL_BYTES as u64,
            _ => (1 << 16..1 << 63).contains(&payload),
        };
        if !shortest {
            return Err(BadFrame::Length);
        }
        let mask = match (masked, rest.get(extended..)) {
            (true, Some(&[a, b, c, d])) => Some([a, b, c, d]),
            (false, Some([])) => Some([0; 4]),
            (_, _) => None,
        };
        if let Some(mask) = mask {
            self.frame = Some(Frame {
                first: *first,
                mask,
                read: 0,
                left: payload,
            });
            self.header.clear();
        }
        Ok(())
    }

    /// Checks the first two bytes, and says whether a message is open after this frame.
    fn check(&self, first: u8, second: u8) -> Result<Message, BadFrame> {
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let after = if last { Message::None } else { Message::Open };
        if first & 0x70 != 0 {
            return Err(BadFrame::Reserved);
        }
        if (second & 0x80 != 0) != (self.sender == Sender::Agent) {
            return Err(BadFrame::Mask);
        }
        match (opcode, self.message) {
            (0, Message::Open) | (1 | 2, Message::None) => Ok(after),
            (0..=2, _) => Err(BadFrame::Order),
            (8..=10, message) if last && usize::from(second & 0x7f) <= CONTROL_BYTES => Ok(message),
            (8..=10, _) => Err(BadFrame::Control),
            (3..=7 | 11.., _) => Err(BadFrame::Opcode),
        }
    }
}

impl Frame {
    /// Takes the next bytes of the payload.
    fn take(&mut self, payload: &[u8]) -> Piece {
        let [a, b, c, d] = self.mask;
        let mut mask = [a, b, c, d].into_iter().cycle();
        // Where the piece begins within the mask, which has four bytes.
        for _ in 0..self.read % 4 {
            mask.next();
        }
        let payload: Vec<u8> = payload
            .iter()
            .zip(mask)
            .map(|(one, mask)| one ^ mask)
            .collect();
        self.read += payload.len() as u64;
        self.left -= payload.len() as u64;
        let kind = if self.first & 0x08 == 0 {
            Kind::Message
        } else {
            Kind::Control
        };
        let ends = match (self.left, kind) {
            (1.., _) => Ends::Nothing,
            (0, Kind::Message) if self.first & 0x80 != 0 => Ends::Message,
            (0, Kind::Message | Kind::Control) => Ends::Frame,
        };
        Piece {
            kind,
            first: self.first,
            payload: Bytes::from(payload),
            ends,
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(sender: Sender, bytes: &[u8], expected: Result<(), BadFrame>) {
        let whole = Frames::new(sender).read(bytes).map(drop);
        assert_eq!(whole, expected, "{bytes:x?}");
        // However the bytes come in.
        let mut frames = Frames::new(sender);
        let apart = bytes
            .iter()
            .try_for_each(|byte| frames.read(&[*byte]).map(drop));
        assert_eq!(apart, expected, "{bytes:x?}");
    }

    /// A frame of an origin's.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            0..126 => frame.push(u8::try_from(payload).unwrap()),
            126..0x10000 => {
                frame.push(126);
                frame.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xff; payload]);
        frame
    }

    #[test]
    fn sound_frames_follow_each_other() {
        let mut bytes = Vec::new();
        for (first, payload) in [
            (0x81, 5),
            (0x01, 126),
            (0x89, 125),
            (0x00, 0x10000),
            (0x80, 0),
            (0x82, 0xffff),
            (0x88, 2),
        ] {
            bytes.extend(frame(first, payload));
        }
        check(Sender::Origin, &bytes, Ok(()));
        // `Hello`, masked, from RFC 6455, section 5.7.
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        check(Sender::Agent, &hello.repeat(3), Ok(()));
    }

    #[test]
    fn what_frames_hold_comes_out_unmasked_however_they_come_in() {
        // `Hello` in two frames with a ping of `hi` between them, masked.
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let frame = |first: u8, text: &str| {
            let masked = text.bytes().zip(mask.into_iter().cycle());
            let length = 0x80 | u8::try_from(text.len()).unwrap();
            let head = [first, length].into_iter().chain(mask);
            head.chain(masked.map(|(byte, mask)| byte ^ mask))
                .collect::<Vec<u8>>()
        };
        let bytes = [frame(0x01, "Hel"), frame(0x89, "hi"), frame(0x80, "lo")].concat();
        for size in [1, 2, 5, bytes.len()] {
            let mut frames = Frames::new(Sender::Agent);
            let pieces: Vec<Piece> = bytes
                .chunks(size)
                .flat_map(|chunk| frames.read(chunk).unwrap())
                .collect();
            let of = |kind| -> Vec<u8> {
                let pieces = pieces.iter().filter(|piece| piece.kind == kind);
                pieces.flat_map(|piece| piece.payload.to_vec()).collect()
            };
            assert_eq!(of(Kind::Message), b"Hello", "{size}");
            assert_eq!(of(Kind::Control), b"hi", "{size}");
            let ends: Vec<Ends> = pieces
                .iter()
                .map(|piece| piece.ends)
                .filter(|ends| *ends != Ends::Nothing)
                .collect();
            assert_eq!(ends, [Ends::Frame, Ends::Frame, Ends::Message], "{size}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        use BadFrame::{Control, Length, Mask, Opcode, Order, Reserved};
        for (bytes, fault) in [
            (&b"GET / HTTP/1.1\r\n"[..], Reserved),
            (b"SSH-2.0-OpenSSH", Reserved),
            (b"\x16\x03\x01\x02\x00", Reserved),
            (&[0xc1, 0x00], Reserved),
            (&[0x83, 0x00], Opcode),
            (&[0x8b, 0x00], Opcode),
            (&[0x8f, 0x00], Opcode),
            (&[0x81, 0x80], Mask),
            (&[0x09, 0x00], Control),
            (&[0x89, 126, 0, 126], Control),
            (&[0x80, 0x00], Order),
            (&[0x01, 0x00, 0x81, 0x00], Order),
            (&[0x81, 126, 0, 125], Length),
            (&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Length),
            (&[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Length),
        ] {
            check(Sender::Origin, bytes, Err(fault));
        }
        check(Sender::Agent, &[0x81, 0x05], Err(Mask));
    }

    proptest! {
        /// Whatever comes, the header that is held has its bound.
        #[test]
        fn no_more_than_a_header_is_held(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut frames = Frames::new(Sender::Agent);
            let sound = frames.read(&bytes).is_ok();
            prop_assert!(!sound || frames.header.len() < HEADER_BYTES);
        }
    }
}

//! The frames of a WebSocket (RFC 6455, section 5.2), followed as they pass.
//!
//! The bytes go on as they are. What is checked is that they are frames: otherwise a WebSocket
//! would be a way out for any protocol.

use thiserror::Error;

/// The longest header: two bytes, eight for the length, four for the mask.
const HEADER_BYTES: usize = 14;

/// The longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES: u64 = 125;

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
    /// What is left of the payload.
    payload: u64,
    message: Message,
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
            payload: 0,
            message: Message::None,
        }
    }

    /// Reads on.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), BadFrame> {
        loop {
            let here = usize::try_from(self.payload)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            bytes = bytes.get(here..).unwrap_or_default();
            self.payload -= here as u64;
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(());
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
            2 => payload > CONTROL_BYTES,
            _ => (1 << 16..1 << 63).contains(&payload),
        };
        if !shortest {
            return Err(BadFrame::Length);
        }
        if rest.len() == extended + if masked { 4 } else { 0 } {
            self.header.clear();
            self.payload = payload;
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
            (8..=10, message) if last && u64::from(second & 0x7f) <= CONTROL_BYTES => Ok(message),
            (8..=10, _) => Err(BadFrame::Control),
            (3..=7 | 11.., _) => Err(BadFrame::Opcode),
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
        assert_eq!(Frames::new(sender).read(bytes), expected, "{bytes:x?}");
        // However the bytes come in.
        let mut frames = Frames::new(sender);
        let apart = bytes.iter().try_for_each(|byte| frames.read(&[*byte]));
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

//! What stands in the frames of a WebSocket: looked through on its way out, cleaned on its way back.

use bytes::Bytes;

use super::frames::{CONTROL_BYTES, Ends, Kind, Piece};
use crate::dlp::{Frames, Scrub, Stop, Unscannable};
use crate::gate::{Stopped, Watch};

/// What an agent says in an open WebSocket, looked through. Its bytes go on as they are.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// For messages, and for what stands in pings between their parts; `None` once nothing is looked
    /// through any more.
    scans: Option<[Frames; 2]>,
    watch: Watch,
}

/// What an origin says, without the secrets of the bottle. Messages are cut into frames anew.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The message that is under way.
    message: Option<Scrub>,
    /// The opcode of its next frame.
    opcode: u8,
    /// The payload of the control frame that is under way.
    control: Vec<u8>,
    watch: Watch,
}

/// Something was found that must not go on, and the log was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found;

impl Outgoing {
    pub(super) fn new(watch: &Watch) -> Result<Self, Unscannable> {
        Ok(Self {
            scans: Some(watch.frames()?),
            watch: watch.clone(),
        })
    }

    /// Looks through what was read, before any of it goes on.
    pub(super) fn pass(&mut self, pieces: Vec<Piece>) -> Result<(), Found> {
        for piece in pieces {
            let Some([messages, controls]) = &mut self.scans else {
                return Ok(());
            };
            let scan = match piece.kind {
                Kind::Message => messages,
                Kind::Control => controls,
            };
            let mut passed = scan.push(piece.payload);
            if passed.is_ok() && piece.ends == Ends::Message {
                passed = scan.end_message();
            }
            self.watch.report(scan.take_reports());
            if let Err(stop) = passed {
                match self.watch.stop(stop) {
                    Stopped::Not | Stopped::ForGood => return Err(Found),
                    Stopped::GoesOnUnscanned => self.scans = None,
                }
            }
        }
        Ok(())
    }
}

impl Incoming {
    /// Begins to clean; `None` where an origin can bring nothing back.
    pub(super) fn new(watch: &Watch) -> Option<Self> {
        watch.scrubs().then(|| Self {
            message: None,
            opcode: 0,
            control: Vec::new(),
            watch: watch.clone(),
        })
    }

    /// Takes what was read, and returns the frames that go on in its place.
    pub(super) fn pass(&mut self, pieces: Vec<Piece>) -> Result<Vec<u8>, Stop> {
        let mut out = Vec::new();
        for piece in pieces {
            match piece.kind {
                Kind::Message => self.message(piece, &mut out)?,
                Kind::Control => self.control(&piece, &mut out)?,
            }
        }
        Ok(out)
    }

    fn message(&mut self, piece: Piece, out: &mut Vec<u8>) -> Result<(), Stop> {
        let mut scrub = if let Some(scrub) = self.message.take() {
            scrub
        } else {
            self.opcode = piece.first & 0x0f;
            self.watch.scrub_message().map_err(Stop::Unscannable)?
        };
        let replaced = scrub.replaced();
        let passed = scrub.push(piece.payload)?;
        let rest = match piece.ends {
            Ends::Message => scrub.finish()?,
            Ends::Frame | Ends::Nothing => Bytes::new(),
        };
        if scrub.replaced() && !replaced {
            self.watch.replaced_in("message of the answer");
        }
        if piece.ends == Ends::Message {
            frame(0x80 | self.opcode, &[&passed, &rest], out);
        } else {
            if !passed.is_empty() {
                frame(self.opcode, &[&passed], out);
                self.opcode = 0;
            }
            self.message = Some(scrub);
        }
        Ok(())
    }

    /// A control frame is short, so that it is held until it is whole, and it must stay short.
    fn control(&mut self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), Stop> {
        self.control.extend_from_slice(&piece.payload);
        if piece.ends == Ends::Nothing {
            return Ok(());
        }
        let mut scrub = self.watch.scrub_message().map_err(Stop::Unscannable)?;
        let payload = Bytes::from(std::mem::take(&mut self.control));
        let mut clean = scrub.push(payload)?.to_vec();
        clean.extend_from_slice(&scrub.finish()?);
        clean.truncate(CONTROL_BYTES);
        if scrub.replaced() {
            self.watch.replaced_in("message of the answer");
        }
        frame(piece.first, &[&clean], out);
        Ok(())
    }
}

/// Writes a frame as an origin does: without a mask.
fn frame(first: u8, payload: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = payload.iter().map(|part| part.len()).sum();
    out.push(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend(medium.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    for part in payload {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Frames as Reader, Sender};
    use super::*;

    #[test]
    fn a_frame_that_is_written_reads_back() {
        for length in [0, 1, 125, 126, 0xffff, 0x10000] {
            let payload = vec![b'x'; length];
            let mut out = Vec::new();
            frame(0x82, &[&payload], &mut out);
            let pieces = Reader::new(Sender::Origin).read(&out).unwrap();
            let [piece] = &pieces[..] else {
                panic!("{length}: {}", pieces.len());
            };
            assert_eq!(piece.payload, payload);
            assert_eq!((piece.first, piece.ends), (0x82, Ends::Message));
        }
    }
}

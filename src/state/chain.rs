//! Whether the lines of an audit log are those that its sidecar wrote, all of them, in order.

use std::fmt::Write as _;

use bottle_contract::audit::{AuditEvent, AuditRecord, Head};
use bottle_contract::id::BottleId;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The lines that were checked so far.
#[derive(Debug)]
pub struct Chain {
    id: BottleId,
    head: Head,
    /// What the sidecar says of its log, and whether the lines have come to it.
    told: Option<(Head, Met)>,
}

/// Whether the line that the sidecar told about was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    NotYet,
    Same,
    Other,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Break {
    /// The line is no JSON of ours.
    #[error("the line is damaged")]
    Damaged,
    /// The line has no number, or none of the line before.
    #[error("the line does not say where in the log it belongs")]
    NoPlace,
    /// The log begins otherwise than with the line of this bottle.
    #[error("the log does not begin with the first line of this bottle")]
    Beginning,
    /// Lines were taken away.
    #[error("{} before it", missing(*.first, *.last))]
    Missing {
        /// The number of the first of them.
        first: u64,
        /// The number of the last of them.
        last: u64,
    },
    /// The line stands too late, or twice.
    #[error("line {found} of the log stands where line {expected} belongs")]
    Order {
        /// The number that it should have.
        expected: u64,
        /// The number that it has.
        found: u64,
    },
    /// The digest is not that of the line before.
    #[error("the line before it was changed, or this one was put in")]
    Changed,
    /// Lines were taken away from the end.
    #[error("{} at the end", missing(*.first, *.last))]
    End {
        /// The number of the first of them.
        first: u64,
        /// The number of the last of them.
        last: u64,
    },
    /// The chain holds, and is another one.
    #[error("line {seq} of the log is not the one that the sidecar wrote")]
    Rewritten {
        /// The number of the line.
        seq: u64,
    },
}

impl Chain {
    /// Begins with the first line of a bottle's log. `told` is what the sidecar says of its end,
    /// asked for before the log is read: the log may have gone on since.
    pub fn new(id: BottleId, told: Option<Head>) -> Self {
        Self {
            id,
            head: Head::default(),
            told: told.map(|head| (head, Met::NotYet)),
        }
    }

    /// Checks the next line. After a break it goes on from this line, so that others are found too.
    pub fn check(&mut self, line: &[u8]) -> Result<(), Break> {
        let record: AuditRecord = serde_json::from_slice(line).map_err(|_| Break::Damaged)?;
        if record.seq == 0 || record.prev.is_empty() {
            return Err(Break::NoPlace);
        }
        let expected = self.head.seq.saturating_add(1);
        let before = std::mem::replace(
            &mut self.head,
            Head {
                seq: record.seq,
                hash: hash(line),
            },
        );
        self.meet();
        if record.seq > expected {
            return Err(Break::Missing {
                first: expected,
                last: record.seq.saturating_sub(1),
            });
        }
        if record.seq < expected {
            return Err(Break::Order {
                expected,
                found: record.seq,
            });
        }
        if record.prev != before.hash {
            return Err(Break::Changed);
        }
        if expected == 1 && !self.begins(&record.event) {
            return Err(Break::Beginning);
        }
        Ok(())
    }

    /// Returns the number of the last line.
    pub fn last(&self) -> u64 {
        self.head.seq
    }

    /// Compares the end with what the sidecar says of it.
    pub fn end(&self) -> Result<(), Break> {
        match &self.told {
            None | Some((_, Met::Same)) => Ok(()),
            Some((head, _)) if head.seq == 0 => Ok(()),
            Some((head, Met::Other)) => Err(Break::Rewritten { seq: head.seq }),
            Some((head, Met::NotYet)) => Err(Break::End {
                first: self.head.seq.saturating_add(1).min(head.seq),
                last: head.seq,
            }),
        }
    }

    fn meet(&mut self) {
        if let Some((told, met)) = &mut self.told
            && told.seq == self.head.seq
        {
            *met = if told.hash == self.head.hash {
                Met::Same
            } else {
                Met::Other
            };
        }
    }

    fn begins(&self, event: &AuditEvent) -> bool {
        matches!(event, AuditEvent::Opened { bottle: Some(id), .. } if *id == self.id)
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("line {first} of the log is missing")
    } else {
        format!("lines {first} to {last} of the log are missing")
    }
}

fn hash(line: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(line) {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use bottle_contract::audit::NO_LINE;

    use super::*;

    fn id() -> BottleId {
        "a-bcdefg".parse().unwrap()
    }

    /// A log of as many lines as these events.
    fn log(events: &[&str]) -> Vec<String> {
        let mut prev = NO_LINE.to_owned();
        let mut lines = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let line = format!(
                r#"{{"seq":{},"prev":"{prev}","time":"T","event":"{event}","bottle":"a-bcdefg","version":"1","routes":0}}"#,
                index + 1
            );
            prev = hash(line.as_bytes());
            lines.push(line);
        }
        lines
    }

    fn five() -> Vec<String> {
        log(&["opened", "a", "b", "c", "d"])
    }

    fn head(lines: &[String]) -> Head {
        Head {
            seq: lines.len() as u64,
            hash: lines
                .last()
                .map_or(NO_LINE.to_owned(), |line| hash(line.as_bytes())),
        }
    }

    /// What is found, with the place of the line; 0 for the end.
    fn found(lines: &[String], told: Option<Head>) -> Vec<(usize, Break)> {
        let mut chain = Chain::new(id(), told);
        let mut found: Vec<(usize, Break)> = lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((at + 1, chain.check(line.as_bytes()).err()?)))
            .collect();
        found.extend(chain.end().err().map(|broken| (0, broken)));
        found
    }

    #[test]
    fn a_log_as_it_was_written_holds() {
        let lines = five();
        assert_eq!(found(&lines, None), []);
        assert_eq!(found(&lines, Some(head(&lines))), []);
        // It has gone on since the sidecar was asked.
        assert_eq!(found(&lines, Some(head(&lines[..3]))), []);
        assert_eq!(found(&[], Some(Head::default())), []);
    }

    #[test]
    fn what_was_taken_away_is_missed() {
        let mut lines = five();
        lines.drain(1..3);
        let gap = Break::Missing { first: 2, last: 3 };
        assert_eq!(
            gap.to_string(),
            "lines 2 to 3 of the log are missing before it"
        );
        assert_eq!(found(&lines, None), [(2, gap)]);
        let gap = Break::Missing { first: 1, last: 1 };
        assert_eq!(found(&five()[1..], None), [(1, gap)]);
    }

    #[test]
    fn the_end_is_missed_where_the_sidecar_told_about_it() {
        let lines = five();
        assert_eq!(found(&lines[..3], None), [], "a chain alone cannot know");
        let end = Break::End { first: 4, last: 5 };
        assert_eq!(found(&lines[..3], Some(head(&lines))), [(0, end)]);
        let all = Break::End { first: 1, last: 5 };
        assert_eq!(found(&[], Some(head(&lines))), [(0, all)]);
    }

    #[test]
    fn what_was_changed_or_swapped_is_found() {
        let mut lines = five();
        lines[2] = lines[2].replace("\"b\"", "\"x\"");
        assert_eq!(found(&lines, None), [(4, Break::Changed)]);
        let mut lines = five();
        lines.swap(1, 2);
        assert_eq!(found(&lines, None).len(), 3);
        let mut lines = five();
        lines.insert(2, lines[1].clone());
        let twice = Break::Order {
            expected: 3,
            found: 2,
        };
        assert_eq!(found(&lines, None), [(3, twice)]);
    }

    #[test]
    fn a_log_that_was_written_anew_is_found_where_the_sidecar_told_about_its_own() {
        let theirs = log(&["opened", "a", "x", "c", "d"]);
        assert_eq!(found(&theirs, None), [], "a chain alone cannot know");
        let told = Some(head(&five()));
        assert_eq!(found(&theirs, told), [(0, Break::Rewritten { seq: 5 })]);
    }

    #[test]
    fn another_bottles_log_is_not_this_ones() {
        let lines: Vec<String> = log(&["opened"])
            .iter()
            .map(|line| line.replace("a-bcdefg", "b-bcdefg"))
            .collect();
        assert_eq!(found(&lines, None), [(1, Break::Beginning)]);
        assert_eq!(found(&log(&["a"]), None), [(1, Break::Beginning)]);
    }

    #[test]
    fn a_line_that_is_not_the_logs_is_named() {
        let mut lines = five();
        lines.insert(1, "{\"half".to_owned());
        lines.insert(3, r#"{"time":"T","event":"x"}"#.to_owned());
        assert_eq!(
            found(&lines, None),
            [(2, Break::Damaged), (4, Break::NoPlace)]
        );
    }
}

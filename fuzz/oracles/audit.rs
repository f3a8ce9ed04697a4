//! The audit log: what is read is written and read again without a change, on one line.

use bottle_contract::audit::AuditRecord;

use crate::Outcome;

/// Reads a line.
pub(crate) fn check(input: &[u8]) -> Outcome {
    let Ok(record) = serde_json::from_slice::<AuditRecord>(input) else {
        return Outcome::Refused;
    };
    let line = serde_json::to_string(&record).expect("a record can be written");
    assert!(!line.contains(['\n', '\r']), "{line:?} is not one line");
    let again: AuditRecord = serde_json::from_str(&line).expect("what was written can be read");
    assert_eq!(again, record, "{line}");
    Outcome::Accepted
}

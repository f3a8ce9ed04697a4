//! Dates as Apple prints them: whole seconds, always `Z` (§3.0).

use jiff::Timestamp;

/// Returns now.
pub(crate) fn now() -> String {
    shown(Timestamp::now())
}

/// Brings an engine's date to Apple's form.
pub(crate) fn seconds(date: &str) -> String {
    date.parse::<Timestamp>()
        .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), shown)
}

fn shown(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).map_or_else(|_| time.to_string(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_whole_seconds() {
        let check = |date: &str, expected: &str| assert_eq!(seconds(date), expected);
        check("2026-11-21T06:33:05.147162838Z", "2026-11-21T06:33:05Z");
        check("2026-11-21T08:33:05.1+02:00", "2026-11-21T06:33:05Z");
        check("nonsense", "1970-01-01T00:00:00Z");
    }
}

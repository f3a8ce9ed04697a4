//! A length of time on the command line, such as `90s`, `10m` or `2h`.

use jiff::SignedDuration;

/// Reads one, in seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let length: SignedDuration = text
        .parse()
        .map_err(|_| "a time is a number with its unit, such as `90s`, `10m` or `2h`".to_owned())?;
    u64::try_from(length.as_secs())
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| "a time is at least one second".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_at_least_a_second() {
        for (text, expected) in [("2s", 2), ("10m", 600), ("2h", 7200), ("1h30m", 5400)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in ["", "10", "m", "-5m", "0s", "500ms", "ten minutes"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}

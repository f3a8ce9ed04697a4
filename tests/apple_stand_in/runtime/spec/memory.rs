//! Amounts of memory (§2.1): a number and a unit, in powers of 1024.

use crate::runtime::failure::Failure;

const MIB: u64 = 1024 * 1024;

/// Reads an amount, cut to whole mebibytes.
pub(crate) fn mebibytes(text: &str) -> Result<u64, Failure> {
    Ok(bytes(text)? / MIB * MIB)
}

/// Reads an amount in bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, Failure> {
    let refused = || Failure::invalid(format!("invalid memory string: {text}"));
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = lower.split_at(digits.unwrap_or(lower.len()));
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        "p" | "pb" | "pib" => 50,
        _ => return Err(refused()),
    };
    let factor = 1_u64 << shift;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(refused);
    }
    fraction(number, factor).ok_or_else(refused)
}

/// Multiplies a decimal fraction in whole numbers: `1.5` and 1024 make 1536.
fn fraction(number: &str, factor: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.')?;
    let digits = part.get(..part.len().min(9))?;
    let scale = 10_u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: u128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let product = whole
        .checked_mul(scale)?
        .checked_add(part)?
        .checked_mul(u128::from(factor))?;
    u64::try_from(product / scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_the_rest_is_cut() {
        for (text, expected) in [
            ("512m", 512 * MIB),
            ("512MB", 512 * MIB),
            ("1GiB", 1024 * MIB),
            ("1.5g", 1536 * MIB),
            ("1048577", MIB),
            ("2048k", 2 * MIB),
            ("1t", 1024 * 1024 * MIB),
        ] {
            assert_eq!(mebibytes(text).ok(), Some(expected), "{text}");
        }
        for bad in ["", "m", "1x", "-1m", "1.2.3m", "1e3"] {
            assert!(mebibytes(bad).is_err(), "{bad}");
        }
    }
}

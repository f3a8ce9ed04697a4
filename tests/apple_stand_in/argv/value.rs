//! What the values of options must look like.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use super::grammar::{Argument, ValueType};

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is not of the type.
    Type,
    /// The type's own reader says why.
    Because(String),
}

/// Checks the value of an argument.
pub(crate) fn check(argument: &Argument, value: &str) -> Result<(), Misfit> {
    let fits = match argument.value_type {
        None | Some(ValueType::String) => true,
        Some(ValueType::Enum) => argument.all_values.iter().any(|known| known == value),
        Some(ValueType::Int32) => is_whole(value, i32::MIN.into()..=i32::MAX.into()),
        Some(ValueType::Int64) => is_whole(value, i64::MIN.into()..=i64::MAX.into()),
        Some(ValueType::Uint32) => is_whole(value, 0..=u32::MAX.into()),
        Some(ValueType::Double) => is_number(value),
        Some(ValueType::Cidrv4) => return network(value, 32, is_ipv4, "unableToParse"),
        Some(ValueType::Cidrv6) => return network(value, 128, is_ipv6, "malformedAddress"),
    };
    if fits { Ok(()) } else { Err(Misfit::Type) }
}

/// Reads a whole number as Swift does: one sign at most, then digits and nothing else.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

fn is_whole(text: &str, range: RangeInclusive<i128>) -> bool {
    whole(text).is_some_and(|number| range.contains(&number))
}

/// Tells whether Swift reads a text as a number: also in hexadecimal, but never with spaces.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok() || is_hexadecimal(text)
}

fn is_hexadecimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some(text) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return false;
    };
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (text, None),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let some = !before.is_empty() || !after.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| whole(exponent).is_some());
    some && hex(before) && hex(after) && exponent_fits
}

/// Checks `ADDRESS/LENGTH`.
fn network(
    text: &str,
    longest: i128,
    is_address: fn(&str) -> bool,
    bad_address: &str,
) -> Result<(), Misfit> {
    let bad = || Misfit::Because(format!("invalidCIDR(cidr: {text:?})"));
    // Empty parts do not count: `/10.0.0.0//8` has two parts.
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let &[address, length] = parts.as_slice() else {
        return Err(bad());
    };
    // The length's own type holds what any network may have; the family is looked at last.
    if !is_whole(length, 0..=128) {
        return Err(bad());
    }
    if !is_address(address) {
        return Err(Misfit::Because(bad_address.to_owned()));
    }
    if is_whole(length, 0..=longest) {
        Ok(())
    } else {
        Err(bad())
    }
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// Tells whether a text is an IPv6 address, which may end in a zone.
fn is_ipv6(text: &str) -> bool {
    let address = match text.rsplit_once('%') {
        Some((_, "")) => return false,
        Some((address, _)) => address,
        None => text,
    };
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_type(value_type: ValueType, fitting: &[&str], misfits: &[&str]) {
        let text = r#"{"kind":"option","names":["--x"],"valueName":"x","isOptional":true,
            "isRepeating":false,"allValues":["json","table"]}"#;
        let mut argument: Argument = serde_json::from_str(text).unwrap();
        argument.value_type = Some(value_type);
        for value in fitting {
            assert_eq!(check(&argument, value), Ok(()), "{value:?}");
        }
        for value in misfits {
            assert!(check(&argument, value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn numbers_are_strict() {
        check_type(
            ValueType::Int64,
            &["0", "5", "+5", "-5", "007", "9223372036854775807"],
            &[
                "",
                " 5",
                "5 ",
                "1.5",
                "1e3",
                "0x10",
                "1_000",
                "--5",
                "9223372036854775808",
            ],
        );
        check_type(
            ValueType::Int32,
            &["2147483647", "-2147483648"],
            &["2147483648", "-2147483649", "five"],
        );
        check_type(
            ValueType::Uint32,
            &["0", "-0", "4294967295"],
            &["-1", "4294967296", "root"],
        );
        check_type(
            ValueType::Double,
            &["5", "2.5", ".5", "5.", "1e3", "-1", "inf", "nan", "0x1p3"],
            &["", " 5", "5s", "1,5", "0x", "1e"],
        );
    }

    #[test]
    fn an_enumeration_is_exact() {
        check_type(
            ValueType::Enum,
            &["json", "table"],
            &["JSON", "", "js", "json "],
        );
    }

    #[test]
    fn networks_have_an_address_and_a_length() {
        check_type(
            ValueType::Cidrv4,
            &["192.168.64.0/24", "10.0.0.1/8", "0.0.0.0/0", "10.0.0.0/+8"],
            &[
                "10.0.0.0",
                "10.0.0.0/33",
                "10.0.0/8",
                "010.0.0.0/8",
                "fd00::/64",
                "10.0.0.0/",
            ],
        );
        check_type(
            ValueType::Cidrv6,
            &[
                "fd00::/64",
                "::/0",
                "fe80::1%eth0/64",
                "::ffff:10.0.0.1/128",
            ],
            &[
                "fd00::",
                "fd00::/129",
                "fd00:::/64",
                "10.0.0.0/8",
                "fe80::1%/64",
                "::1::/64",
            ],
        );
    }
}

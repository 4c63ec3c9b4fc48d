//! Numbers of JSON by their text.
//!
//! JSON sets no limit to the digits of a number (RFC 8259, section 6); a parser keeps those that a double or a 64-bit integer
//! holds. A barcode with a serial number, a snowflake id, a price to the last decimal have more, and two of them that differ
//! in the last digit are two values.

use std::fmt::Write as _;

/// A double holds any number of so many digits apart from its neighbours.
const DIGITS_EXACT: usize = 15;
/// The most digits before the point that ECMAScript writes without an exponent.
const WHOLE_DIGITS_MAX: i64 = 21;
/// The most zeros after the point that it writes without one.
const ZEROS_MAX: i64 = 6;

/// The numbers of a JSON text, as they are written, in their order. In what is no JSON it finds some, and ends.
pub fn numbers(json: &[u8]) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let start = rest.iter().position(|byte| *byte == b'"' || *byte == b'-' || byte.is_ascii_digit())?;
            rest = &rest[start..];
            let is_text = rest[0] == b'"';
            let (token, after) = rest.split_at(if is_text { text_length(rest) } else { number_length(rest) });
            rest = after;
            if !is_text {
                return std::str::from_utf8(token).ok();
            }
        }
    })
}

fn text_length(json: &[u8]) -> usize {
    let mut at = 1;
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(json.len())
}

fn number_length(json: &[u8]) -> usize {
    let in_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    json.iter().position(|byte| !in_number(byte)).unwrap_or(json.len())
}

/// Whether a double keeps another value than a number's, or no value at all: its shortest text is another one. Integers of 64 bits
/// are kept as such.
#[must_use]
pub fn is_rounded(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0');
    // Up to the last that is not a zero: 3e20 can be written with 21 of them.
    let digits = digits.enumerate().filter(|(_, digit)| *digit != b'0').last().map_or(0, |(index, _)| index + 1);
    if digits == 0 || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return false;
    }
    let double = number.parse::<f64>().ok().filter(|double| double.is_finite());
    match double {
        Some(double) if digits <= DIGITS_EXACT && double.is_normal() => false,
        // What programs write of a double has up to 17 digits, and reads as the very same one.
        Some(double) => canonical(number) != ryu_js::Buffer::new().format_finite(double),
        None => true,
    }
}

/// The one text of a number's value: all its digits, in the form that ECMAScript gives a double's (`Number::toString`,
/// ECMA-262, section 6.1.6.1.20). So `1.50`, `1.5` and `15e-1` are one value, as are `1e30` and a one with thirty zeros.
///
/// An exponent of nineteen digits or more is no quantity of anything: such a number is its own text.
#[must_use]
pub fn canonical(number: &str) -> String {
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0');
    if digits.is_empty() {
        return "0".into();
    }
    let offset = i64::try_from(whole.len()).and_then(|whole| Ok(whole - i64::try_from(zeros)?));
    // Where the point stands, counted from before the first digit.
    let point = offset.ok().and_then(|offset| exponent.parse::<i64>().ok()?.checked_add(offset));
    let Some(point) = point else { return number.to_owned() };
    format!("{sign}{}", placed(digits, point))
}

fn placed(digits: &str, point: i64) -> String {
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if (length..=WHOLE_DIGITS_MAX).contains(&point) {
        return format!("{digits}{}", zeros(point - length));
    }
    if (1..=WHOLE_DIGITS_MAX).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        return format!("{whole}.{fraction}");
    }
    if (1 - ZEROS_MAX..=0).contains(&point) {
        return format!("0.{}{digits}", zeros(-point));
    }
    let (first, rest) = digits.split_at(1);
    let mut text = first.to_owned();
    if !rest.is_empty() {
        text = format!("{first}.{rest}");
    }
    // Writing to a String cannot fail.
    let _infallible = write!(text, "e{:+}", point.saturating_sub(1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_one_text() {
        for (number, expected) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("0e99999999999999999999", "0"),
            ("18446744073709551617", "18446744073709551617"),
            ("-18446744073709551617.0", "-18446744073709551617"),
            ("123456789012345678901", "123456789012345678901"),
            ("1234567890123456789012", "1.234567890123456789012e+21"),
            ("1000000000000000000000", "1e+21"),
            ("100000000000000000000", "100000000000000000000"),
            ("12345678901234567.5", "12345678901234567.5"),
            ("19.990000000000000001", "19.990000000000000001"),
            ("0.0000012345678901234567", "0.0000012345678901234567"),
            ("0.00000012345678901234567", "1.2345678901234567e-7"),
            ("1e-400", "1e-400"),
            ("0.10e-399", "1e-400"),
            ("1E+400", "1e+400"),
            ("1e-9999999999999999999", "1e-9999999999999999999"),
            ("1e9223372036854775807", "1e9223372036854775807"),
        ] {
            assert_eq!(canonical(number), expected, "{number}");
        }
    }

    #[test]
    fn numbers_are_found_outside_of_texts() {
        let found = |json: &str| numbers(json.as_bytes()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(found(r#"{"1":2,"a\"3":[-4.5e+6,"7"],"b":{"c":0}}"#), ["2", "-4.5e+6", "0"]);
        for broken in ["\"", "\"a", "\"\\", "\"a\"\""] {
            assert_eq!(found(broken), [""; 0], "{broken}");
        }
    }

    #[test]
    fn what_a_double_keeps_is_not_rounded() {
        for number in [
            "0",
            "-0.0",
            "1.5",
            "18446744073709551615",
            "-9223372036854775808",
            "3e20",
            "300000000000000000000",
            "0.30000000000000004",
            "-0.1234567890123456",
            "30000000000000004e-17",
            "5e-324",
            "1.7976931348623157e308",
        ] {
            assert!(!is_rounded(number), "{number}");
        }
        for number in [
            "18446744073709551616",
            "0.1234567890123456789",
            "0.300000000000000041",
            "1e-400",
            "1e400",
            "1.2345678e-320",
        ] {
            assert!(is_rounded(number), "{number}");
        }
    }

    proptest! {
        /// What `placed` writes for all others is what a double's own text would be.
        #[test]
        fn the_text_of_what_a_double_keeps_is_the_doubles(digits in 1_u64..1_000_000_000_000_000, exponent in -60_i32..60) {
            let number = format!("{digits}e{exponent}");
            let mut buffer = ryu_js::Buffer::new();
            let double: f64 = number.parse().unwrap();
            prop_assert_eq!(canonical(&number), buffer.format(double).to_owned());
        }

        #[test]
        fn the_text_of_a_double_is_not_rounded(double in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let text = ryu_js::Buffer::new().format_finite(double).to_owned();
            prop_assert!(!is_rounded(&text), "{}", text);
            // Between two doubles, as the shortest text of neither.
            let longer = format!("{double:e}").replacen('e', &format!("{}1e", if text.contains('.') { "000000000000000000" } else { ".000000000000000000" }), 1);
            prop_assert!(is_rounded(&longer), "{}", longer);
        }

        #[test]
        fn equal_values_have_one_text(digits in "[1-9][0-9]{0,30}", exponent in -400_i32..400, zeros in 0_usize..9, cut in 0_usize..30) {
            let cut = cut.min(digits.len() - 1);
            let (whole, fraction) = digits.split_at(digits.len() - cut);
            let shift = i32::try_from(cut).unwrap();
            let padding = "0".repeat(zeros);
            let other = format!("{whole}.{fraction}{padding}E{}", exponent + shift);
            let other = if fraction.is_empty() && zeros == 0 { other.replace('.', "") } else { other };
            let text = canonical(&format!("{digits}e{exponent}"));
            prop_assert_eq!(&canonical(&other), &text);
            prop_assert_eq!(canonical(&text), text);
        }

        #[test]
        fn another_digit_is_another_text(digits in "[1-9][0-9]{0,30}", exponent in -400_i32..400) {
            let next = format!("{digits}1");
            prop_assert_ne!(canonical(&format!("{digits}e{exponent}")), canonical(&format!("{next}e{}", exponent - 1)));
        }
    }
}

//! Numbers for people.

/// A whole number, its thousands apart.
pub(super) fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < -0.5 { format!("-{text}") } else { text }
}

/// A quantity: what is small with two digits that matter.
pub(super) fn quantity(number: f64) -> String {
    if number >= 100.0 { whole(number) } else { significant(number, 2) }
}

/// Dollars: cents, or two digits that matter of less.
pub(super) fn dollars(number: f64) -> String {
    if number >= 1.0 { format!("${number:.2}") } else { format!("${}", significant(number, 2)) }
}

fn significant(number: f64, digits: i32) -> String {
    if number.abs() < 1e-9 {
        return "0".to_owned();
    }
    let before = number.abs().log10().floor() as i32 + 1;
    let after = usize::try_from((digits - before).clamp(2, 9)).unwrap_or(2);
    format!("{number:.after$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_enough() {
        for (number, expected) in [(0.0, "0"), (999.0, "999"), (1_000_000.0, "1,000,000"), (-1_234.0, "-1,234")] {
            assert_eq!(whole(number), expected);
        }
        for (number, expected) in
            [(4.386, "$4.39"), (0.5, "$0.50"), (0.000_123_4, "$0.00012"), (0.0, "$0"), (0.0271, "$0.027")]
        {
            assert_eq!(dollars(number), expected);
        }
        for (number, expected) in [(123_456.0, "123,456"), (12.5, "12.50"), (0.035, "0.035")] {
            assert_eq!(quantity(number), expected);
        }
    }
}

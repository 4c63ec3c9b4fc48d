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

/// A quantity: what is no whole number and small with two digits that matter.
pub(super) fn quantity(number: f64) -> String {
    if number >= 100.0 || (number - number.round()).abs() < 1e-9 {
        return whole(number);
    }
    let after = decimals(number, 2).clamp(1, 9);
    format!("{number:.after$}")
}

/// How many decimals a sum of dollars is written with, and so each of its parts: cents, or three digits that matter of less than a dollar.
pub(super) fn cents(sum: f64) -> usize {
    if sum.abs() < 1e-9 { 2 } else { decimals(sum, 3).clamp(2, 9) }
}

/// Dollars with so many decimals.
pub(super) fn dollars(number: f64, decimals: usize) -> String {
    format!("${number:.decimals$}")
}

/// A difference of dollars.
pub(super) fn difference(number: f64, decimals: usize) -> String {
    let text = dollars(number.abs(), decimals);
    let is_none = text.chars().all(|digit| matches!(digit, '$' | '0' | '.'));
    if is_none { text } else { format!("{}{text}", if number < 0.0 { '-' } else { '+' }) }
}

/// A price as the list has it: all of its digits.
pub(super) fn price(usd: f64, per: f64) -> String {
    let digits = format!("{usd:.6}");
    let (before, after) = digits.split_once('.').unwrap_or((&digits, ""));
    let after = after.trim_end_matches('0');
    let each = match per {
        1.0 => "each".to_owned(),
        1_000_000.0 => "a million".to_owned(),
        other => format!("for {}", whole(other)),
    };
    format!("${before}.{after:0<2} {each}")
}

/// Percent.
pub(super) fn percent(number: f64) -> String {
    if number > 0.0 && number < 1.0 { "below 1 %".to_owned() } else { format!("{} %", whole(number)) }
}

/// A text in lines of at most so many characters, each but the first set in.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How many decimals show so many digits that matter.
fn decimals(number: f64, digits: i32) -> usize {
    let before = number.abs().log10().floor() as i32 + 1;
    usize::try_from(digits - before).unwrap_or_default()
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
            [(123_456.4, "123,456"), (20.0, "20"), (12.54, "12.5"), (0.47, "0.47"), (0.035, "0.035"), (0.0, "0")]
        {
            assert_eq!(quantity(number), expected);
        }
        for (number, expected) in [(0.0, "0 %"), (0.002, "below 1 %"), (2_000.0, "2,000 %")] {
            assert_eq!(percent(number), expected);
        }
    }

    #[test]
    fn dollars_have_the_decimals_of_their_sum() {
        for (sum, part, expected) in [
            (4.386, 0.0271, "$0.03"),
            (12.0, 12.0, "$12.00"),
            (0.000_88, 0.000_093_4, "$0.000093"),
            (0.0, 0.0, "$0.00"),
        ] {
            assert_eq!(dollars(part, cents(sum)), expected);
        }
        for (number, expected) in [(0.25, "+$0.25"), (-0.14, "-$0.14"), (-0.001, "$0.00")] {
            assert_eq!(difference(number, 2), expected);
        }
        for (usd, per, expected) in [
            (1.0, 1e6, "$1.00 a million"),
            (0.70675, 1e6, "$0.70675 a million"),
            (0.5, 1.0, "$0.50 each"),
            (2.0, 1e3, "$2.00 for 1,000"),
        ] {
            assert_eq!(price(usd, per), expected);
        }
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 8), ["one two", "  three"]);
    }
}

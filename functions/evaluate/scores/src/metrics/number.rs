//! `number`: 1 if the final number of the answer is that of the reference, else 0. For arithmetic, in
//! which the way to the result is free.
//!
//! The final number is the one after the last `####` (the answers of GSM8K), or else the last one in the
//! text. A sign of currency, commas between thousands, and zeros at the end of a fraction do not count:
//! `$1,234` is `1234.00`. Source: Cobbe et al., "Training verifiers to solve math word problems", 2021.

use std::sync::LazyLock;

use regex::Regex;

use crate::metric::{Metric, ScoreScale, TextPair, right};

/// See the module.
#[derive(Debug)]
pub struct Number;

/// The metric.
pub const NUMBER: Number = Number;

impl Metric for Number {
    fn name(&self) -> &'static str {
        "number"
    }

    fn doc(&self) -> &'static str {
        "1 if the final number is that of the reference, else 0."
    }

    fn scale(&self) -> ScoreScale {
        ScoreScale::Binary
    }

    fn applies(&self, reference: &str) -> bool {
        final_number(reference).is_some()
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let numbers = (final_number(pair.prediction), final_number(pair.reference));
        right(matches!(numbers, (Some(one), Some(other)) if one == other))
    }
}

/// The final number, in the one way to write it: digits without separators, a point only before a
/// fraction, no zeros that could be left out.
pub fn final_number(text: &str) -> Option<String> {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let sign = r"(?P<sign>[-−]\s?)?\p{Sc}?\s?(?P<second>[-−])?";
        let whole = r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<fraction>\d+))?";
        let digits = format!(r"(?:{whole}|\.(?P<only>\d+))");
        Regex::new(&format!("{sign}{digits}")).ok()
    });
    let marked = text.rsplit_once("####").map(|(_, after)| after);
    let numbers = |text: &str| -> Vec<String> {
        let found = NUMBER.as_ref().map(|number| number.captures_iter(text));
        let found = found.into_iter().flatten();
        found.map(|found| plain(text, &found)).collect()
    };
    let first = marked.and_then(|text| numbers(text).into_iter().next());
    first.or_else(|| numbers(text).pop())
}

/// A number as digits.
fn plain(text: &str, found: &regex::Captures<'_>) -> String {
    let part = |name| found.name(name).map_or("", |it| it.as_str());
    let (whole, fraction) = (part("whole"), [part("fraction"), part("only")].concat());
    let start = found.get(0).map_or(0, |it| it.start());
    let before = text
        .get(..start)
        .and_then(|before| before.chars().next_back());
    // A dash between two words or numbers is not a sign: "10-3", "x-3".
    let is_dash = before.is_some_and(|before| before.is_alphanumeric() || before == ')');
    let has_sign = found.name("sign").is_some() || found.name("second").is_some();
    let whole = whole.replace(',', "");
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    let is_zero = whole == "0" && fraction.is_empty();
    let sign = if has_sign && !is_dash && !is_zero {
        "-"
    } else {
        ""
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(final_number(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_final_number_is_found() {
        check("#### 18", Some("18"));
        check("First 3, then 4.\n#### 18 eggs in 2 days", Some("18"));
        check("#### none, so 5", Some("5"));
        check("5 #### none", Some("5"));
        check("The answer is 18.0.", Some("18"));
        check("$1,234", Some("1234"));
        check("It costs -$5.50 now.", Some("-5.5"));
        check("$-5.50", Some("-5.5"));
        check("€ 1,234,567.80", Some("1234567.8"));
        check("1,2 and 3,45", Some("45"));
        check("2024-05", Some("5"));
        check("10-3 = 7", Some("7"));
        check("x = −7", Some("-7"));
        check("-0.0", Some("0"));
        check("007", Some("7"));
        check(".5", Some("0.5"));
        check("12%", Some("12"));
        check("A: 70000", Some("70000"));
        check("So he saves $<<500-125=375>>375", Some("375"));
        check("123456789012345678901", Some("123456789012345678901"));
        check("none", None);
        check("", None);
        check("#### ", None);
    }

    #[test]
    fn ways_to_write_a_number_are_equal() {
        use crate::golden::check_one;
        check_one(&NUMBER, "I think $1,234.00!", "#### 1234", 1.0);
        check_one(&NUMBER, "18", "#### 18", 1.0);
        check_one(&NUMBER, "19", "#### 18", 0.0);
        check_one(&NUMBER, "no idea", "#### 18", 0.0);
        assert!(!NUMBER.applies("words"));
    }
}

//! Counts, money, sizes and spans of time as people read them: on pages, in terminals, in reasons.

use chrono::TimeDelta;

/// A count, with a comma between thousands: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 row`, `2 rows`.
pub fn things(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// US dollars to the cent, and to a hundredth of a cent below ten cents: small tunings cost that
/// little, and the amounts of a list should add up.
pub fn usd(amount: f64) -> String {
    let size = amount.abs();
    if !amount.is_finite() {
        "unknown".to_owned()
    } else if size >= 0.1 || size == 0.0 {
        format!("${amount:.2}")
    } else if size >= 0.000_1 {
        format!("${amount:.4}")
    } else {
        "under $0.0001".to_owned()
    }
}

/// A size in bytes, KiB or MiB.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576.. => format!("{} MiB", count(bytes >> 20)),
    }
}

/// A span of time in its two largest units, the second only where it is not zero: `2 d 4 h`,
/// `3 min 20 s`, `5 min`. A negative one, since clocks may differ, is `0 s`.
pub fn span(span: TimeDelta) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = span.num_seconds().max(0);
    let mut units = UNITS
        .windows(2)
        .filter_map(|pair| <[_; 2]>::try_from(pair).ok());
    let largest = units.find(|[(length, _), _]| seconds >= *length);
    let Some([(length, unit), (next_length, next_unit)]) = largest else {
        return format!("{seconds} s");
    };
    let next = seconds % length / next_length;
    match next {
        0 => format!("{} {unit}", seconds / length),
        _ => format!("{} {unit} {next} {next_unit}", seconds / length),
    }
}

/// A number with at most four decimals, without the zeros at its end.
pub fn number(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: impl AsRef<str>, expected: &str) {
        assert_eq!(found.as_ref(), expected);
    }

    #[test]
    fn counts_and_sizes_read_well() {
        check(count(0), "0");
        check(count(999), "999");
        check(count(17_500_000), "17,500,000");
        check(things(1, "row"), "1 row");
        check(things(2_000, "row"), "2,000 rows");
        check(bytes(1_023), "1023 B");
        check(bytes(5 << 10), "5 KiB");
        check(bytes(5 << 20), "5 MiB");
        check(number(1.0), "1");
        check(number(0.123_45), "0.1235");
    }

    #[test]
    fn money_shows_cents_and_more_where_cents_would_show_nothing() {
        check(usd(31.2), "$31.20");
        check(usd(0.1), "$0.10");
        check(usd(0.0123), "$0.0123");
        check(usd(0.004), "$0.0040");
        check(usd(0.000_01), "under $0.0001");
        check(usd(0.0), "$0.00");
        check(usd(f64::NAN), "unknown");
    }

    #[test]
    fn a_span_of_time_has_two_units_at_most() {
        #[track_caller]
        fn check(seconds: i64, expected: &str) {
            assert_eq!(span(TimeDelta::seconds(seconds)), expected, "{seconds}");
        }
        check(-3, "0 s");
        check(7, "7 s");
        check(59, "59 s");
        check(60, "1 min");
        check(200, "3 min 20 s");
        check(7_500, "2 h 5 min");
        check(3_600, "1 h");
        check(192 * 60, "3 h 12 min");
        check(52 * 3_600, "2 d 4 h");
        check(2 * 86_400 + 60, "2 d");
    }
}

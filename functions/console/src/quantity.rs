//! Money, counts, sizes and times, as people read them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use maud::{Markup, html};

/// US dollars.
pub(crate) fn usd(amount: f64) -> String {
    match amount {
        amount if !amount.is_finite() => "unknown".to_owned(),
        amount if amount > 0.0 && amount < 0.01 => "under $0.01".to_owned(),
        amount => format!("${amount:.2}"),
    }
}

/// A count, its thousands apart.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576.. => format!("{} MiB", count(bytes >> 20)),
    }
}

/// A span in its two largest units; one that is negative, as clocks may differ, is none.
pub(crate) fn span(span: TimeDelta) -> String {
    let (days, hours) = (span.num_days(), span.num_hours());
    let (minutes, seconds) = (span.num_minutes(), span.num_seconds());
    if days > 0 {
        format!("{days} d {} h", hours % 24)
    } else if hours > 0 {
        format!("{hours} h {} min", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes} min")
    } else {
        format!("{} s", seconds.max(0))
    }
}

/// A moment, to the minute, for people and programs.
pub(crate) fn moment(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    html! {
        time datetime=(exact) { (at.format("%Y-%m-%d %H:%M").to_string()) " UTC" }
    }
}

/// A number with at most four decimals, without the zeros at its end.
pub(crate) fn number(number: f64) -> String {
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
    fn quantities_read_well() {
        check(usd(31.2), "$31.20");
        check(usd(0.0), "$0.00");
        check(usd(0.004), "under $0.01");
        check(usd(f64::NAN), "unknown");
        check(count(0), "0");
        check(count(999), "999");
        check(count(17_500_000), "17,500,000");
        check(bytes(1_023), "1023 B");
        check(bytes(5 << 20), "5 MiB");
        check(number(1.0), "1");
        check(number(0.123_45), "0.1235");
        check(span(TimeDelta::seconds(-3)), "0 s");
        check(span(TimeDelta::seconds(59)), "59 s");
        check(span(TimeDelta::minutes(192)), "3 h 12 min");
        check(span(TimeDelta::hours(52)), "2 d 4 h");
    }
}

//! Durations in the JSON mapping of proto3.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A duration, as in `"1.500s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) prost_types::Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            prost_types::Duration { seconds, nanos: 0 } => {
                serializer.collect_str(&format_args!("{seconds}s"))
            }
            prost_types::Duration { seconds, nanos } => {
                serializer.collect_str(&format_args!("{seconds}.{nanos:09}s"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration")))
    }
}

fn span(text: &str) -> Option<Span> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = fraction.len() <= 9 && fraction.chars().all(|c| c.is_ascii_digit());
    let nanos = format!("{fraction:0<9}").parse().ok().filter(|_| digits)?;
    let seconds = whole.parse().ok().filter(|seconds| *seconds >= 0)?;
    Some(Span(prost_types::Duration { seconds, nanos }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(i64, i32)>) {
        let found = span(text).map(|span| (span.0.seconds, span.0.nanos));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_duration_is_seconds_with_an_s() {
        check("600s", Some((600, 0)));
        check("1.5s", Some((1, 500_000_000)));
        check("0.000000001s", Some((0, 1)));
        check("600", None);
        check("-1s", None);
        check("1.-5s", None);
        check("1.0000000001s", None);
        check("s", None);
    }
}

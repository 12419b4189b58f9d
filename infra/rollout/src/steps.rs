//! What a person sets: the steps of the traffic, and spans of time.

use std::{fmt, str::FromStr, time::Duration};

/// The shares of the traffic, in percent, that a new revision gets one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<u32>);

impl Steps {
    /// The shares, rising, the last 100.
    pub fn percents(&self) -> &[u32] {
        &self.0
    }
}

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percents = text.split(',').map(str::parse::<u32>);
        let percents: Vec<u32> = percents
            .collect::<Result<_, _>>()
            .map_err(|error| format!("`{text}`: {error}"))?;
        let rising = percents.is_sorted_by(|earlier, later| earlier < later);
        let bounded = percents.first() > Some(&0) && percents.last() == Some(&100);
        if rising && bounded {
            Ok(Self(percents))
        } else {
            Err(format!("`{text}` does not rise from above 0 to 100"))
        }
    }
}

/// A span of time, such as `300s` or `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span such as `300s` or `5m`");
        let unit = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(unit).ok_or_else(wrong)?;
        let number: f64 = number.parse().map_err(|_error| wrong())?;
        let seconds = match unit {
            "s" => number,
            "m" => number * 60.0,
            _ => return Err(wrong()),
        };
        let span = Duration::try_from_secs_f64(seconds);
        span.map(Self).map_err(|_error| wrong())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_rise_to_the_whole() {
        assert_eq!("10,50,100".parse(), Ok(Steps(vec![10, 50, 100])));
        assert_eq!("100".parse(), Ok(Steps(vec![100])));
        for wrong in [
            "",
            "10,50",
            "50,10,100",
            "0,100",
            "10,10,100",
            "100,110",
            "a",
        ] {
            assert!(wrong.parse::<Steps>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_has_a_unit() {
        let seconds = |text: &str| text.parse::<Span>().map(|it| it.0.as_secs_f64());
        assert_eq!(seconds("300s"), Ok(300.0));
        assert_eq!(seconds("5m"), Ok(300.0));
        assert_eq!(seconds("0.5s"), Ok(0.5));
        for wrong in ["", "s", "5", "5h", "-1s", "ßs", "5ß", "nans"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}

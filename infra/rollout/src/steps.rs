//! Arguments: the steps of the traffic, and durations.

use std::{fmt, str::FromStr, time::Duration};

/// The percentages of the traffic that a new revision gets, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<u32>);

impl Steps {
    /// The percentages, rising to 100.
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
            Err(format!(
                "`{text}`: expected percentages that rise to 100, such as `10,50,100`"
            ))
        }
    }
}

/// A duration, such as `300s` or `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationArg(pub Duration);

impl FromStr for DurationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("`{text}`: expected a duration such as `300s` or `5m`");
        let unit = text.len().saturating_sub(1);
        let (number, unit) = text.split_at_checked(unit).ok_or_else(invalid)?;
        let number: f64 = number.parse().map_err(|_error| invalid())?;
        let seconds = match unit {
            "s" => number,
            "m" => number * 60.0,
            _ => return Err(invalid()),
        };
        let duration = Duration::try_from_secs_f64(seconds);
        duration.map(Self).map_err(|_error| invalid())
    }
}

impl fmt::Display for DurationArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_rise_to_100_percent() {
        assert_eq!("10,50,100".parse(), Ok(Steps(vec![10, 50, 100])));
        assert_eq!("100".parse(), Ok(Steps(vec![100])));
        for invalid in [
            "",
            "10,50",
            "50,10,100",
            "0,100",
            "10,10,100",
            "100,110",
            "a",
        ] {
            assert!(invalid.parse::<Steps>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        let seconds = |text: &str| text.parse::<DurationArg>().map(|it| it.0.as_secs_f64());
        assert_eq!(seconds("300s"), Ok(300.0));
        assert_eq!(seconds("5m"), Ok(300.0));
        assert_eq!(seconds("0.5s"), Ok(0.5));
        for invalid in ["", "s", "5", "5h", "-1s", "ßs", "5ß", "nans"] {
            assert!(invalid.parse::<DurationArg>().is_err(), "{invalid}");
        }
    }
}

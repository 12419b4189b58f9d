//! Schedules in the unix-cron format:
//! <https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules>.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Timelike as _, Utc};

/// Days to search: the next 29th of February is at most eight years away.
const DAYS_MAX: usize = 366 * 8;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule; each field is a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether day of month and day of week are both restricted: then either one matching is enough.
    either_day: bool,
}

/// Why a text is not a schedule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CronError {
    /// Not five fields; the service's English-like format is not served.
    #[error("expected five fields, found {0}: schedules such as `every 5 minutes` are not served")]
    Fields(usize),
    /// A field that cannot be parsed.
    #[error("invalid value `{0}` for the field {1}")]
    Field(String, &'static str),
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(CronError::Fields(fields.len()));
        };
        let (week, any_weekday) = field(weekdays, "day of week", 0, 7, &WEEKDAYS)?;
        let (days, any_day) = field(days, "day of month", 1, 31, &[])?;
        Ok(Self {
            minutes: field(minutes, "minute", 0, 59, &[])?.0,
            hours: field(hours, "hour", 0, 23, &[])?.0,
            days,
            months: field(months, "month", 1, 12, &MONTHS)?.0,
            // Sunday is both 0 and 7.
            weekdays: (week | week >> 7) & 0x7f,
            either_day: !any_day && !any_weekday,
        })
    }
}

impl Cron {
    /// The first time after `after`, in UTC; `None` for a day that never occurs.
    pub(super) fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let first = after.date_naive();
        // Minutes of the first day that have passed, the current one included.
        let passed = after.hour() * 60 + after.minute() + 1;
        let mut day = first;
        for _ in 0..DAYS_MAX {
            if self.has_day(day) {
                let from = if day == first { passed } else { 0 };
                let due = (from..24 * 60)
                    .find(|minute| has(self.hours, minute / 60) && has(self.minutes, minute % 60));
                if let Some(minute) = due {
                    return Some(day.and_hms_opt(minute / 60, minute % 60, 0)?.and_utc());
                }
            }
            day = day.checked_add_days(Days::new(1))?;
        }
        None
    }

    fn has_day(&self, day: NaiveDate) -> bool {
        let of_month = has(self.days, day.day());
        let of_week = has(self.weekdays, day.weekday().num_days_from_sunday());
        let fits = if self.either_day {
            of_month || of_week
        } else {
            of_month && of_week
        };
        fits && has(self.months, day.month())
    }
}

fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

/// The set that `text` describes, and whether it begins with `*`, which in cron means "any".
fn field(
    text: &str,
    name: &'static str,
    low: u32,
    high: u32,
    names: &[&str],
) -> Result<(u64, bool), CronError> {
    let wrong = || CronError::Field(text.to_owned(), name);
    let value = |text: &str| {
        let position = names
            .iter()
            .position(|known| known.eq_ignore_ascii_case(text));
        let by_name = position.and_then(|position| Some(u32::try_from(position).ok()? + low));
        let number = by_name.or_else(|| text.parse().ok());
        number.filter(|number| (low..=high).contains(number))
    };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let step = step.parse::<u32>().ok().filter(|step| *step > 0);
                (range, Some(step.ok_or_else(wrong)?))
            }
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (value(from).ok_or_else(wrong)?, value(to).ok_or_else(wrong)?),
            None => {
                let from = value(range).ok_or_else(wrong)?;
                // `5/10` counts from 5 to the end of the field.
                (from, if step.is_some() { high } else { from })
            }
        };
        if from > to {
            return Err(wrong());
        }
        let steps = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        for value in (from..=to).step_by(steps) {
            set |= 1 << value;
        }
    }
    Ok((set, text.starts_with('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cron: &str, after: &str, expected: &str) {
        let parsed: Cron = cron.parse().unwrap();
        let next = parsed.next(after.parse().unwrap());
        let next = next.map_or("never".to_owned(), |next| next.format("%FT%RZ").to_string());
        assert_eq!(next, expected, "`{cron}` after {after}");
    }

    #[test]
    fn the_next_time_is_the_first_that_fits() {
        // The 22nd of November 2026 is a Sunday.
        check("* * * * *", "2026-11-22T10:00:00Z", "2026-11-22T10:01Z");
        check("* * * * *", "2026-11-22T10:00:59.999Z", "2026-11-22T10:01Z");
        check("*/5 * * * *", "2026-11-22T10:03:00Z", "2026-11-22T10:05Z");
        check("*/5 * * * *", "2026-11-22T10:55:00Z", "2026-11-22T11:00Z");
        check("7/20 * * * *", "2026-11-22T10:08:00Z", "2026-11-22T10:27Z");
        check(
            "0,30 9-17 * * *",
            "2026-11-22T17:30:00Z",
            "2026-11-23T09:00Z",
        );
        check(
            "0-10/5 0 * * *",
            "2026-11-22T00:05:00Z",
            "2026-11-22T00:10Z",
        );
        check("0 0 1 * *", "2026-12-15T00:00:00Z", "2027-01-01T00:00Z");
        check(
            "0 9 * * MON-FRI",
            "2026-11-20T09:00:00Z",
            "2026-11-23T09:00Z",
        );
        check("0 9 * * 7", "2026-11-22T08:00:00Z", "2026-11-22T09:00Z");
        check("0 9 * * 0", "2026-11-22T09:00:00Z", "2026-11-29T09:00Z");
        check("0 0 29 feb *", "2026-11-22T00:00:00Z", "2028-02-29T00:00Z");
        check("0 0 31 2 *", "2026-11-22T00:00:00Z", "never");
    }

    #[test]
    fn day_of_month_or_day_of_week_is_enough_when_both_are_restricted() {
        check("0 0 13 * FRI", "2026-11-22T00:00:00Z", "2026-11-27T00:00Z");
        check("0 0 25 * FRI", "2026-11-22T00:00:00Z", "2026-11-25T00:00Z");
    }

    #[test]
    fn an_invalid_schedule_is_refused_with_its_field() {
        for text in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
        ] {
            assert!(text.parse::<Cron>().is_err(), "{text}");
        }
        for text in [
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "1- * * * *",
            ", * * * *",
        ] {
            let error = text.parse::<Cron>();
            assert!(
                matches!(error, Err(CronError::Field(_, "minute"))),
                "{text}"
            );
        }
        assert_eq!("every 5 minutes".parse::<Cron>(), Err(CronError::Fields(3)));
    }
}

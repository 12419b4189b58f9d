//! Whether too many requests to a revision fail.

/// Fewer errors than this prove nothing: one or two happen to any revision.
const ERRORS_MIN: u64 = 3;
/// The share of requests that may fail beyond the share that fails on the serving revision.
///
/// A dependency that is unavailable makes both revisions answer 503, which must not roll back.
const RATIO_MAX: f64 = 0.05;

/// Counts of answered requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All requests.
    pub all: u64,
    /// Those answered with 5xx.
    pub errors: u64,
}

impl RequestCounts {
    /// The share that failed; 0 where there were no requests.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio of counts far below 2^52"
    )]
    pub fn ratio(self) -> f64 {
        if self.all == 0 {
            return 0.0;
        }
        self.errors as f64 / self.all as f64
    }
}

/// Whether too many requests fail on the new revision, compared with the serving one.
pub fn too_many(new: RequestCounts, serving: RequestCounts) -> bool {
    new.errors >= ERRORS_MIN && new.ratio() > RATIO_MAX + serving.ratio()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(errors: u64, all: u64) -> RequestCounts {
        RequestCounts { all, errors }
    }

    #[test]
    fn errors_are_compared_with_those_of_the_serving_revision() {
        for (new, serving, expected) in [
            (of(0, 0), of(0, 0), false),
            (of(2, 2), of(0, 100), false),
            (of(3, 3), of(0, 100), true),
            (of(5, 100), of(0, 900), false),
            (of(6, 100), of(0, 900), true),
            (of(30, 100), of(270, 900), false),
            (of(40, 100), of(270, 900), true),
        ] {
            assert_eq!(too_many(new, serving), expected, "{new:?} {serving:?}");
        }
    }

    proptest! {
        #[test]
        fn more_errors_are_never_better(all in 1_u64..1000, a in 0_u64..1000, b in 0_u64..1000) {
            let (few, many) = (a.min(b).min(all), a.max(b).min(all));
            let serving = of(1, 100);
            prop_assert!(!too_many(of(few, all), serving) || too_many(of(many, all), serving));
        }
    }
}

//! The base models of the price list: which of them end soon.

use chrono::NaiveDate;
use shared::price::Prices;

use super::diagnosis::{CheckResult, Problem};

/// Checks whether a base model that can be tuned ends soon, or has ended.
pub(super) fn base_models(prices: &Prices, today: NaiveDate) -> CheckResult {
    let tunable: Vec<&str> = prices.tunable().collect();
    let ends = tunable
        .iter()
        .filter_map(|model| prices.retirement(model, today));
    let ends: Vec<String> = ends.map(|retirement| retirement.words()).collect();
    if ends.is_empty() {
        return Ok(format!(
            "{} can be tuned, and none ends soon",
            tunable.len()
        ));
    }
    let advice = "see `lapidary retune --help`";
    Err(Problem::Warning(format!("{}: {advice}", ends.join("; "))))
}

#[cfg(test)]
mod tests {
    use shared::price::prices;

    use super::*;

    #[test]
    fn a_base_model_that_ends_soon_is_a_warning() {
        let check = |today: &str| base_models(prices(), today.parse().unwrap());
        assert_eq!(
            check("2026-12-01").unwrap(),
            "2 can be tuned, and none ends soon"
        );
        let Err(Problem::Warning(words)) = check("2027-04-01") else {
            panic!("no warning");
        };
        assert!(
            words.contains("`gemini-3.1-flash-lite` stops answering on 2027-05-07"),
            "{words}"
        );
    }
}

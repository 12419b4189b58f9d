//! The policy of a stack on this machine.

use shared::policy::{InvalidPolicy, Policy};

/// Its text.
pub const POLICY: &str = include_str!("policy.toml");

/// The policy itself: what `lapidary check` assumes where no other is named.
pub(crate) fn policy() -> Result<Policy, InvalidPolicy> {
    Policy::parse(POLICY)
}

#[cfg(test)]
mod tests {
    use shared::policy::{DEFAULT, SpendPolicy};

    use super::*;

    #[test]
    fn it_limits_spending_as_a_new_project_does_but_for_the_age_of_prices() {
        let ours = policy().unwrap().spend;
        let default = Policy::parse(DEFAULT).unwrap().spend;
        let expected = SpendPolicy {
            price_age_days_max: ours.price_age_days_max,
            ..default
        };
        assert_eq!(ours, expected);
    }
}

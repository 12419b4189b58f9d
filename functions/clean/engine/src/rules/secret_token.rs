//! The row contains an access token.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// GitHub, GitLab, Slack and its webhooks, Stripe, `OpenAI`, Anthropic, Hugging Face, npm, `SendGrid`,
/// `DigitalOcean`, any JSON web token, and any long value after `Bearer`.
pub(crate) static RULE: Rule = Rule {
    code: "secret_token",
    version: 2,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains an access token",
    fix: "revoke the token, then remove it; `repair` in the recipe replaces it with `[TOKEN]`",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_token_is_reported_rejected_or_masked() {
        check_rule(
            "secret_token",
            "use ghp_a1B2c3D4e5F6g7H8a1B2c3D4e5F6g7H8a1B2 for it",
            "use [TOKEN] for it",
        );
    }
}

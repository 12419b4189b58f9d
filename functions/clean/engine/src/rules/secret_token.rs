//! A token of some service is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// GitHub, GitLab, Slack and its webhooks, Stripe, `OpenAI`, Anthropic, Hugging Face, npm, `SendGrid`,
/// `DigitalOcean`, any JSON web token, and what is long behind `Bearer`.
pub(crate) static RULE: Rule = Rule {
    code: "secret_token",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a token of some service is in the row",
    fix: "revoke the token, then take it out; `repair` in the recipe puts `[TOKEN]` in its place",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule(
            "secret_token",
            "use ghp_a1B2c3D4e5F6g7H8a1B2c3D4e5F6g7H8a1B2 for it",
            "use [TOKEN] for it",
        );
    }
}

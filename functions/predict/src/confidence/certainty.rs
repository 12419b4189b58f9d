//! How certain the model was of its own tokens, where it reports that. Gemini 3 does not (`Logprobs is not supported for this
//! model`), some older models do. Without these numbers the score is not lowered.

use serde_json::Value;

/// Mean token probability from which a reply counts as certain. Fluent text rarely falls below it.
const PROBABILITY_CERTAIN: f64 = 0.5;

/// Share of the largest possible entropy up to which a reply counts as certain.
const ENTROPY_CERTAIN: f64 = 0.5;

/// From 0 (guessing) to 1 (certain); `None` if the candidate has no log-probabilities.
///
/// The lower of two: the geometric mean of the token probabilities (`avgLogprobs`, or the mean over `chosenCandidates`), and how
/// far the entropy over the alternatives (`topCandidates`) stays below its maximum. Both are linear up to "certain".
pub(super) fn of(candidate: &Value) -> Option<f64> {
    let probability = average(candidate).map(|log| (log.exp() / PROBABILITY_CERTAIN).min(1.0));
    let entropy =
        entropy(candidate).map(|share| ((1.0 - share) / (1.0 - ENTROPY_CERTAIN)).clamp(0.0, 1.0));
    match (probability, entropy) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The mean log-probability. One above 0 is invalid and ignored.
fn average(candidate: &Value) -> Option<f64> {
    let given = candidate.get("avgLogprobs").and_then(Value::as_f64);
    let average =
        given.or_else(|| mean(logs(candidate.pointer("/logprobsResult/chosenCandidates")?)));
    average.filter(|log| *log <= 0.0)
}

/// Mean over the tokens of the entropy over the listed alternatives, as a share of its maximum.
fn entropy(candidate: &Value) -> Option<f64> {
    let tokens = candidate
        .pointer("/logprobsResult/topCandidates")?
        .as_array()?;
    mean(tokens.iter().filter_map(|token| {
        let probabilities: Vec<f64> = logs(token.get("candidates")?)
            .map(|log| log.min(0.0).exp())
            .collect();
        // Alternatives that are not listed are left out, and the rest is normalised to 1.
        let sum: f64 = probabilities.iter().sum();
        let most = count(probabilities.len()).ln();
        // One alternative is not a choice, and probabilities of 0 say nothing.
        if probabilities.len() < 2 || sum <= 0.0 {
            return None;
        }
        let nats = probabilities
            .iter()
            .map(|one| one / sum)
            .filter(|share| *share > 0.0)
            .map(|share| -share * share.ln());
        Some(nats.sum::<f64>() / most)
    }))
}

fn logs(tokens: &Value) -> impl Iterator<Item = f64> {
    tokens
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|token| token.get("logProbability")?.as_f64())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, number) = values.fold((0.0, 0), |(sum, number), value| (sum + value, number + 1));
    (number > 0).then(|| sum / count(number))
}

#[expect(clippy::cast_precision_loss, reason = "tokens of one reply")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(candidate: &Value, expected: Option<f64>) {
        let certainty = of(candidate);
        let close = match (certainty, expected) {
            (Some(one), Some(other)) => (one - other).abs() < 1e-9,
            (one, other) => one == other,
        };
        assert!(close, "{candidate}: {certainty:?}, not {expected:?}");
    }

    fn top(logs: &[f64]) -> Value {
        let candidates: Vec<Value> = logs
            .iter()
            .map(|log| json!({ "logProbability": log }))
            .collect();
        json!({ "logprobsResult": { "topCandidates": [{ "candidates": candidates }] } })
    }

    #[test]
    fn log_probabilities_are_used_where_there_are_any() {
        check(&json!({}), None);
        check(&json!({ "avgLogprobs": "NaN" }), None);
        check(&json!({ "avgLogprobs": 0.5 }), None);
        check(&json!({ "avgLogprobs": 0.0 }), Some(1.0));
        check(&json!({ "avgLogprobs": f64::ln(0.25) }), Some(0.5));
        check(&json!({ "avgLogprobs": -1e300 }), Some(0.0));
        let chosen = json!({ "logprobsResult": { "chosenCandidates": [{ "logProbability": f64::ln(0.25) }, {}] } });
        check(&chosen, Some(0.5));
        check(
            &json!({ "logprobsResult": { "chosenCandidates": [], "topCandidates": [{}] } }),
            None,
        );
    }

    #[test]
    fn alternatives_as_likely_as_the_choice_lower_the_certainty() {
        check(&top(&[f64::ln(0.5), f64::ln(0.5)]), Some(0.0));
        check(&top(&[f64::ln(0.98), f64::ln(0.02)]), Some(1.0));
        // One alternative, or only impossible ones, say nothing about certainty.
        check(&top(&[0.0]), None);
        check(&top(&[-1e300, -1e300]), None);
    }
}

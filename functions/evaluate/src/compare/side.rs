//! Counts over all answers of one model: how the calls ended, how long they took, how many tokens they used.

use shared::evaluation::Side;

use crate::answer::{AnswerOutcome, ModelAnswer};

/// Counts the answers of one model.
pub(super) fn of<'a>(answers: impl Iterator<Item = &'a ModelAnswer>) -> Side {
    let mut side = Side::default();
    let mut latencies = Vec::new();
    let (mut rows, mut chars) = (0, 0_u64);
    for answer in answers {
        side.failures += u64::from(answer.outcome.is_failure());
        *match answer.outcome {
            AnswerOutcome::Answered => &mut side.answered,
            AnswerOutcome::Truncated => &mut side.truncated,
            AnswerOutcome::Blocked { .. } => &mut side.blocked,
            AnswerOutcome::Empty => &mut side.empty,
            AnswerOutcome::Failed { .. } => &mut side.failed,
        } += 1;
        if !matches!(answer.outcome, AnswerOutcome::Failed { .. }) {
            latencies.push(answer.latency_ms);
        }
        side.input_tokens = side.input_tokens.saturating_add(answer.input_tokens);
        side.output_tokens = side.output_tokens.saturating_add(answer.output_tokens);
        side.thought_tokens = side.thought_tokens.saturating_add(answer.thought_tokens);
        rows += 1;
        chars += answer.text.chars().count() as u64;
    }
    side.mean_chars = chars.checked_div(rows).unwrap_or_default();
    latencies.sort_unstable();
    side.latency_p50_ms = percentile(&latencies, 50);
    side.latency_p95_ms = percentile(&latencies, 95);
    side
}

/// Nearest rank: the smallest value that at least `percent` of all values do not exceed. It is always one of the values.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let twenty: Vec<u64> = (1..=20).collect();
        assert_eq!(percentile(&twenty, 50), Some(10));
        assert_eq!(percentile(&twenty, 95), Some(19));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn every_answer_is_counted_once() {
        let answer = |outcome, latency_ms| ModelAnswer {
            outcome,
            input_tokens: 10,
            output_tokens: 1,
            ..ModelAnswer::failed("", latency_ms)
        };
        let answers = [
            answer(AnswerOutcome::Answered, 100),
            answer(AnswerOutcome::Answered, 200),
            answer(AnswerOutcome::Truncated, 300),
            answer(
                AnswerOutcome::Blocked {
                    reason: "SAFETY".into(),
                },
                50,
            ),
            answer(AnswerOutcome::Empty, 60),
            answer(
                AnswerOutcome::Failed {
                    code: "OTHER".into(),
                },
                60_000,
            ),
        ];
        let side = of(answers.iter());
        assert_eq!(
            (
                side.answered,
                side.truncated,
                side.blocked,
                side.empty,
                side.failed
            ),
            (2, 1, 1, 1, 1)
        );
        assert_eq!(side.failures, 3);
        assert_eq!(
            (side.latency_p50_ms, side.latency_p95_ms),
            (Some(100), Some(300))
        );
        assert_eq!((side.input_tokens, side.output_tokens), (60, 6));
        assert_eq!(of([].iter()), Side::default());
    }
}

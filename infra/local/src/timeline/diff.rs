//! The lines in which two snapshots differ.

use shared::{
    dataset::{Upload, UploadOutcome, Version},
    evaluation::EvaluationRecord,
    run::{Run, State},
};

use super::{
    snapshot::ChainSnapshot,
    stage::ChainStage,
    words::{reason_words, state_words},
};
use crate::text;

/// The steps of a job are reported in this many lines, where no bar can move.
const QUARTERS: u64 = 4;

/// What is new in `after`, in the order in which it happened.
pub(crate) fn diff(before: &ChainSnapshot, after: &ChainSnapshot) -> Vec<String> {
    let mut lines = Vec::new();
    if let (None, Some(upload)) = (&before.upload, &after.upload) {
        lines.extend(refused(upload));
    }
    if let (None, Some(version)) = (&before.version, &after.version) {
        lines.extend(cleaned(version));
        lines.extend(waits(version));
    }
    if let Some(run) = &after.run {
        match &before.run {
            Some(earlier) => changed(earlier, run, &mut lines),
            None => planned(run, &mut lines),
        }
        lines.extend(quarter(before, after));
    }
    if let Some(record) = &after.evaluation {
        let evaluation = &record.evaluation;
        let known = before.evaluation.as_ref();
        let was_decided = known.is_some_and(|known| known.decided);
        match (was_decided, record.decided) {
            (false, true) => {
                let rows = text::things(evaluation.rows, "held-out prompt");
                lines.push(format!("evaluated on {rows}: {}", evaluation.reason));
            }
            (false, false) if is_in_vain(record) && !known.is_some_and(is_in_vain) => {
                lines.push(evaluation.reason.clone());
            }
            (false, false) | (true, _) => {}
        }
    }
    if let (None, Some(decision)) = (&before.decision, &after.decision) {
        lines.push(format!("gate: {}", decision.reason));
    }
    if !before.serves() && after.serves() {
        lines.push("the tuned model now serves".to_owned());
    }
    lines
}

/// Whether models were asked in vain.
fn is_in_vain(record: &EvaluationRecord) -> bool {
    let pending = record.pending.as_ref();
    !record.decided && pending.is_some_and(|pending| pending.tries > 0)
}

fn refused(upload: &Upload) -> Option<String> {
    let word = match upload.outcome {
        UploadOutcome::Cleaned => return None,
        UploadOutcome::Rejected => "rejected",
        UploadOutcome::Ignored => "ignored",
        UploadOutcome::Gone => "gone",
    };
    Some(format!("{word}: {}", upload.note))
}

fn cleaned(version: &Version) -> [String; 2] {
    let rows = &version.rows;
    let part = |name: &str| version.parts.get(name).map_or(0, |part| part.rows);
    [
        format!(
            "cleaned {}: {} kept, {} rejected, {} duplicates",
            text::things(rows.read, "row"),
            text::count(rows.kept),
            text::count(rows.rejected),
            text::count(rows.duplicate),
        ),
        format!(
            "version {}: {} for training, {} for validation, {} held out",
            version.id,
            text::count(part("train")),
            text::count(part("validation")),
            text::count(part("eval")),
        ),
    ]
}

/// That a person must accept the rows first, and why.
fn waits(version: &Version) -> Option<String> {
    let review = version.review.as_ref().filter(|_| version.awaits_review());
    review.map(|review| format!("waits for a person: {}", review.reasons.join("; ")))
}

fn planned(run: &Run, lines: &mut Vec<String>) {
    let plan = &run.plan;
    lines.push(format!(
        "run {}: {} of {}, about {}, budget {}",
        run.id,
        text::things(u64::from(plan.epochs), "epoch"),
        plan.base_model,
        run.estimate.price(),
        text::usd(run.budget_usd),
    ));
    match run.state {
        // The line about the job says more.
        State::Queued | State::Running => {}
        State::AwaitingApproval
        | State::Stopping
        | State::Succeeded
        | State::Failed
        | State::Cancelled => {
            lines.push(format!(
                "{}: {}",
                state_words(run.state),
                reason_words(run, None)
            ));
        }
    }
    changed_job(None, run, lines);
}

fn changed(before: &Run, run: &Run, lines: &mut Vec<String>) {
    if before.state == State::AwaitingApproval
        && let Some(approval) = &run.approval
    {
        lines.push(format!("approved by {}", approval.by));
    }
    if before.finding != run.finding {
        let words = run.finding_words();
        lines.extend(words.iter().map(|words| format!("finding {words}")));
        if words.is_empty() {
            lines.push("nothing is wrong with it any more".to_owned());
        }
    }
    if before.state == run.state {
        if before.reason != run.reason {
            lines.push(run.reason.clone());
        }
    } else if !run.state.is_final() && run.state != State::Queued {
        lines.push(format!("{}: {}", state_words(run.state), run.reason));
    }
    changed_job(Some(before), run, lines);
    if before.state != run.state && run.state.is_final() {
        lines.push(format!(
            "{}: {}",
            state_words(run.state),
            reason_words(run, None)
        ));
    }
    if before.chosen != run.chosen
        && let Some(chosen) = &run.chosen
    {
        lines.push(format!(
            "chose checkpoint {} of epoch {}",
            chosen.id, chosen.epoch
        ));
    }
}

fn changed_job(before: Option<&Run>, run: &Run, lines: &mut Vec<String>) {
    let Some(job) = &run.job else { return };
    let before = before.and_then(|before| before.job.as_ref());
    let words = job.activity().words;
    if before.map(|before| before.activity().words).as_ref() != Some(&words)
        && !run.state.is_final()
    {
        lines.push(words);
    }
    if before.and_then(|before| before.billable_tokens).is_none()
        && let Some(tokens) = job.billable_tokens
    {
        let epochs = u64::from(run.plan.epochs);
        lines.push(format!(
            "Vertex AI counted {} per epoch, {} in total",
            text::things(tokens, "token"),
            text::count(tokens.saturating_mul(epochs)),
        ));
    }
    let dropped = job.dropped_rows.unwrap_or_default();
    if dropped
        > before
            .and_then(|before| before.dropped_rows)
            .unwrap_or_default()
    {
        lines.push(format!(
            "Vertex AI dropped or truncated {}",
            text::things(dropped, "row")
        ));
    }
    let known = before.map_or(0, |before| before.checkpoints.len());
    for checkpoint in job.checkpoints.iter().skip(known) {
        lines.push(format!(
            "checkpoint {} after epoch {}, step {}",
            checkpoint.id, checkpoint.epoch, checkpoint.step
        ));
    }
}

/// A line for each quarter of the steps.
fn quarter(before: &ChainSnapshot, after: &ChainSnapshot) -> Option<String> {
    let ChainStage::Tuning(steps) = ChainStage::of(after) else {
        return None;
    };
    let total = steps.total.filter(|total| *total > 0)?;
    let at = |done: u64| done.saturating_mul(QUARTERS) / total;
    let earlier = before.run.as_ref().and_then(|run| run.last_step);
    if at(steps.done) == at(earlier.unwrap_or_default()) {
        return None;
    }
    Some(format!("step {} of {total}: {}", steps.done, steps.words()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    fn lines(snapshots: &[ChainSnapshot]) -> String {
        let mut before = ChainSnapshot::default();
        let mut lines = Vec::new();
        for after in snapshots {
            lines.extend(diff(&before, after));
            before = after.clone();
        }
        lines.join("\n")
    }

    #[test]
    fn a_promoted_run_is_reported_from_its_rows_to_the_route() {
        let snapshots = vec![
            samples::cleaned(),
            samples::with_state("queued"),
            samples::waiting(),
            samples::running(),
            samples::with_state("succeeded"),
            samples::promoted(),
        ];
        insta::assert_snapshot!(lines(&snapshots));
    }

    #[test]
    fn a_stopped_run_says_why() {
        let snapshots = [samples::running(), samples::stopping(), samples::stopped()];
        insta::assert_snapshot!(lines(&snapshots));
    }

    #[test]
    fn a_rejected_upload_says_why() {
        insta::assert_snapshot!(
            lines(&[samples::rejected()]),
            @"rejected: no row of 3 can be trained on; line 1: not JSON; write one object a line"
        );
    }

    #[test]
    fn equal_snapshots_have_no_diff() {
        for snapshot in [samples::cleaned(), samples::running(), samples::promoted()] {
            assert_eq!(diff(&snapshot, &snapshot), Vec::<String>::new());
        }
    }

    #[test]
    fn a_run_above_its_budget_is_reported_with_its_price() {
        insta::assert_snapshot!(lines(&[samples::with_state("awaiting_approval")]));
    }
}

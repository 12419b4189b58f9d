//! The lines that two moments differ by.

use shared::{
    dataset::{Upload, UploadOutcome, Version},
    run::{Run, State},
};

use super::{
    Snapshot, Stage,
    words::{reason_words, state_words},
};
use crate::text;

/// Parts that a job's steps are told in: each is a line where no bar can move.
const QUARTERS: u64 = 4;

/// What is new in `after`, in the order in which it happens.
pub(crate) fn tell(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    if let (None, Some(upload)) = (&before.upload, &after.upload) {
        lines.extend(refused(upload));
    }
    if let (None, Some(version)) = (&before.version, &after.version) {
        lines.extend(cleaned(version));
    }
    if let Some(run) = &after.run {
        match &before.run {
            Some(earlier) => changed(earlier, run, &mut lines),
            None => planned(run, &mut lines),
        }
        lines.extend(quarter(before, after));
    }
    if let (None, Some(record)) = (&before.evaluation, &after.evaluation) {
        let evaluation = &record.evaluation;
        let rows = text::things(evaluation.rows, "held-out prompt");
        lines.push(format!("compared on {rows}: {}", evaluation.reason));
    }
    if let (None, Some(decision)) = (&before.decision, &after.decision) {
        lines.push(format!("the gate: {}", decision.reason));
    }
    if !before.serves() && after.serves() {
        lines.push("the tuned model serves now".to_owned());
    }
    lines
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
            "cleaned {}: {} kept, {} rejected, {} repeated",
            text::things(rows.read, "row"),
            text::count(rows.kept),
            text::count(rows.rejected),
            text::count(rows.duplicate),
        ),
        format!(
            "version {}: {} to learn, {} to validate, {} held out",
            version.id,
            text::count(part("train")),
            text::count(part("validation")),
            text::count(part("eval")),
        ),
    ]
}

fn planned(run: &Run, lines: &mut Vec<String>) {
    let plan = &run.plan;
    lines.push(format!(
        "run {}: {} of {}, about {} of a budget of {}",
        run.id,
        text::things(u64::from(plan.epochs), "epoch"),
        plan.base_model,
        text::usd(run.estimate.usd),
        text::usd(run.budget_usd),
    ));
    match run.state {
        // What the job does follows.
        State::Queued | State::Running => {}
        State::AwaitingApproval
        | State::Stopping
        | State::Succeeded
        | State::Failed
        | State::Cancelled => {
            lines.push(format!("{}: {}", state_words(run.state), reason_words(run)));
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
        lines.push(match run.finding {
            Some(finding) => format!(
                "the curve shows `{}`: {}",
                finding.as_str(),
                finding.advice()
            ),
            None => "the curve is healthy again".to_owned(),
        });
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
        lines.push(format!("{}: {}", state_words(run.state), reason_words(run)));
    }
    if before.chosen != run.chosen
        && let Some(chosen) = &run.chosen
    {
        lines.push(format!(
            "checkpoint {} is chosen, of epoch {}",
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
            "Vertex AI counted {} a pass, {} in all",
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
            "Vertex AI dropped or cut {}",
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
fn quarter(before: &Snapshot, after: &Snapshot) -> Option<String> {
    let Stage::Tunes(steps) = Stage::of(after) else {
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
    use crate::story::samples;

    fn told(moments: &[Snapshot]) -> String {
        let mut before = Snapshot::default();
        let mut lines = Vec::new();
        for after in moments {
            lines.extend(tell(&before, after));
            before = after.clone();
        }
        lines.join("\n")
    }

    #[test]
    fn a_promoted_run_is_told_from_its_rows_to_the_route() {
        let moments = vec![
            samples::cleaned(),
            samples::with_state("queued"),
            samples::waiting(),
            samples::running(),
            samples::with_state("succeeded"),
            samples::promoted(),
        ];
        insta::assert_snapshot!(told(&moments));
    }

    #[test]
    fn a_stopped_run_says_why() {
        let moments = [samples::running(), samples::stopping(), samples::stopped()];
        insta::assert_snapshot!(told(&moments));
    }

    #[test]
    fn a_rejected_upload_says_why() {
        insta::assert_snapshot!(
            told(&[samples::rejected()]),
            @"rejected: no row of 3 can be trained on; line 1: not JSON; write one object a line"
        );
    }

    #[test]
    fn nothing_new_is_no_line() {
        for moment in [samples::cleaned(), samples::running(), samples::promoted()] {
            assert_eq!(tell(&moment, &moment), Vec::<String>::new());
        }
    }

    #[test]
    fn a_run_above_its_budget_is_told_with_its_price() {
        insta::assert_snapshot!(told(&[samples::with_state("awaiting_approval")]));
    }
}

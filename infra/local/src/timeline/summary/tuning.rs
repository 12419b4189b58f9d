//! What the run costs, and how its tuning job went.

use shared::{
    checkpoint::Checkpoint,
    curve::Curve,
    price::prices,
    run::{Job, Run, State},
};

use super::Section;
use crate::{
    chart, text,
    timeline::{
        snapshot::ChainSnapshot,
        words::{reason_words, state_words},
    },
};

pub(super) fn sections(run: &Run, snapshot: &ChainSnapshot) -> Vec<Section> {
    let plan = &run.plan;
    let mut sections = vec![
        Section::new(
            "Plan",
            vec![format!(
                "{}, {}, learning rate × {}, adapter size {}, in {}",
                plan.base_model,
                text::things(u64::from(plan.epochs), "epoch"),
                plan.learning_rate_multiplier,
                plan.adapter_size,
                plan.region,
            )],
        ),
        Section::new("Price", price(run)),
        Section::prose(
            "Run",
            &format!(
                "{}: {}",
                state_words(run.state),
                reason_words(run, snapshot.position)
            ),
        ),
    ];
    if let Some(curve) = &snapshot.curve {
        let chosen = run.chosen.as_ref().map(|chosen| chosen.step);
        sections.push(Section::new("Losses", chart::draw(curve, chosen)));
    }
    if let Some(stop) = &run.stop {
        let finding = stop.finding;
        let words = format!(
            "for `{}`, requested by {}: {}",
            finding.as_str(),
            stop.called_by,
            finding.advice()
        );
        sections.push(Section::prose("Stopped", &words));
    }
    if run.state.is_final() && run.state != State::Failed {
        let words = choice(run, snapshot.curve.as_ref());
        sections.push(Section::prose("Checkpoint", &words));
    }
    sections
}

fn price(run: &Run) -> Vec<String> {
    let estimate = &run.estimate;
    let mut lines = vec![format!(
        "about {}, budget {}: {} over {}, prices of {}",
        estimate.price(),
        text::usd(run.budget_usd),
        estimate.tokens(),
        text::things(u64::from(run.plan.epochs), "epoch"),
        estimate.price_as_of,
    )];
    if let Some(serving) = &estimate.serving {
        lines.push(format!("serving: about {}", serving.price()));
    }
    lines.extend(run.defaults.iter().map(|it| format!("default: {it}")));
    lines.extend(run.warnings.iter().map(|it| format!("warning: {it}")));
    lines.extend(run.job.as_ref().and_then(|job| billed(run, job)));
    lines
}

/// What the service counted: billed tokens times epochs.
fn billed(run: &Run, job: &Job) -> Option<String> {
    let tokens = job.billable_tokens?;
    let epochs = run.plan.epochs;
    let all = tokens.saturating_mul(u64::from(epochs));
    let usd = prices().training(&run.plan.base_model, &run.plan.region, all);
    let usd = usd.map(|usd| format!(": {usd}")).unwrap_or_default();
    Some(format!(
        "counted by Vertex AI: {} × {} = {}{usd}",
        text::things(tokens, "token"),
        text::things(u64::from(epochs), "epoch"),
        text::count(all),
    ))
}

/// Which checkpoint was chosen, and why that one.
fn choice(run: &Run, curve: Option<&Curve>) -> String {
    let Some(chosen) = &run.chosen else {
        return "none was kept, so there is nothing to evaluate or serve".to_owned();
    };
    let all = run
        .job
        .as_ref()
        .map(|job| job.checkpoints.as_slice())
        .unwrap_or_default();
    let why = match (curve.and_then(|curve| eval_loss(curve, chosen)), all.len()) {
        (_, 0 | 1) => "the only one".to_owned(),
        (Some(loss), count) => {
            format!("the lowest evaluation loss of {count}, {loss:.3}")
        }
        (None, count) => format!("the last of {count}, without an evaluation loss to compare"),
    };
    match chosen.step {
        0 => format!("the finished model: {why}"),
        step => format!(
            "{} after epoch {}, step {step}: {why}",
            chosen.id, chosen.epoch
        ),
    }
}

fn eval_loss(curve: &Curve, checkpoint: &Checkpoint) -> Option<f64> {
    let nearest = curve
        .eval
        .iter()
        .min_by_key(|point| point.step.abs_diff(checkpoint.step));
    nearest.and_then(|point| point.loss)
}

//! Jobs over time.

use proptest::prelude::*;

use super::*;
use crate::vertex::record::sample;

fn after(job: &JobRecord, seconds: i64) -> JobView {
    observe(job, job.created + TimeDelta::seconds(seconds))
}

#[test]
fn a_job_passes_through_its_phases_and_succeeds() {
    let job = sample();
    let mut phases: Vec<Phase> = (0..1200).map(|second| after(&job, second).phase).collect();
    phases.dedup();
    assert_eq!(
        phases,
        [
            Phase::Pending,
            Phase::ProcessingDataset,
            Phase::WaitingForCapacity,
            Phase::Tuning,
            Phase::PostProcessing,
            Phase::Succeeded,
        ]
    );
    let done = after(&job, 3600);
    assert_eq!(
        (done.steps, done.epochs, done.checkpoints.len()),
        (30, 3, 3)
    );
    assert!(done.started < done.ended && done.failure.is_none());
}

#[test]
fn a_job_waits_for_its_slot_first() {
    let mut job = sample();
    job.slot_at = job.created + TimeDelta::hours(2);
    assert_eq!(after(&job, 7199).phase, Phase::WaitingForQuota);
    assert_eq!(after(&job, 7200).phase, Phase::Pending);
}

#[test]
fn a_cancelled_job_keeps_its_checkpoints() {
    let mut job = sample();
    let cancel_at = step_at(&job, 15) + TimeDelta::seconds(1);
    job.cancel_at = Some(cancel_at);
    assert_eq!(observe(&job, cancel_at).phase, Phase::Cancelling);
    let later = observe(&job, cancel_at + TimeDelta::minutes(5));
    assert_eq!(
        (later.phase, later.steps, later.epochs),
        (Phase::Cancelled, 15, 1)
    );
    assert_eq!(later.checkpoints.len(), 1);
    assert_eq!(later.failure.unwrap().0, 1);
}

#[test]
fn a_late_cancellation_has_no_effect() {
    let mut job = sample();
    job.cancel_at = Some(step_at(&job, 30) + TimeDelta::seconds(30));
    assert_eq!(after(&job, 7200).phase, Phase::Succeeded);
}

#[test]
fn unusable_data_fails_the_job_once_it_is_read() {
    let mut job = sample();
    job.report.fatal = Some("unusable".to_owned());
    assert_eq!(after(&job, 30).phase, Phase::ProcessingDataset);
    let failed = after(&job, 300);
    assert_eq!((failed.phase, failed.steps), (Phase::Failed, 0));
    assert_eq!(
        failed.failure.unwrap(),
        (3, "unusable (simulated)".to_owned())
    );
}

#[test]
fn a_stalled_run_hangs_for_hours_and_fails() {
    let mut job = sample();
    job.report.stalls = true;
    let hanging = after(&job, 20 * 3600);
    assert_eq!((hanging.phase, hanging.steps), (Phase::Tuning, 9));
    assert_eq!(after(&job, 23 * 3600).phase, Phase::Failed);
}

proptest! {
    #[test]
    fn phases_never_go_back(
        epochs in 1_u64..40, step_s in 0.1_f64..200.0, stalls: bool, fatal: bool,
        slot_s in 0_i64..5000, cancel_s in prop::option::of(0_i64..20_000),
        earlier in 0_i64..100_000, more in 0_i64..50_000,
    ) {
        let mut job = sample();
        job.epochs = epochs;
        job.seconds_per_step = Some(step_s);
        job.report.stalls = stalls;
        job.report.fatal = fatal.then(|| "bad".to_owned());
        job.slot_at = job.created + TimeDelta::seconds(slot_s);
        job.cancel_at = cancel_s.map(|seconds| job.created + TimeDelta::seconds(seconds));
        let (first, second) = (after(&job, earlier), after(&job, earlier + more));
        prop_assert!(first.phase <= second.phase, "{:?} then {:?}", first.phase, second.phase);
        prop_assert!(!first.phase.is_terminal() || first.phase == second.phase);
        prop_assert!(first.steps <= second.steps);
        prop_assert!(first.updated <= second.updated);
        prop_assert!(first.checkpoints.len() <= second.checkpoints.len());
        prop_assert!(second.steps <= job.total_steps());
        prop_assert_eq!(second.ended.is_some(), second.phase.is_terminal());
        if let Some(ended) = second.ended {
            prop_assert_eq!(ended, ends_at(&job));
        }
    }
}

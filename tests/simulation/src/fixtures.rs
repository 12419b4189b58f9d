//! What every schedule begins with: runs as `tune` plans them, and what the service says of jobs.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::{Arc, LazyLock},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::{
    curve::{Curve, CurveState, Point},
    dataset::{RowTokens, Rows, StoredFile, Version},
    google::vertex::TuningJob,
    policy::{DEFAULT, Policy, StoredPolicy},
    price::prices,
    recipe::Recipe,
    run::Run,
    spend::Usd,
    uri::Artifact,
};
use watch::poll::PolledCurve;

use crate::stage::{JobKey, JobStage};

/// Where runs are tuned.
pub(crate) const REGIONS: [&str; 2] = ["us-central1", "europe-west4"];
/// Most runs of a schedule.
pub(crate) const RUNS_MAX: usize = 3;

/// A run that can be bought.
#[derive(Debug)]
pub(crate) struct PlannedRun {
    pub(crate) version: Arc<Version>,
    /// One for each region.
    pub(crate) runs: [Run; 2],
    /// Tokens of a pass, which the service counts too.
    pub(crate) tokens: u64,
}

/// The runs, whose prices differ.
pub(crate) static PLANNED: LazyLock<Vec<PlannedRun>> = LazyLock::new(|| {
    let policy = policy(Usd(u64::MAX), false);
    let planned = (0..RUNS_MAX).map(|index| {
        let tokens = 500_000 * (index as u64 + 1);
        let version = version(index, tokens);
        let run = |region| tune::plan::plan(&version, &policy, region, prices(), start(false));
        let runs = REGIONS.map(run);
        let version = Arc::new(version);
        PlannedRun {
            version,
            runs,
            tokens,
        }
    });
    planned.collect()
});

/// When schedules begin: in the middle of a month, or minutes before its end.
pub(crate) fn start(at_the_end_of_a_month: bool) -> DateTime<Utc> {
    let middle = DateTime::UNIX_EPOCH + TimeDelta::days(20_777) + TimeDelta::hours(12);
    if at_the_end_of_a_month {
        // 2026-11-30, 23:56.
        middle + TimeDelta::days(10) + TimeDelta::minutes(12 * 60 - 4)
    } else {
        middle
    }
}

/// The beginning of every process's own clock.
pub(crate) static INSTANT: LazyLock<Instant> = LazyLock::new(Instant::now);

fn version(index: usize, tokens: u64) -> Version {
    let artifact = Artifact {
        uri: "gs://b/o".parse().unwrap(),
        generation: 1,
    };
    let part = StoredFile {
        artifact: artifact.clone(),
        rows: 800,
        bytes: 9,
    };
    Version {
        id: format!("rows{index}-abc").parse().unwrap(),
        dataset: format!("rows{index}").parse().unwrap(),
        source: artifact,
        source_crc32c: String::new(),
        source_bytes: 9,
        recipe: Recipe::default(),
        recipe_found: Some(false),
        uploader: None,
        format: "input_output".to_owned(),
        code_version: "0".to_owned(),
        rows: Rows {
            read: 900,
            kept: 900,
            rejected: 0,
            duplicate: 0,
        },
        codes: BTreeMap::new(),
        tokens,
        tokens_max: tokens,
        row_tokens: RowTokens::default(),
        task: "generation".to_owned(),
        template_version: None,
        location: None,
        parents: Vec::new(),
        review: None,
        parts: ["train", "validation", "eval"]
            .map(|name| (name.to_owned(), part.clone()))
            .into(),
        created_at: start(false),
    }
}

/// The default policy with a cap on each day; nothing is bought while it is stopped.
pub(crate) fn policy(day: Usd, stopped: bool) -> Arc<StoredPolicy> {
    static PARSED: LazyLock<Policy> = LazyLock::new(|| Policy::parse(DEFAULT).unwrap());
    let mut policy = PARSED.clone();
    policy.spend.day = day;
    policy.spend.stopped = stopped;
    Arc::new(StoredPolicy {
        policy,
        generation: 7,
    })
}

thread_local! {
    /// Answers are read from JSON once: they are the same in every schedule.
    static ANSWERS: RefCell<HashMap<JobKey, Rc<TuningJob>>> = RefCell::default();
}

/// The name of a job.
pub(crate) fn job_name(number: usize, region: usize) -> String {
    format!(
        "projects/p/locations/{}/tuningJobs/{number}",
        REGIONS[region]
    )
}

/// The number in the name of a job.
pub(crate) fn job_number(name: &str) -> usize {
    let number = name.rsplit_once('/').map(|(_, number)| number);
    number.and_then(|number| number.parse().ok()).unwrap()
}

/// What the service says of a job.
pub(crate) fn answer(key: JobKey) -> Rc<TuningJob> {
    ANSWERS.with_borrow_mut(|answers| {
        let answer = answers.entry(key);
        Rc::clone(answer.or_insert_with(|| Rc::new(described(key))))
    })
}

fn described(key: JobKey) -> TuningJob {
    let JobKey {
        number,
        run,
        region,
        attempt,
        stage,
    } = key;
    let planned = &PLANNED[run];
    let mut job = json!({
        "name": job_name(number, region),
        "state": format!("JOB_STATE_{}", stage.word()),
        "labels": {
            "app": "lapidary",
            "lapidary_run": planned.runs[region].id.as_str(),
            "lapidary_attempt": attempt.to_string(),
        },
    });
    if let Some(epochs) = stage.epochs() {
        job["tuningJobMetadata"] = json!({"completedEpochCount": epochs.to_string()});
        job["tuningDataStats"] = json!({"supervisedTuningDataStats": {
            "totalBillableTokenCount": planned.tokens.to_string(), "tuningStepCount": "60"}});
    }
    if stage == JobStage::Succeeded {
        job["tunedModel"] =
            json!({"model": format!("m{number}"), "endpoint": format!("e{number}")});
    }
    if stage == JobStage::Failed {
        job["error"] = json!({"code": 13, "message": "Internal error encountered."});
    }
    TuningJob::read(job).unwrap()
}

/// What can be read of the losses of a job.
#[derive(Debug)]
pub(crate) struct Losses {
    pub(crate) none: PolledCurve,
    pub(crate) unread: PolledCurve,
    pub(crate) healthy: PolledCurve,
    pub(crate) lost: PolledCurve,
}

/// The losses of every job: falling, or not a number any more.
pub(crate) static LOSSES: LazyLock<Losses> = LazyLock::new(|| {
    let falling = [2.0, 1.7, 1.5, 1.3, 1.2, 1.1, 1.05, 1.0];
    let mut lost = falling.to_vec();
    lost.extend([f64::NAN; 5]);
    let polled = |losses: &[f64], state| {
        let points = losses.iter().zip(1..);
        let train = points.map(|(loss, step)| Point::new(step, *loss));
        PolledCurve {
            curve: Curve {
                train: train.collect(),
                ..Curve::new(PLANNED[0].runs[0].id.clone())
            },
            state,
            reason: None,
        }
    };
    Losses {
        none: polled(&[], CurveState::None),
        unread: polled(&falling, CurveState::Unread),
        healthy: polled(&falling, CurveState::Fresh),
        lost: polled(&lost, CurveState::Fresh),
    }
});

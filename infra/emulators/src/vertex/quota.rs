//! The quota of concurrent tuning jobs: one per project, for all its regions and models.

use chrono::{DateTime, Utc};

use super::{observe::ends_at, record::JobRecord};

/// Jobs that hold a slot at `now`.
pub(super) fn held<'a>(jobs: impl Iterator<Item = &'a JobRecord>, now: DateTime<Utc>) -> usize {
    jobs.filter(|job| job.slot_at <= now && ends_at(job) > now)
        .count()
}

/// Gives every waiting job the first slot that will be free for it, oldest first.
///
/// Returns the jobs whose slot moved. A job that has a slot keeps it, even if `limit` was lowered.
pub(super) fn schedule(jobs: Vec<JobRecord>, limit: usize, now: DateTime<Utc>) -> Vec<JobRecord> {
    let (mut waiting, holding): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .filter(|job| ends_at(job) > now)
        .partition(|job| job.slot_at > now);
    waiting.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut ends: Vec<DateTime<Utc>> = holding.iter().map(ends_at).collect();
    let mut moved = Vec::new();
    for mut job in waiting {
        ends.sort_unstable();
        // The job whose end makes room for one more, if all after it still run.
        let free_at = ends
            .len()
            .checked_sub(limit.max(1))
            .and_then(|at| ends.get(at))
            .map_or(now, |end| *end)
            .max(now);
        if job.slot_at != free_at {
            job.slot_at = free_at;
            moved.push(job.clone());
        }
        ends.push(ends_at(&job));
    }
    moved
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::vertex::record::sample;

    fn jobs(number: usize) -> Vec<JobRecord> {
        (0..number)
            .map(|at| {
                let mut job = sample();
                job.id = format!("{at}");
                job.created += TimeDelta::seconds(i64::try_from(at).unwrap());
                job.slot_at = if at == 0 {
                    job.created
                } else {
                    job.created + TimeDelta::days(3650)
                };
                job
            })
            .collect()
    }

    #[test]
    fn waiting_jobs_run_one_after_another() {
        let jobs = jobs(3);
        let now = jobs[2].created;
        let first_end = ends_at(&jobs[0]);
        let moved = schedule(jobs, 1, now);
        assert_eq!(moved.len(), 2);
        assert_eq!(moved[0].slot_at, first_end);
        assert_eq!(moved[1].slot_at, ends_at(&moved[0]));
    }

    #[test]
    fn a_raised_quota_starts_them_at_once() {
        let jobs = jobs(3);
        let now = jobs[2].created;
        let slots: Vec<_> = schedule(jobs, 3, now)
            .iter()
            .map(|job| job.slot_at)
            .collect();
        assert_eq!(slots, [now, now]);
    }

    #[test]
    fn a_cancelled_job_frees_its_slot() {
        let mut jobs = jobs(2);
        let now = jobs[1].created + TimeDelta::minutes(3);
        jobs[0].cancel_at = Some(now);
        let free = ends_at(&jobs[0]);
        assert_eq!(schedule(jobs, 1, now)[0].slot_at, free);
    }
}

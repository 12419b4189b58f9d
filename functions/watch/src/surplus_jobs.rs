//! Counts every job whose attempt does not pay for it, and settles it at its end.

use std::collections::BTreeMap;

use shared::{
    error::Error,
    google::documents::Stored,
    job_ledger::JobEntry,
    price::prices,
    run::Run,
    spend::{SpendMonth, Usd, spend_key},
};
use tracing::warn;

use crate::{
    State, isolated, settlement,
    spending::surplus::{self, SurplusStep},
};

/// Goes through the jobs whose cost the ledger does not have: those that run, and those that have ended since
/// the last settlement, also long after that of their attempt.
pub(crate) async fn count(state: &State) -> Result<(), Error> {
    let unpriced = state
        .documents
        .query_all::<JobEntry>(&[(JobEntry::UNPRICED, "yes".into())])
        .await?;
    let mut by_run: BTreeMap<&str, Vec<&Stored<JobEntry>>> = BTreeMap::new();
    for job in &unpriced {
        if let Some(run) = &job.value.run {
            by_run.entry(run.as_str()).or_default().push(job);
        }
    }
    for (run, jobs) in by_run {
        let result = count_of(state, run, &jobs).await;
        isolated::log_failure("surplus_uncounted", Some(run), None, &result);
    }
    Ok(())
}

/// Counts the jobs of a run. One without a document has no price.
async fn count_of(state: &State, id: &str, jobs: &[&Stored<JobEntry>]) -> Result<(), Error> {
    let Some(run) = state.documents.get::<Run>(id).await? else {
        return Ok(());
    };
    let run = run.value;
    // Those that are priced, too: the attempt pays for the oldest.
    let siblings = state
        .documents
        .query_all::<JobEntry>(&[("run", id.into())])
        .await?;
    let siblings: Vec<&JobEntry> = siblings.iter().map(|stored| &stored.value).collect();
    for stored in jobs {
        count_one(state, stored, &siblings, &run).await?;
    }
    Ok(())
}

async fn count_one(
    state: &State,
    stored: &Stored<JobEntry>,
    siblings: &[&JobEntry],
    run: &Run,
) -> Result<(), Error> {
    let now = state.clock.now();
    let job = &stored.value;
    let key = spend_key(&run.id, job.attempt);
    let mut months: Vec<SpendMonth> = Vec::new();
    for name in surplus::months(job, run, now) {
        months.push(state.spend.month(&name).await?);
    }
    let month = surplus::place(&months, &key, job, run);
    let entry = month.and_then(|month| month.entries.get(&key));
    let name = month.map_or_else(|| surplus::own_month(job), |month| month.month.clone());
    let job_key = job.name.key();
    match surplus::next(job, siblings, run, entry, prices()) {
        SurplusStep::Covered => Ok(()),
        SurplusStep::Count(usd) => {
            if state.spend.count(&name, &key, &job_key, usd, now).await? {
                report(run, job, usd, "may cost, beyond what is reserved");
            }
            Ok(())
        }
        SurplusStep::Settle { usd, assumed } => {
            let costs = [(job_key, usd)];
            let settled = state
                .spend
                .settle(&name, &key, &costs, assumed, now)
                .await?;
            if settled {
                report(run, job, usd, "did cost, beyond what was settled");
            }
            // The next tick records it.
            Ok(())
        }
        SurplusStep::Record(usd) => settlement::record_cost(state, stored, usd).await,
    }
}

fn report(run: &Run, job: &JobEntry, usd: Usd, words: &str) {
    warn!(
        event.name = "surplus_counted",
        run.id = %run.id,
        job.name = job.name.as_str(),
        usd = usd.dollars(),
        "the job {} of run {} {words}: {usd}",
        job.name,
        run.id
    );
}

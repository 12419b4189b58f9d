//! Settles and releases reservations at every tick, and prices a run again once the service has counted.

use chrono::Datelike as _;
use shared::{
    error::{Chain, Error},
    google::documents::Stored,
    id::RunId,
    job_ledger::JobEntry,
    price::prices,
    quantity,
    run::{Reported, Run},
    spend::{Reservation, SpendEntry, Usd, month_of, spend_key},
};
use tracing::{error, info, warn};

use crate::{
    State, isolated,
    spending::{self, OpenReservation, SpendStep},
};

/// Goes through the open reservations of this month and the one before.
///
/// Older ones have no job any more: the longest that Vertex AI has been seen to hang is a day.
pub(crate) async fn settle(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let before = now - chrono::TimeDelta::days(i64::from(now.day()));
    let [earlier, later] = [month_of(before), month_of(now)];
    for (month, other) in [(&earlier, &later), (&later, &earlier)] {
        let entries = state.spend.month(month).await?.entries;
        let open = entries.iter().filter(|(_, entry)| entry.settled.is_none());
        let open: Vec<_> = open.collect();
        if open.is_empty() {
            continue;
        }
        // Read after the other was settled.
        let others = state.spend.month(other).await?.entries;
        for (key, entry) in open {
            let settled_elsewhere = others.get(key).is_some_and(|it| it.settled.is_some());
            let result = settle_one(state, month, key, entry, settled_elsewhere).await;
            let run = key.rsplit_once('.').map(|(run, _)| run);
            isolated::log_failure("settlement_failed", run, None, &result);
        }
    }
    Ok(())
}

async fn settle_one(
    state: &State,
    month: &str,
    key: &str,
    entry: &SpendEntry,
    settled_elsewhere: bool,
) -> Result<(), Error> {
    let parsed = key.rsplit_once('.').and_then(|(run, attempt)| {
        Some((run.parse::<RunId>().ok()?, attempt.parse::<u32>().ok()?))
    });
    let Some((id, attempt)) = parsed else {
        warn!(
            outcome = "unreadable_entry",
            "spend/{month} has an entry `{key}` of another form"
        );
        return Ok(());
    };
    // The run before its jobs: a job that is created meanwhile is among them.
    let run = state.documents.get::<Run>(id.as_str()).await?;
    let jobs = state
        .documents
        .query_all::<JobEntry>(&[("run", id.as_str().into())])
        .await?;
    let run = run.map(|run| run.value);
    let entries: Vec<&JobEntry> = jobs.iter().map(|job| &job.value).collect();
    let now = state.clock.now();
    let reservation = OpenReservation {
        attempt,
        month,
        entry,
        settled_elsewhere,
    };
    match spending::next(reservation, run.as_ref(), &entries, prices(), now) {
        SpendStep::Keep => {}
        SpendStep::Settle { costs, assumed } => {
            let usd = Usd(costs.iter().map(|(_, usd)| usd.0).sum());
            if state.spend.settle(month, key, &costs, assumed, now).await? {
                info!(
                    event.name = "spend_settled",
                    run.id = %id,
                    attempt,
                    usd = usd.dollars(),
                    reserved_usd = entry.reserved.dollars(),
                    assumed,
                    "attempt {attempt} of run {id} cost {usd}, of {} reserved",
                    entry.reserved
                );
            }
            // What was settled first stays: the ledger says what the settlement does.
            let settled = state.spend.month(month).await?.entries.remove(key);
            let costs = settled.map(|entry| entry.costs).unwrap_or_default();
            for job in &jobs {
                if let Some(usd) = costs.get(&job.value.name.key()) {
                    record_cost(state, job, *usd).await?;
                }
            }
        }
        SpendStep::Release => {
            let reservation = Reservation {
                month: month.to_owned(),
                revision: entry.revision,
            };
            if state.spend.release(key, &reservation).await? {
                warn!(
                    event.name = "spend_released",
                    run.id = %id,
                    attempt,
                    "released {} that attempt {attempt} of run {id} had reserved and not used",
                    entry.reserved
                );
            }
        }
    }
    Ok(())
}

/// Records in the ledger what a job did cost, after the settlement. Where that is not reached, the next tick
/// finds the job without a cost.
pub(crate) async fn record_cost(
    state: &State,
    job: &Stored<JobEntry>,
    usd: Usd,
) -> Result<(), Error> {
    let key = job.value.name.key();
    if job.value.cost_micros.is_some() {
        return Ok(());
    }
    let mut entry = job.value.clone();
    entry.cost_micros = Some(usd.0);
    let written = state.documents.replace(&key, job, &entry).await?;
    written.or_busy("another tick changed the entry of a job")
}

/// Whether the service's count was held against the caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priced {
    /// It was.
    Checked,
    /// There is no policy to hold it against, now.
    Unchecked,
}

/// Raises the reservation of a run to what the service has counted. Where policy or caps forbid that, the run
/// is withdrawn, and the job ledger asks its job to stop.
pub(crate) async fn price_again(
    state: &State,
    run: &mut Run,
    reported: &Reported,
) -> Result<Priced, Error> {
    let (Some(usd), Some(reservation)) = (
        reported.usd.and_then(Usd::rounded_up),
        run.reservation.clone(),
    ) else {
        return Ok(Priced::Checked);
    };
    if usd <= run.estimate.upper() {
        return Ok(Priced::Checked);
    }
    let policy = match state.policy.read().await {
        Ok(policy) => policy.policy.spend,
        // Not a reason to end a healthy job: the next tick asks again.
        Err(no_policy) => {
            error!(
                event.name = "price_unchecked",
                run.id = %run.id,
                "run {} costs {usd} by the service's count, and the policy cannot be read: {}",
                run.id,
                Chain(&no_policy)
            );
            return Ok(Priced::Unchecked);
        }
    };
    let now = state.clock.now();
    let key = spend_key(&run.id, run.attempt);
    let refusal = if usd > policy.run {
        Some(format!(
            "spend.run_usd = {} is the most for a run",
            policy.run
        ))
    } else {
        let raised = state
            .spend
            .raise(&reservation.month, &key, usd, policy.caps(), now);
        raised.await?.err().map(|over| over.to_string())
    };
    let tokens = quantity::count(reported.training_tokens);
    let counted = format!("Vertex AI has counted {tokens} training tokens, which cost {usd}");
    let Some(refusal) = refusal else {
        let estimated = run.estimate.price();
        let difference = if estimated == usd.to_string() {
            String::new()
        } else {
            format!(", and not {estimated}")
        };
        run.note("watch", format!("{counted}{difference}"), now);
        return Ok(Priced::Checked);
    };
    let why = format!("{counted}: {refusal}");
    if run.withdraw("watch", &why, now) {
        error!(
            event.name = "over_the_cap",
            run.id = %run.id,
            usd = usd.dollars(),
            "run {} is stopped: {why}",
            run.id
        );
    }
    Ok(Priced::Checked)
}

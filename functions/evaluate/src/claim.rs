//! Of several deliveries of the same message, one asks the models: every answer is paid for.

use shared::{
    error::{Chain, Error},
    evaluation::{Evaluation, EvaluationRecord, Pending, Verdict},
    google::documents::Stored,
    run::Run,
};
use tracing::warn;

use crate::State;

/// What a delivery says that comes second.
const BUSY: &str = "another delivery asks the models of the run";

/// Takes the evaluation of `run`, before any model is asked. Others see that it waits; if this one ends before it has recorded anything,
/// `watch` has it tried again.
pub(crate) async fn take(
    state: &State,
    run: &Run,
    tuned: &str,
    before: Option<&Stored<EvaluationRecord>>,
) -> Result<Stored<EvaluationRecord>, Error> {
    let (id, now) = (run.id.as_str(), state.clock.now());
    let open = before.and_then(|before| before.value.pending.clone());
    let pending = Some(open.unwrap_or_else(|| Pending::due(now)).claimed(now));
    let claim = match before {
        Some(before) => EvaluationRecord {
            pending,
            ..before.value.clone()
        },
        None => EvaluationRecord {
            run: run.id.clone(),
            base: state.vertex.base_model(&run.plan.base_model, run.location),
            tuned: tuned.to_owned(),
            evaluation: Evaluation {
                verdict: Verdict::Undecided,
                reason: "undecided: the models are being asked".to_owned(),
                ..Evaluation::default()
            },
            decided: false,
            pending,
            added: Vec::new(),
            report: None,
            at: now,
        },
    };
    let write = match before {
        None => state.documents.create(id, &claim).await?,
        Some(before) => state.documents.replace(id, before, &claim).await?,
    };
    write.or_busy(BUSY)?;
    let taken = state.documents.get::<EvaluationRecord>(id).await?;
    taken
        .filter(|taken| taken.value.pending == claim.pending)
        .ok_or_else(|| Error::Busy(BUSY.into()))
}

/// Gives it back after an error, so that the next delivery need not wait.
pub(crate) async fn give_back(state: &State, claim: &Stored<EvaluationRecord>) {
    let now = state.clock.now();
    let open = EvaluationRecord {
        pending: claim.value.pending.clone().map(|pending| Pending {
            next_try_at: now,
            ..pending
        }),
        ..claim.value.clone()
    };
    let id = claim.value.run.as_str();
    if let Err(error) = state.documents.replace(id, claim, &open).await {
        warn!(
            outcome = "claim_not_given_back",
            "the models of run {id} are asked again when the claim has passed: {}",
            Chain(&error)
        );
    }
}

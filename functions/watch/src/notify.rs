//! Notifies people and programs of a run that waits for them, and of how a run ended: consumes
//! `run-awaits-approval`, `run-finished` and `run-evaluated`.
//!
//! Pub/Sub's own retries carry a notification over an outage of its receiver. A document per receiver
//! says that it was sent, so that a redelivery does not send it again; a crash between the two sends it
//! twice, with the same `webhook-id`.

pub mod address;
pub mod announcement;
pub mod config;
pub mod notice;
pub mod sender;
pub mod signature;

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use shared::{
    clock::Clock,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    evaluation::EvaluationRecord,
    event::{RunAwaitsApproval, RunEvaluated, RunFinished},
    google::{
        StartError,
        documents::{Document, Documents},
    },
    id::{self, RunId},
    outcome::CallError,
    run::Run,
};
use tracing::{Span, error, warn};

use self::{
    config::NotifyConfig,
    notice::Notice,
    sender::{Receiver, send},
};

/// The receiver's name in messages.
const SERVICE: &str = "a receiver of notifications";

/// That a notification was sent to one receiver, or given up: document `notices/{digest}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentNotice {
    /// The notification.
    pub(crate) notice: String,
    /// The run that it is about.
    pub(crate) run: RunId,
    /// `webhook` or `slack`.
    pub(crate) receiver: String,
    /// `sent`, or why it was given up.
    pub(crate) outcome: String,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

impl Document for SentNotice {
    const COLLECTION: &'static str = "notices";
}

/// What the handlers use.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) config: NotifyConfig,
    pub(crate) clock: Clock,
    pub(crate) documents: Documents,
    /// What sends; none where there are no receivers.
    pub(crate) client: Option<Client>,
}

impl Notifier {
    /// Makes its client.
    pub(crate) fn new(
        config: NotifyConfig,
        clock: Clock,
        documents: Documents,
    ) -> Result<Self, StartError> {
        let client = if config.receivers.is_empty() {
            None
        } else {
            Some(sender::client(config.private_allowed)?)
        };
        Ok(Self {
            config,
            clock,
            documents,
            client,
        })
    }

    fn console(&self) -> Option<&str> {
        self.config.console.as_deref()
    }
}

/// Notifies of a run that began to wait for approval.
pub(crate) async fn run_awaits_approval(
    notifier: Data<Notifier>,
    delivery: Delivery<RunAwaitsApproval>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    notify_of(&notifier, id, notice::of_waiting, || {
        let note = format!("run {id} does not wait for approval any more");
        Ack::done("decided_before", note)
    })
    .await
}

/// Notifies of a run that ended without a model.
pub(crate) async fn run_finished(
    notifier: Data<Notifier>,
    delivery: Delivery<RunFinished>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    notify_of(&notifier, id, notice::of_ended, || {
        Ack::done(
            "verdict_follows",
            format!("the verdict on run {id} follows"),
        )
    })
    .await
}

/// Notifies of what `of` says about the run; where that is nothing, `otherwise` says why.
async fn notify_of(
    notifier: &Notifier,
    id: &RunId,
    of: fn(&Run, Option<&str>) -> Option<Notice>,
    otherwise: impl FnOnce() -> Ack,
) -> Result<Ack, Error> {
    Span::current().record("run.id", id.as_str());
    let Some(run) = notifier.documents.get::<Run>(id.as_str()).await? else {
        return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
    };
    match of(&run.value, notifier.console()) {
        Some(notice) => notify(notifier, &notice).await,
        None => Ok(otherwise()),
    }
}

/// Notifies of a verdict.
pub(crate) async fn run_evaluated(
    notifier: Data<Notifier>,
    delivery: Delivery<RunEvaluated>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let run = notifier.documents.get::<Run>(id.as_str()).await?;
    let record = notifier
        .documents
        .get::<EvaluationRecord>(id.as_str())
        .await?;
    let (Some(run), Some(record)) = (run, record) else {
        return Ok(Ack::refused(
            "unknown_run",
            format!("no evaluated run `{id}`"),
        ));
    };
    let notice = notice::of_verdict(&run.value, &record.value, notifier.console());
    notify(&notifier, &notice).await
}

/// Sends `notice` to every receiver that has not got it. One that is unavailable does not keep the
/// others from getting it: the delivery comes again for that one.
async fn notify(notifier: &Notifier, notice: &Notice) -> Result<Ack, Error> {
    let documents = &notifier.documents;
    announcement::record(documents, notice, notifier.clock.now()).await?;
    let Some(client) = &notifier.client else {
        let note = "no receiver of notifications is set";
        return Ok(Ack::done("no_receivers", note));
    };
    let mut failure = None;
    for receiver in &notifier.config.receivers {
        if let Err(error) = notify_one(notifier, client, notice, receiver).await {
            warn!(
                event.name = "notification_delayed",
                receiver = receiver.as_str(),
                "{}",
                Chain(&error)
            );
            failure = Some(error);
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Ack::done("notified", notice.title.clone())),
    }
}

async fn notify_one(
    notifier: &Notifier,
    client: &Client,
    notice: &Notice,
    receiver: &Receiver,
) -> Result<(), Error> {
    let name = receiver.as_str();
    let key = id::digest(&[&notice.id, name]);
    if notifier.documents.get::<SentNotice>(&key).await?.is_some() {
        return Ok(());
    }
    let now = notifier.clock.now();
    let outcome = match send(client, receiver, notice, now.timestamp()).await {
        Ok(()) => "sent".to_owned(),
        // The receiver says that this address takes no such message: a person must correct it.
        Err(refused @ (CallError::No(_) | CallError::NotAllowed(_) | CallError::Missing(_))) => {
            let chain = Chain(&refused).to_string();
            error!(
                event.name = "notification_refused",
                receiver = name,
                run.id = %notice.run,
                "the {name} refuses the notification `{}`: {chain}; check its address and its secret",
                notice.title
            );
            chain
        }
        Err(later @ (CallError::NotNow { .. } | CallError::Unknown(_))) => {
            return Err(Error::call(SERVICE)(later));
        }
    };
    let sent = SentNotice {
        notice: notice.id.clone(),
        run: notice.run.clone(),
        receiver: name.to_owned(),
        outcome,
        at: now,
    };
    let _first_one_stays = notifier.documents.create(&key, &sent).await?;
    Ok(())
}

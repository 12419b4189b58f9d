//! Pull, one call at a time or as a stream.

use std::{sync::Arc, time::Duration};

use futures::{
    FutureExt as _, Stream, StreamExt as _, stream,
    stream::{BoxStream, Peekable},
};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    PullRequest, PullResponse, ReceivedMessage, StreamingPullRequest, StreamingPullResponse,
    streaming_pull_response::SubscriptionProperties,
};
use tokio::{sync::Notify, time::Instant};
use tonic::Status;

use super::{
    backlog::{Holder, LeasedMessage, Want},
    broker::{Broker, State},
    name,
    queue::Queue,
    rules,
};
use crate::db::DbChange;

/// How long a pull waits for messages: less than every client's own deadline.
const PULL_WAIT: Duration = Duration::from_secs(10);
/// Messages of one answer.
const ANSWER_MESSAGES_MAX: usize = 1000;
/// Bytes of one answer: the largest message and a little more.
const ANSWER_MAX_BYTES: usize = 10 << 20;
/// Leased messages of a stream that sets no limit.
const OUTSTANDING_MAX: usize = 10_000;
/// The longest time after which a stream without messages checks again.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// The result of one attempt to lease messages.
#[derive(Debug)]
struct LeasedBatch {
    messages: Vec<ReceivedMessage>,
    properties: SubscriptionProperties,
    /// How long nothing will change without another call.
    rest: Duration,
}

/// How much a caller accepts.
#[derive(Debug, Clone, Copy)]
struct PullLimits {
    holder: Holder,
    messages: usize,
    bytes: usize,
    /// The requested ack deadline; `None` means that of the subscription.
    deadline: Option<Duration>,
}

/// Answers one pull; waits for a first message.
pub(super) async fn pull(
    broker: Arc<Broker>,
    request: PullRequest,
) -> Result<PullResponse, Status> {
    let subscription = request.subscription;
    let messages = usize::try_from(request.max_messages).unwrap_or_default();
    if messages == 0 {
        return Err(Status::invalid_argument("max_messages must be above 0."));
    }
    let limits = PullLimits {
        holder: broker.change_soon(|state, _| state.new_holder()),
        messages: messages.min(ANSWER_MESSAGES_MAX),
        bytes: ANSWER_MAX_BYTES,
        deadline: None,
    };
    #[expect(deprecated, reason = "clients still send it")]
    let at_once = request.return_immediately;
    let end = Instant::now() + PULL_WAIT;
    loop {
        let wake = wake_of(&broker, &subscription)?;
        let mut woken = std::pin::pin!(wake.notified());
        woken.as_mut().enable();
        let batch =
            broker.change_soon(|state, changes| state.take(&subscription, limits, changes))?;
        let late = at_once || Instant::now() >= end;
        if late || !batch.messages.is_empty() {
            let received_messages = batch.messages;
            return Ok(PullResponse { received_messages });
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(end.min(Instant::now() + batch.rest)) => {}
        }
    }
}

/// Opens a stream: its first request names the subscription.
pub(super) async fn streaming_pull(
    broker: Arc<Broker>,
    mut requests: BoxStream<'static, Result<StreamingPullRequest, Status>>,
) -> Result<impl Stream<Item = Result<StreamingPullResponse, Status>>, Status> {
    let first = requests.next().await.transpose()?.unwrap_or_default();
    name::check(&first.subscription, "subscriptions")?;
    wake_of(&broker, &first.subscription)?;
    let deadline = rules::deadline_s(first.stream_ack_deadline_seconds)?;
    let limit = |requested: i64, max: usize| match usize::try_from(requested) {
        Ok(0) | Err(_) => max,
        Ok(requested) => requested.min(max),
    };
    let mut open = PullStream {
        limits: PullLimits {
            holder: broker.change_soon(|state, _| state.new_holder()),
            messages: limit(first.max_outstanding_messages, OUTSTANDING_MAX),
            bytes: limit(first.max_outstanding_bytes, usize::MAX),
            deadline: Some(seconds(deadline)),
        },
        subscription: first.subscription.clone(),
        heartbeats: first.protocol_version > 0,
        broker,
        requests: requests.peekable(),
        greeted: false,
        over: false,
    };
    open.handle(first)?;
    Ok(stream::unfold(open, |mut open| async move {
        let answer = open.next().await?;
        open.over = answer.is_err();
        Some((answer, open))
    }))
}

/// An open stream. It leases only when its client reads.
struct PullStream {
    broker: Arc<Broker>,
    subscription: String,
    requests: Peekable<BoxStream<'static, Result<StreamingPullRequest, Status>>>,
    limits: PullLimits,
    heartbeats: bool,
    greeted: bool,
    over: bool,
}

impl PullStream {
    async fn next(&mut self) -> Option<Result<StreamingPullResponse, Status>> {
        if self.over {
            return None;
        }
        loop {
            // The client's requests come first: they may free capacity.
            match self.requests.next().now_or_never() {
                Some(Some(Ok(request))) => match self.handle(request) {
                    Ok(true) => return Some(Ok(StreamingPullResponse::default())),
                    Ok(false) => continue,
                    Err(status) => return Some(Err(status)),
                },
                Some(None | Some(Err(_))) => return None,
                None => {}
            }
            let wake = match wake_of(&self.broker, &self.subscription) {
                Ok(wake) => wake,
                Err(status) => return Some(Err(status)),
            };
            let mut woken = std::pin::pin!(wake.notified());
            woken.as_mut().enable();
            let batch = self.broker.change_soon(|state, changes| {
                let limits = state.room(&self.subscription, self.limits);
                state.take(&self.subscription, limits, changes)
            });
            let batch = match batch {
                Ok(batch) => batch,
                Err(status) => return Some(Err(status)),
            };
            if !batch.messages.is_empty() || !self.greeted {
                self.greeted = true;
                return Some(Ok(StreamingPullResponse {
                    received_messages: batch.messages,
                    subscription_properties: Some(batch.properties),
                    ..Default::default()
                }));
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(batch.rest) => {}
                _ = Pin::new(&mut self.requests).peek() => {}
            }
        }
    }

    /// Handles a request on the stream; returns whether it asks for a heartbeat.
    fn handle(&mut self, request: StreamingPullRequest) -> Result<bool, Status> {
        if request.modify_deadline_ack_ids.len() != request.modify_deadline_seconds.len() {
            let message = "modify_deadline_seconds and modify_deadline_ack_ids differ in length.";
            return Err(Status::invalid_argument(message));
        }
        if request.stream_ack_deadline_seconds != 0 {
            let deadline = rules::deadline_s(request.stream_ack_deadline_seconds)?;
            self.limits.deadline = Some(seconds(deadline));
        }
        let quiet = request.ack_ids.is_empty() && request.modify_deadline_ack_ids.is_empty();
        let subscription = self.subscription.clone();
        self.broker.change_soon(|state, changes| {
            for (ack_id, seconds) in std::iter::zip(
                request.modify_deadline_ack_ids,
                request.modify_deadline_seconds,
            ) {
                let modify = proto::ModifyAckDeadlineRequest {
                    subscription: subscription.clone(),
                    ack_ids: vec![ack_id],
                    ack_deadline_seconds: seconds,
                };
                state.modify_ack_deadline(&modify, changes)?;
            }
            if request.ack_ids.is_empty() {
                return Ok(());
            }
            let acknowledge = proto::AcknowledgeRequest {
                subscription,
                ack_ids: request.ack_ids,
            };
            state.acknowledge(&acknowledge, changes)
        })?;
        self.broker.push_wake.notify_one();
        Ok(quiet && self.heartbeats && self.greeted)
    }
}

impl State {
    /// The limits minus what their holder has leased.
    fn room(&self, subscription: &str, limits: PullLimits) -> PullLimits {
        let queue = self.queues.get(subscription);
        let held = queue.map(|queue| queue.backlog.held(limits.holder));
        let held = held.unwrap_or_default();
        let messages = limits.messages.saturating_sub(held.messages);
        PullLimits {
            messages: messages.min(ANSWER_MESSAGES_MAX),
            bytes: limits
                .bytes
                .saturating_sub(held.bytes)
                .min(ANSWER_MAX_BYTES),
            ..limits
        }
    }

    fn take(
        &mut self,
        subscription: &str,
        limits: PullLimits,
        changes: &mut Vec<DbChange>,
    ) -> Result<LeasedBatch, Status> {
        let now = self.now();
        self.refresh(subscription, now, changes);
        let clock = self.clock.clone();
        let queue = self.open_queue(subscription)?;
        if queue.pushes() {
            let message = "This method is not supported for this subscription type.";
            return Err(Status::failed_precondition(message));
        }
        let want = Want {
            holder: limits.holder,
            messages: limits.messages,
            bytes: limits.bytes,
            lease: limits.deadline.unwrap_or(queue.rules.deadline),
        };
        let batch = queue.lease(now, want);
        Ok(LeasedBatch {
            messages: received(queue, batch),
            properties: SubscriptionProperties {
                exactly_once_delivery_enabled: false,
                message_ordering_enabled: queue.rules.ordered,
            },
            rest: queue
                .idle_for(now, &clock)
                .map_or(IDLE_MAX, |rest| rest.min(IDLE_MAX)),
        })
    }
}

fn received(queue: &Queue, batch: Vec<LeasedMessage>) -> Vec<ReceivedMessage> {
    let counted = queue.rules.dead_letter.is_some();
    let batch = batch.into_iter().map(|delivery| ReceivedMessage {
        ack_id: delivery.ack_id,
        message: Some(Arc::unwrap_or_clone(delivery.message)),
        // The service sends the attempt only with a dead-letter policy.
        delivery_attempt: if counted { delivery.attempt } else { 0 },
    });
    batch.collect()
}

fn wake_of(broker: &Broker, subscription: &str) -> Result<Arc<Notify>, Status> {
    name::check(subscription, "subscriptions")?;
    broker
        .read(|state| {
            state
                .queues
                .get(subscription)
                .map(|it| Arc::clone(&it.wake))
        })
        .ok_or_else(|| name::not_found(subscription))
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::from(seconds.unsigned_abs()))
}

//! The Listen stream: clients add and remove targets, and get every commit that affects them.
//!
//! As in the service, the answers to one commit end with a `NO_CHANGE` without targets, whose
//! time and token cover all answers before it. Two commits in short succession may be sent as one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{Stream, StreamExt as _, stream::BoxStream};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    self as pb, ListenRequest, ListenResponse, TargetChange, listen_request,
    listen_response::ResponseType, target_change::TargetChangeType,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{
    error::Error,
    stamp::Stamp,
    state::State,
    target::{self, ListenTarget},
    writes,
};

/// Targets of one stream: each holds its results in memory.
const TARGETS_MAX: usize = 1000;
/// Answers queued for a slow client before its stream waits for it.
const ANSWERS_MAX: usize = 256;

/// Serves one stream until either side ends it.
pub(super) fn listen(
    state: Arc<Mutex<State>>,
    mut requests: BoxStream<'static, Result<ListenRequest, Status>>,
) -> impl Stream<Item = Result<ListenResponse, Status>> + Send + 'static {
    let (answers, stream) = mpsc::channel(ANSWERS_MAX);
    tokio::spawn(async move {
        let mut session = ListenSession::new(state);
        let mut changed = session.lock().changed.subscribe();
        loop {
            let sent = tokio::select! {
                request = requests.next() => match request {
                    Some(Ok(request)) => session.request(request),
                    Some(Err(_)) | None => return,
                },
                woken = changed.changed() => match woken {
                    Ok(()) => Ok(session.commits()),
                    Err(_) => return,
                },
                () = answers.closed() => return,
            };
            let failed = sent.is_err();
            let responses = match sent {
                Ok(responses) => responses.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(Status::from(error))],
            };
            for response in responses {
                if answers.send(response).await.is_err() {
                    return;
                }
            }
            if failed {
                return;
            }
        }
    });
    ReceiverStream::new(stream)
}

/// One stream's targets, independent of the wire.
#[derive(Debug)]
struct ListenSession {
    state: Arc<Mutex<State>>,
    targets: BTreeMap<i32, ListenTarget>,
    /// The client has received all changes up to this time.
    time: Stamp,
}

impl ListenSession {
    fn new(state: Arc<Mutex<State>>) -> Self {
        Self {
            state,
            targets: BTreeMap::new(),
            time: Stamp::default(),
        }
    }

    /// Handles a request of the client.
    fn request(&mut self, request: ListenRequest) -> Result<Vec<ListenResponse>, Error> {
        match request.target_change {
            Some(listen_request::TargetChange::AddTarget(target)) => self.add(target),
            Some(listen_request::TargetChange::RemoveTarget(id)) => {
                let removed = self.targets.remove(&id);
                let answer = removed.map(|_| change(TargetChangeType::Remove, vec![id], None));
                Ok(answer.into_iter().collect())
            }
            None => Err(Error::invalid("A target must be added or removed.")),
        }
    }

    fn add(&mut self, request: pb::Target) -> Result<Vec<ListenResponse>, Error> {
        let id = match request.target_id {
            0 => self
                .targets
                .last_key_value()
                .map_or(1, |(last, _)| last.saturating_add(1)),
            id => id,
        };
        if id < 0 || self.targets.contains_key(&id) {
            return Err(Error::invalid(format!(
                "Target id {id} is negative or in use."
            )));
        }
        if self.targets.len() >= TARGETS_MAX {
            return Err(Error::invalid(format!(
                "A stream has no more than {TARGETS_MAX} targets."
            )));
        }
        let mut responses = vec![change(TargetChangeType::Add, vec![id], None)];
        let mut target = match ListenTarget::parse(id, request.target_type) {
            Ok(target) => target,
            Err(error) => {
                responses.push(removed(id, &error));
                return Ok(responses);
            }
        };
        let state = Arc::clone(&self.state);
        let mut state = lock(&state);
        // The other targets first, so that one time covers all.
        let mut earlier = self.commits_in(&mut state);
        let time = self.time;
        if let Some(resume) = target::resume_time(request.resume_type.as_ref()) {
            match state.store.at(resume) {
                Some(view) => target.resume(&view),
                None => responses.push(change(TargetChangeType::Reset, vec![id], Some(time))),
            }
        }
        let documents = target.catch_up(&state.store.now(), time);
        responses.extend(documents.into_iter().map(response));
        responses.push(change(TargetChangeType::Current, vec![id], Some(time)));
        if request.once {
            responses.push(change(TargetChangeType::Remove, vec![id], None));
        } else {
            self.targets.insert(id, target);
        }
        responses.push(change(TargetChangeType::NoChange, Vec::new(), Some(time)));
        earlier.append(&mut responses);
        Ok(earlier)
    }

    /// The answers for what was committed since the last call.
    fn commits(&mut self) -> Vec<ListenResponse> {
        let state = Arc::clone(&self.state);
        self.commits_in(&mut lock(&state))
    }

    fn commits_in(&mut self, state: &mut State) -> Vec<ListenResponse> {
        let now = state.now();
        let time = state.store.read_time(now);
        let mut responses = Vec::new();
        // If the history since then is gone, every target is compared in full.
        let known = state.store.remembers(self.time);
        for target in self.targets.values_mut() {
            let mut changes = state.store.since(self.time);
            if !known || changes.any(|change| target.covers(&change.name)) {
                let sent = target.catch_up(&state.store.now(), time);
                responses.extend(sent.into_iter().map(response));
            }
        }
        self.time = time;
        if !responses.is_empty() {
            responses.push(change(TargetChangeType::NoChange, Vec::new(), Some(time)));
        }
        responses
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The state; a call that panicked has left it consistent, as commits are installed last.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn response(response: ResponseType) -> ListenResponse {
    ListenResponse {
        response_type: Some(response),
    }
}

fn change(kind: TargetChangeType, target_ids: Vec<i32>, time: Option<Stamp>) -> ListenResponse {
    response(ResponseType::TargetChange(TargetChange {
        target_change_type: kind.into(),
        target_ids,
        cause: None,
        resume_token: time.map(target::resume_token).unwrap_or_default(),
        read_time: time.map(Into::into),
    }))
}

fn removed(id: i32, error: &Error) -> ListenResponse {
    response(ResponseType::TargetChange(TargetChange {
        target_change_type: TargetChangeType::Remove.into(),
        target_ids: vec![id],
        cause: Some(writes::status(error)),
        ..TargetChange::default()
    }))
}

#[cfg(test)]
mod tests;

//! Fault injection: what goes wrong, with which call, how often; and a journal of all changes.
//!
//! A test runs once and reads from the journal every effect that the run had outside itself.
//! Then it runs again for each effect, with the process killed before or after it.

mod spec;

mod call;
mod control;
mod journal;
mod wire;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    connection::Connection,
    grpc::{Request, Response},
};

use self::{
    call::ObservedCall,
    journal::{Journal, OpenEntry},
    spec::{FaultAction, FaultSpec, When},
};

/// Faults armed at one time; a test arms a handful, and each is matched against every call.
const FAULTS_MAX: usize = 1_000;

/// The faults that are armed, and the journal; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    state: Arc<Mutex<State>>,
    journal: Journal,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    armed: BTreeMap<u64, Armed>,
}

/// A fault and its counters.
#[derive(Debug)]
struct Armed {
    fault: FaultSpec,
    seen: u32,
    fired: u32,
    held: BTreeMap<u64, HeldCall>,
    /// Counts releases; dropped with the fault, which lets all held calls continue.
    release: watch::Sender<u64>,
}

/// A call that waits.
#[derive(Debug, Clone, Serialize)]
struct HeldCall {
    caller: String,
    method: String,
    path: String,
    when: When,
}

/// A fault that fires for one call.
#[derive(Debug)]
struct FiredFault {
    id: u64,
    action: FaultAction,
    release: watch::Receiver<u64>,
}

impl Faults {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            state: Arc::default(),
            journal: Journal::new(clock),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the request to `answer`, subject to the first armed fault that matches it.
    ///
    /// When the caller disconnects, this future is dropped, and what has not happened yet never does.
    pub(crate) async fn around<F, Fut>(&self, request: Request, answer: F) -> Response
    where
        F: FnOnce(Request) -> Fut,
        Fut: Future<Output = Response>,
    {
        let connection = request
            .extensions()
            .get::<Connection>()
            .cloned()
            .unwrap_or_default();
        let wants_body = self.state().wants_body();
        let (call, request) = call::read(request, connection.caller(), wants_body).await;
        let mut line = call.mutates.then(|| self.journal.begin(&call));
        let fired = self.state().fire(&call);
        let Some(mut fired) = fired else {
            let response = answer(request).await;
            record_status(line.as_mut(), &response);
            return response;
        };
        tracing::debug!(fault = fired.id, path = call.path, "a fault fires");
        if let Some(line) = &mut line {
            line.record_fault(fired.id);
        }
        match fired.action.clone() {
            FaultAction::Error(failure) if failure.when == When::Before => {
                let response = failure.answer(call.grpc);
                record_status(line.as_mut(), &response);
                return response;
            }
            FaultAction::Hold(When::Before) => self.hold(&call, &mut fired, When::Before).await,
            FaultAction::Drop(When::Before) => match connection.break_off().await {},
            FaultAction::DelayMs(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            FaultAction::Error(_)
            | FaultAction::Hold(When::After)
            | FaultAction::Drop(When::After)
            | FaultAction::Truncate(_) => {}
        }
        let response = answer(request).await;
        record_status(line.as_mut(), &response);
        match fired.action.clone() {
            FaultAction::Error(failure) => failure.answer(call.grpc),
            FaultAction::Drop(_) => match connection.break_off().await {},
            FaultAction::Truncate(bytes) => wire::truncated(response, bytes, connection),
            FaultAction::Hold(When::After) => {
                self.hold(&call, &mut fired, When::After).await;
                response
            }
            FaultAction::Hold(When::Before) | FaultAction::DelayMs(_) => response,
        }
    }

    /// Waits until the fault is released or disarmed.
    async fn hold(&self, call: &ObservedCall, fired: &mut FiredFault, when: When) {
        let held = HeldCall {
            caller: call.caller.clone(),
            method: call.method.clone(),
            path: call.path.clone(),
            when,
        };
        let Some(_place) = HeldEntry::take(self, fired.id, held) else {
            return;
        };
        // An error means that the fault was disarmed: the call continues as after a release.
        drop(fired.release.changed().await);
    }
}

fn record_status(line: Option<&mut OpenEntry>, response: &Response) {
    if let Some(line) = line {
        line.record_status(&call::status_of(response));
    }
}

impl State {
    fn wants_body(&self) -> bool {
        self.armed.values().any(|armed| armed.fault.body.is_some())
    }

    /// Counts the call for every fault that it matches; the first one that is due fires.
    fn fire(&mut self, call: &ObservedCall) -> Option<FiredFault> {
        let mut fired = None;
        for (&id, armed) in &mut self.armed {
            if !armed.fault.matches(call) {
                continue;
            }
            armed.seen += 1;
            let due = armed.seen > armed.fault.skip && armed.fired < armed.fault.times;
            if due && fired.is_none() {
                armed.fired += 1;
                fired = Some(FiredFault {
                    id,
                    action: armed.fault.action.clone(),
                    release: armed.release.subscribe(),
                });
            }
        }
        fired
    }
}

/// The entry of a held call in its fault's list, removed when the call continues or its caller dies.
#[derive(Debug)]
struct HeldEntry {
    faults: Faults,
    fault: u64,
    number: u64,
}

impl HeldEntry {
    fn take(faults: &Faults, fault: u64, held: HeldCall) -> Option<Self> {
        let mut state = faults.state();
        let armed = state.armed.get_mut(&fault)?;
        let number = armed.held.last_key_value().map_or(1, |(last, _)| last + 1);
        armed.held.insert(number, held);
        let faults = faults.clone();
        Some(Self {
            faults,
            fault,
            number,
        })
    }
}

impl Drop for HeldEntry {
    fn drop(&mut self) {
        if let Some(armed) = self.faults.state().armed.get_mut(&self.fault) {
            armed.held.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests;

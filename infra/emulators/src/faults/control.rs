//! The control API: arm, list, release and disarm faults; read the journal in pages.

use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Armed, FAULTS_MAX, Faults, spec::FaultSpec};
use crate::{
    grpc::{Request, Response},
    rest,
};

impl Faults {
    /// Answers `/emulator/faults…` and `/emulator/journal`.
    pub(crate) async fn control(&self, request: Request) -> Response {
        self.controlled(request)
            .await
            .map_or_else(rest::Error::into_response, |answer| rest::ok(&answer))
    }

    async fn controlled(&self, request: Request) -> Result<Value, rest::Error> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let segments = rest::segments(&path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (&method, segments.as_slice()) {
            (&Method::POST, ["emulator", "faults"]) => {
                let id = self.arm(rest::json(request).await?)?;
                Ok(json!({ "id": id }))
            }
            (&Method::GET, ["emulator", "faults"]) => Ok(self.list()),
            (&Method::DELETE, ["emulator", "faults"]) => {
                self.state().armed.clear();
                Ok(json!({}))
            }
            (&Method::DELETE, ["emulator", "faults", id]) => {
                let id = fault_id(id)?;
                let disarmed = self.state().armed.remove(&id);
                disarmed.map(|_| json!({})).ok_or_else(|| unknown(id))
            }
            (&Method::POST, ["emulator", "faults", id, "release"]) => self.release(fault_id(id)?),
            (&Method::GET, ["emulator", "journal"]) => {
                let since = since(&request)?;
                Ok(json!(self.journal.since(since)))
            }
            (&Method::DELETE, ["emulator", "journal"]) => {
                self.journal.clear();
                Ok(json!({}))
            }
            _ => Err(rest::Error::unimplemented(&method, &path)),
        }
    }

    fn arm(&self, fault: FaultSpec) -> Result<u64, rest::Error> {
        let mut state = self.state();
        if state.armed.len() >= FAULTS_MAX {
            let message = format!("{FAULTS_MAX} faults are already armed: disarm some first");
            return Err(rest::Error::new("RESOURCE_EXHAUSTED", message));
        }
        state.last_id += 1;
        let id = state.last_id;
        let armed = Armed {
            fault,
            seen: 0,
            fired: 0,
            held: std::collections::BTreeMap::new(),
            release: watch::Sender::new(0),
        };
        state.armed.insert(id, armed);
        Ok(id)
    }

    fn list(&self) -> Value {
        let state = self.state();
        let faults = state.armed.iter().map(|(id, armed)| {
            let holding: Vec<_> = armed.held.values().collect();
            json!({
                "id": id,
                "fault": armed.fault,
                "seen": armed.seen,
                "fired": armed.fired,
                "holding": holding,
            })
        });
        json!({ "faults": faults.collect::<Vec<_>>() })
    }

    fn release(&self, id: u64) -> Result<Value, rest::Error> {
        let state = self.state();
        let armed = state.armed.get(&id).ok_or_else(|| unknown(id))?;
        armed.release.send_modify(|releases| *releases += 1);
        Ok(json!({ "released": armed.held.len() }))
    }
}

fn fault_id(text: &str) -> Result<u64, rest::Error> {
    text.parse().map_err(|error| {
        let message = format!("fault id `{text}` is not a number: {error}");
        rest::Error::new("INVALID_ARGUMENT", message)
    })
}

fn unknown(id: u64) -> rest::Error {
    rest::Error::new("NOT_FOUND", format!("fault {id} is not armed"))
}

fn since(request: &Request) -> Result<u64, rest::Error> {
    let query = rest::query(request);
    let Some((_, since)) = query.iter().find(|(name, _)| name == "since") else {
        return Ok(0);
    };
    since.parse().map_err(|error| {
        let message = format!("`since={since}` is not a number: {error}");
        rest::Error::new("INVALID_ARGUMENT", message)
    })
}

//! How the service may behave.

#![expect(clippy::indexing_slicing, reason = "a test's helper fails the test")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a mode is about calls of one kind, and leaves the others alone"
)]

use serde_json::{Value, json};

use super::request::VertexRequest;

/// A way in which the service may behave, and the emulator does not.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxyMode {
    /// The next `times` creations are answered with this error.
    CreateAnswers {
        /// The HTTP status.
        http: u16,
        /// `error.status`, such as `INTERNAL`; some answers of Google's front end have none.
        status: Option<&'static str>,
        /// `error.message`.
        message: &'static str,
        /// How many creations.
        times: u32,
        /// Whether the job exists nevertheless.
        after: bool,
    },
    /// A cancellation is accepted and has no effect.
    CancelIgnored,
    /// Lists name the project by this id, while everything else names it by its number.
    ListsNameProject(&'static str),
    /// A job that succeeds fails instead, at its last step, and owns a model that is not deployed.
    FailsWithModel,
    /// The first `jobs` jobs fail with an internal error where they would succeed.
    FailsAtEnd {
        /// How many jobs.
        jobs: usize,
    },
    /// Jobs that have not ended are in this state.
    State(&'static str),
    /// Jobs that have not ended are in this sub-state.
    SubState(&'static str),
    /// Sub-states have no prefix.
    BareSubStates,
    /// The service counts this many times the tokens.
    Bills(u64),
    /// The n-th value of every series, counted from 0, is a 0, which proto-JSON leaves out.
    ZeroLoss {
        /// Which value.
        nth: usize,
    },
    /// One value of one series is not a number.
    NanLoss {
        /// The id of the series, such as `4` for the evaluation loss.
        series: &'static str,
        /// Which value, counted from 0.
        nth: usize,
    },
    /// The training losses of a healthy job scatter around their curve.
    NoisyLosses {
        /// The standard deviation of the logarithm.
        sigma: f64,
        /// Equal seeds give equal noise to the n-th job.
        seed: u64,
    },
}

/// An answer in place of the emulator's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replacement {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Whether the call reaches the emulator.
    pub(super) takes_effect: bool,
}

/// What a call is answered with in place of the emulator's answer, if anything; counts it.
pub(super) fn replacement(modes: &mut [ProxyMode], seen: &VertexRequest) -> Option<Replacement> {
    modes.iter_mut().find_map(|mode| match mode {
        ProxyMode::CreateAnswers {
            http,
            status,
            message,
            times,
            after,
        } if seen.is_create() && *times > 0 => {
            *times -= 1;
            let mut body = json!({ "error": { "code": http, "message": message } });
            if let Some(status) = status {
                body["error"]["status"] = json!(status);
            }
            Some(Replacement {
                status: *http,
                body,
                takes_effect: *after,
            })
        }
        ProxyMode::CancelIgnored if seen.is_cancel() => Some(Replacement {
            status: 200,
            body: json!({}),
            takes_effect: false,
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn a_creation_is_refused_as_often_as_asked() {
        let create = VertexRequest::new(&Method::POST, "/v1/tuningJobs", &HeaderMap::new(), b"");
        let get = VertexRequest::new(&Method::GET, "/v1/tuningJobs", &HeaderMap::new(), b"");
        let mut modes = [ProxyMode::CreateAnswers {
            http: 408,
            status: None,
            message: "m",
            times: 1,
            after: true,
        }];
        assert_eq!(replacement(&mut modes, &get), None);
        let first = replacement(&mut modes, &create).unwrap();
        assert_eq!((first.status, first.takes_effect), (408, true));
        assert_eq!(replacement(&mut modes, &create), None);
    }
}

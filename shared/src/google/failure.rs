//! The failures of Google's own clients, sorted by the table of [`crate::outcome`].

use std::borrow::Borrow;

use firestore::errors::FirestoreError;
use google_cloud_gax::error::{
    CredentialsError, Error,
    rpc::{Status, StatusDetails},
};

use crate::outcome::{CallError, ErrorAnswer, Idempotency, RpcCode, Source};

impl CallError {
    /// No token for the call: it was not sent.
    pub(super) fn no_token(error: CredentialsError) -> Self {
        if error.is_transient() {
            return Self::not_sent(error);
        }
        let answer = ErrorAnswer {
            code: Some(RpcCode::Unauthenticated),
            message: error.to_string(),
            ..ErrorAnswer::default()
        };
        // It had no effect, so that any idempotency leads to the same.
        Self::of(answer, Idempotency::Idempotent)
    }

    /// A failure of the clients of Cloud Storage and Pub/Sub.
    pub(super) fn of_client(error: impl Borrow<Error> + Into<Source>, call: Idempotency) -> Self {
        let found: &Error = error.borrow();
        let http_status = found.http_status_code();
        let code = if found.is_authentication() {
            Some(RpcCode::Unauthenticated)
        } else if found.is_binding() || found.is_serialization() {
            Some(RpcCode::InvalidArgument)
        } else {
            None
        };
        if let Some(status) = found.status() {
            Self::of(status_of(status, http_status), call)
        } else if found.is_transient_and_before_rpc() {
            Self::not_sent(error)
        } else if code.is_some() || http_status.is_some() {
            let answer = ErrorAnswer {
                http_status,
                code,
                message: found.to_string(),
                ..ErrorAnswer::default()
            };
            Self::of(answer, call)
        } else {
            Self::not_answered(error, call)
        }
    }

    /// A failure of the client of Firestore.
    ///
    /// It keeps the gRPC code as the name of tonic's variant, and the details as text.
    pub(super) fn of_firestore(error: FirestoreError, call: Idempotency) -> Self {
        let code = match &error {
            FirestoreError::DataConflictError(_) => Some(RpcCode::AlreadyExists),
            FirestoreError::DataNotFoundError(_) => Some(RpcCode::NotFound),
            FirestoreError::InvalidParametersError(_)
            | FirestoreError::SerializeError(_)
            | FirestoreError::DeserializeError(_) => Some(RpcCode::InvalidArgument),
            FirestoreError::DatabaseError(error) => RpcCode::parse(&error.public.code),
            FirestoreError::SystemError(_)
            | FirestoreError::NetworkError(_)
            | FirestoreError::ErrorInTransaction(_)
            | FirestoreError::CacheError(_) => None,
        };
        let Some(code) = code else {
            return Self::not_answered(error, call);
        };
        let answer = ErrorAnswer {
            code: Some(code),
            message: error.to_string(),
            ..ErrorAnswer::default()
        };
        Self::of(answer, call)
    }
}

fn status_of(status: &Status, http_status: Option<u16>) -> ErrorAnswer {
    let info = status.details.iter().find_map(|detail| {
        let StatusDetails::ErrorInfo(info) = detail else {
            return None;
        };
        Some(info)
    });
    let lacks = info.and_then(|info| {
        let permission = info.metadata.get("permission");
        permission.map(|permission| format!("permission `{permission}`"))
    });
    ErrorAnswer {
        http_status,
        // An answer without a code in its body has `Unknown` here, and its HTTP status says more.
        code: RpcCode::parse(status.code.name())
            .filter(|code| *code != RpcCode::Unknown || http_status.is_none()),
        message: status.message.clone(),
        lacks,
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::rpc::Code;

    use super::*;

    #[track_caller]
    fn check(error: Error, expected: &str) {
        let shown = format!("{:?}", CallError::of_client(error, Idempotency::Idempotent));
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn clients_tell_by_code_or_by_http_status() {
        let service = |code| Error::service(Status::default().set_code(code).set_message("m"));
        check(service(Code::PermissionDenied), "NotAllowed");
        check(service(Code::InvalidArgument), "No");
        check(service(Code::Unavailable), "NotNow");
        check(service(Code::Aborted), "Unknown");
        let http = |status| Error::http(status, http::HeaderMap::new(), bytes::Bytes::new());
        check(http(403), "NotAllowed");
        check(http(429), "NotNow");
        check(http(404), "Missing");
        check(Error::timeout("too slow"), "NotNow");
        check(Error::connect("refused"), "NotNow");
        let lost = CallError::of_client(Error::timeout("too slow"), Idempotency::NotIdempotent);
        assert!(matches!(lost, CallError::Unknown(_)), "{lost:?}");
    }
}

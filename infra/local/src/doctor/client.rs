//! Calls of Google's services.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    google::{Api, Google},
    outcome::CallError,
};

use super::{
    deployment::Deployment,
    response::{ApiResponse, CallFailure},
};

/// Longest that one request may take, including retries and pages: a person waits for it.
pub(super) const CALL_MAX: Duration = Duration::from_secs(20);
/// Most pages of one list: more than a project of ours has of anything.
const PAGES_MAX: usize = 20;
/// Requested entries of a page. Every list here allows as many, or returns fewer.
const PAGE: &str = "100";
/// The same for quotas, of which Vertex AI alone has thousands.
const PAGE_OF_QUOTAS: &str = "1000";

/// A client of Google's services.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApiClient<'a> {
    /// The connection to the services.
    pub(super) google: &'a Google,
    /// The deployment that it is connected to.
    pub(super) deployment: &'a Deployment,
}

impl ApiClient<'_> {
    /// Reads one resource.
    pub(super) async fn get(self, api: Api, path: &str) -> ApiResponse {
        self.request(api, Method::GET, path, &[]).await
    }

    /// Makes a request; that of a POST has an empty body.
    pub(super) async fn request(
        self,
        api: Api,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> ApiResponse {
        let result = self.call(api, method, path, query);
        let result = tokio::time::timeout(CALL_MAX, result).await;
        ApiResponse::of(
            api,
            &self.deployment.project,
            result.unwrap_or(Err(CallFailure::TimedOut)),
        )
    }

    /// Reads every page of a list, as one list.
    pub(super) async fn list(
        self,
        api: Api,
        path: &str,
        field: &str,
        query: &[(&str, &str)],
    ) -> ApiResponse {
        let size = if api == Api::Services {
            PAGE_OF_QUOTAS
        } else {
            PAGE
        };
        let pages = async {
            let mut all = Vec::new();
            let mut token = String::new();
            for _ in 0..PAGES_MAX {
                let paging = [("pageSize", size), ("pageToken", token.as_str())];
                let query = [query, &paging].concat();
                let mut page = self.call(api, Method::GET, path, &query).await?;
                if let Some(Value::Array(more)) = page.get_mut(field).map(Value::take) {
                    all.extend(more);
                }
                let next = page.get("nextPageToken").and_then(Value::as_str);
                token = next.unwrap_or_default().to_owned();
                if token.is_empty() {
                    break;
                }
            }
            Ok(json!({ field: all }))
        };
        let result = tokio::time::timeout(CALL_MAX, pages).await;
        ApiResponse::of(
            api,
            &self.deployment.project,
            result.unwrap_or(Err(CallFailure::TimedOut)),
        )
    }

    async fn call(
        self,
        api: Api,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, CallFailure> {
        if !self.google.has(api) {
            return Err(CallFailure::NotDeployed);
        }
        let rest = self.google.rest(api);
        let rest = rest.map_err(|error| CallFailure::Failed(CallError::not_sent(error)))?;
        let body = (method == Method::POST).then(|| json!({}));
        let result = rest.call(method, path, query, body.as_ref()).await;
        result.map_err(CallFailure::Failed)
    }
}

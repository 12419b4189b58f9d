//! A question to a service of Google's, and whatever comes of it, as an answer.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    google::{Api, Google},
    outcome::CallError,
};

use super::{
    answer::{Answer, NoAnswer},
    place::Place,
};

/// Longest that one question may take, all its attempts and pages included: a person waits.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(20);
/// Pages of one list: more than a project of ours has of anything.
const PAGES_MAX: usize = 20;
/// Entries of a page that are asked for; every list here allows as many, or gives fewer.
const PAGE: &str = "100";
/// The same for quotas: Vertex AI alone has thousands.
const PAGE_OF_QUOTAS: &str = "1000";

/// Whoever asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    /// The way to the services.
    pub(super) google: &'a Google,
    /// Where that leads.
    pub(super) place: &'a Place,
}

impl Asker<'_> {
    /// Asks for one thing.
    pub(super) async fn get(self, api: Api, path: &str) -> Answer {
        self.ask(api, Method::GET, path, &[]).await
    }

    /// Asks by `method`; a question that is posted has nothing in it.
    pub(super) async fn ask(
        self,
        api: Api,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Answer {
        let came = self.call(api, method, path, query);
        let came = tokio::time::timeout(LOOK_MAX, came).await;
        Answer::of(
            api,
            &self.place.project,
            came.unwrap_or(Err(NoAnswer::Late)),
        )
    }

    /// Every page of a list, as one.
    pub(super) async fn list(
        self,
        api: Api,
        path: &str,
        field: &str,
        query: &[(&str, &str)],
    ) -> Answer {
        let size = if api == Api::Services {
            PAGE_OF_QUOTAS
        } else {
            PAGE
        };
        let pages = async {
            let mut all = Vec::new();
            let mut token = String::new();
            for _ in 0..PAGES_MAX {
                let place = [("pageSize", size), ("pageToken", token.as_str())];
                let query = [query, &place].concat();
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
        let came = tokio::time::timeout(LOOK_MAX, pages).await;
        Answer::of(
            api,
            &self.place.project,
            came.unwrap_or(Err(NoAnswer::Late)),
        )
    }

    async fn call(
        self,
        api: Api,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, NoAnswer> {
        if !self.google.has(api) {
            return Err(NoAnswer::NotHere);
        }
        let rest = self.google.rest(api);
        let rest = rest.map_err(|error| NoAnswer::Failed(CallError::not_sent(error)))?;
        let body = (method == Method::POST).then(|| json!({}));
        let came = rest.call(method, path, query, body.as_ref()).await;
        came.map_err(NoAnswer::Failed)
    }
}

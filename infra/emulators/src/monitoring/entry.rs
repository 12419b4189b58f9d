//! Log entries: the body of `entries:write`, with its defaults applied to each entry.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::rest::{self, invalid};

/// Maximum size of one entry as JSON; the service's own limit.
const ENTRY_MAX_BYTES: usize = 256 << 10;

/// Entries in one call; the service accepts 10 MB, which is about as many.
const BATCH_MAX: usize = 5_000;

/// The body of `entries:write`; the fields besides the entries are defaults for them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WriteEntries {
    log_name: Option<String>,
    resource: Option<Value>,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    entries: Vec<Map<String, Value>>,
    #[serde(default)]
    pub(super) dry_run: bool,
}

impl WriteEntries {
    /// The entries with all their fields.
    pub(super) fn entries(self, now: DateTime<Utc>) -> Result<Vec<Value>, rest::Error> {
        if self.entries.len() > BATCH_MAX {
            let message = format!("expected at most {BATCH_MAX} entries in a call");
            return Err(invalid(message));
        }
        let received = now.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let whole = self
            .entries
            .into_iter()
            .enumerate()
            .map(|(index, mut entry)| {
                let log = text(&entry, "logName").or(self.log_name.clone());
                let log = log.ok_or_else(|| invalid(format!("entry {index} has no logName")))?;
                if !log.contains("/logs/") {
                    let message = format!("logName: expected `projects/P/logs/L`, found `{log}`");
                    return Err(invalid(message));
                }
                let resource = entry.remove("resource").or_else(|| self.resource.clone());
                let resource =
                    resource.ok_or_else(|| invalid(format!("entry {index} has no resource")))?;
                let mut labels = self.labels.clone();
                if let Some(Value::Object(own)) = entry.remove("labels") {
                    labels.extend(own);
                }
                let level = match entry.remove("severity") {
                    Some(Value::String(name)) => name.to_uppercase(),
                    Some(Value::Number(level)) => level.to_string(),
                    _ => "DEFAULT".to_owned(),
                };
                entry.insert("logName".to_owned(), log.into());
                entry.insert("resource".to_owned(), resource);
                entry.insert("labels".to_owned(), labels.into());
                entry.insert("severity".to_owned(), level.into());
                entry.entry("timestamp").or_insert_with(|| json!(received));
                entry.insert("receiveTimestamp".to_owned(), json!(received));
                let entry = Value::Object(entry);
                if entry.to_string().len() > ENTRY_MAX_BYTES {
                    let message = format!("entry {index} is larger than {ENTRY_MAX_BYTES} bytes");
                    return Err(invalid(message));
                }
                Ok(entry)
            });
        whole.collect()
    }
}

fn text(entry: &Map<String, Value>, field: &str) -> Option<String> {
    entry.get(field)?.as_str().map(str::to_owned)
}

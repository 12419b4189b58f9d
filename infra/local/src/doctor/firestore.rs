//! Firestore: the database, whether documents can be read, TTL policies, index exemptions.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::error::{Chain, Error};

use super::{
    cloud_config::FirestoreConfig,
    deployment::Deployment,
    diagnosis::{CheckResult, Problem, listed, worst},
    response::{ApiResponse, text_at},
};
use crate::text;

/// Longest part of a message of the service that is shown, in characters.
const MESSAGE_MAX: usize = 160;

/// Checks the database.
pub(super) fn database(deployment: &Deployment, response: &ApiResponse) -> CheckResult {
    let database = response.found(|| format!("no database: {}", deployment.fix()))?;
    let database_type = text_at(database, "/type");
    if database_type != "FIRESTORE_NATIVE" {
        return Err(Problem::Missing(format!(
            "expected `(default)` in native mode, found {database_type}: while it is empty, run \
             `gcloud firestore databases update --type firestore-native {}`; otherwise use another \
             project",
            deployment.flags()
        )));
    }
    let mut problems = Vec::new();
    for (field, expected, message) in [
        (
            "/deleteProtectionState",
            "DELETE_PROTECTION_ENABLED",
            "delete protection is off",
        ),
        (
            "/pointInTimeRecoveryEnablement",
            "POINT_IN_TIME_RECOVERY_ENABLED",
            "point-in-time recovery is off",
        ),
    ] {
        if text_at(database, field) != expected {
            problems.push(Problem::Warning(format!("{message}: {}", deployment.fix())));
        }
    }
    worst(problems)?;
    Ok(format!(
        "native mode, in {}",
        text_at(database, "/locationId")
    ))
}

/// Checks the result of reading a document.
pub(super) fn documents(read: Result<(), &Error>) -> CheckResult {
    let Err(error) = read else {
        return Ok("documents can be read".to_owned());
    };
    let words = Chain(error).to_string();
    if words.contains("PermissionDenied") || words.contains("permission") {
        let message = "no permission to read documents: grant roles/datastore.viewer";
        return Err(Problem::Unknown(message.to_owned()));
    }
    Err(Problem::Unknown(text::line(&words, MESSAGE_MAX)))
}

/// Checks the TTL policies, in the list of all fields that differ from the default.
pub(super) fn expiry(
    deployment: &Deployment,
    expected: &FirestoreConfig,
    response: &ApiResponse,
) -> CheckResult {
    let fields = by_name(response.list("fields")?);
    let mut problems = Vec::new();
    for (collection, field) in &expected.expires {
        let field = fields.get(&(collection.as_str(), field.as_str()));
        match field.map(|it| text_at(it, "/ttlConfig/state")) {
            Some("ACTIVE" | "CREATING") => {}
            Some("NEEDS_REPAIR") => problems.push(Problem::Warning(format!(
                "the TTL policy of `{collection}` needs repair: delete it and create it again"
            ))),
            Some(_) | None => problems.push(Problem::Warning(format!(
                "`{collection}` has no TTL policy, so its documents are kept for ever: {}",
                deployment.fix()
            ))),
        }
    }
    worst(problems)?;
    Ok(format!(
        "TTL policies on {}",
        listed(expected.expires.keys())
    ))
}

/// Checks the index exemptions, in the same list.
pub(super) fn indexes(
    deployment: &Deployment,
    expected: &FirestoreConfig,
    response: &ApiResponse,
) -> CheckResult {
    let fields = by_name(response.list("fields")?);
    let exempt: Vec<(&str, &str)> = expected
        .unindexed
        .iter()
        .flat_map(|(collection, names)| {
            let names = names.iter();
            names.map(|field| (collection.as_str(), field.as_str()))
        })
        .collect();
    let has_none = |field: &Value| {
        let config = field.get("indexConfig");
        let indexes = config.and_then(|it| it.get("indexes")?.as_array());
        config.is_some() && indexes.is_none_or(Vec::is_empty)
    };
    let without = fields.iter().filter(|(_, field)| has_none(field));
    let without: Vec<(&str, &str)> = without.map(|(name, _)| *name).collect();
    let dotted = |it: &(&str, &str)| format!("{}.{}", it.0, it.1);
    let indexed: Vec<_> = exempt
        .iter()
        .filter(|it| !without.contains(it))
        .map(dotted)
        .collect();
    let known = |(collection, _): &&(&str, &str)| expected.unindexed.contains_key(*collection);
    let unwanted = without
        .iter()
        .filter(known)
        .filter(|it| !exempt.contains(it));
    let unwanted: Vec<_> = unwanted.map(dotted).collect();
    let mut problems = Vec::new();
    if !unwanted.is_empty() {
        let message = format!("no index on {}, so queries by them fail", listed(unwanted));
        problems.push(Problem::Missing(format!("{message}: {}", deployment.fix())));
    }
    if !indexed.is_empty() {
        let message = format!(
            "expected no index on {}: with one, documents with long values cannot be written",
            listed(indexed)
        );
        problems.push(Problem::Warning(format!("{message}: {}", deployment.fix())));
    }
    worst(problems)?;
    let fields = text::things(u64::try_from(exempt.len()).unwrap_or_default(), "field");
    Ok(format!("{fields} exempt from indexing, as declared"))
}

/// Fields by collection and name.
fn by_name(fields: &[Value]) -> BTreeMap<(&str, &str), &Value> {
    let named = |field| {
        // projects/P/databases/(default)/collectionGroups/C/fields/F
        let (rest, name) = text_at(field, "/name").rsplit_once("/fields/")?;
        let (_, collection) = rest.rsplit_once('/')?;
        Some(((collection, name), field))
    };
    fields.iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::{
        CheckStatus,
        fixtures::{check, cloud, response},
    };

    #[test]
    fn the_database_is_native_and_protected() {
        #[track_caller]
        fn row(change: &Value, status: CheckStatus, words: &str) {
            let mut resource = json!({
                "name": "projects/acme-prod/databases/(default)", "locationId": "nam5",
                "type": "FIRESTORE_NATIVE", "concurrencyMode": "PESSIMISTIC",
                "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
                "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
            });
            let changes = change.as_object().cloned().unwrap_or_default();
            resource.as_object_mut().unwrap().extend(changes);
            check(database(&cloud(), &response(resource)), status, words);
        }
        row(&json!({}), CheckStatus::Ok, "native mode, in nam5");
        row(
            &json!({ "type": "DATASTORE_MODE" }),
            CheckStatus::Missing,
            "found DATASTORE_MODE",
        );
        let open = json!({ "deleteProtectionState": "DELETE_PROTECTION_DISABLED" });
        row(&open, CheckStatus::Warning, "delete protection is off");
        check(
            database(&cloud(), &ApiResponse::NotFound),
            CheckStatus::Missing,
            "no database",
        );
    }

    fn want() -> FirestoreConfig {
        FirestoreConfig {
            expires: [("smokes".to_owned(), "expire_at".to_owned())].into(),
            unindexed: [("runs".to_owned(), vec!["history".to_owned()])].into(),
        }
    }

    /// As `GET …/collectionGroups/-/fields` lists one.
    fn field(path: &str, indexes: &Value, state: Option<&str>) -> Value {
        let mut field = json!({
            "name": format!("projects/acme-prod/databases/(default)/collectionGroups/{path}"),
            "indexConfig": { "ancestorField": "…/fields/*" },
        });
        if !indexes.is_null() {
            field["indexConfig"]["indexes"] = indexes.clone();
        }
        if let Some(state) = state {
            field["ttlConfig"] = json!({ "state": state });
        }
        field
    }

    #[test]
    fn answers_of_smoke_tests_expire() {
        #[track_caller]
        fn row(state: Option<&str>, status: CheckStatus, words: &str) {
            let field = field("smokes/fields/expire_at", &json!(null), state);
            let answer = response(json!({ "fields": [field] }));
            check(expiry(&cloud(), &want(), &answer), status, words);
        }
        row(Some("ACTIVE"), CheckStatus::Ok, "TTL policies on `smokes`");
        row(
            Some("CREATING"),
            CheckStatus::Ok,
            "TTL policies on `smokes`",
        );
        row(Some("NEEDS_REPAIR"), CheckStatus::Warning, "needs repair");
        row(None, CheckStatus::Warning, "`smokes` has no TTL policy");
    }

    #[test]
    fn only_fields_without_queries_are_exempt_from_indexing() {
        #[track_caller]
        fn row(fields: &[Value], status: CheckStatus, words: &str) {
            let answer = response(json!({ "fields": fields }));
            check(indexes(&cloud(), &want(), &answer), status, words);
        }
        let none = || field("runs/fields/history", &json!(null), None);
        let some = json!([{ "queryScope": "COLLECTION" }]);
        row(&[none()], CheckStatus::Ok, "1 field exempt");
        row(
            &[],
            CheckStatus::Warning,
            "expected no index on `runs.history`",
        );
        row(
            &[field("runs/fields/history", &some, None)],
            CheckStatus::Warning,
            "expected no index",
        );
        let queried = field("runs/fields/version", &json!([]), None);
        row(
            &[none(), queried],
            CheckStatus::Missing,
            "no index on `runs.version`",
        );
        let foreign = field("others/fields/x", &json!([]), None);
        row(&[none(), foreign], CheckStatus::Ok, "1 field exempt");
    }
}

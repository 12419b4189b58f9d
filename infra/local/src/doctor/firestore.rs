//! Firestore: the database, whether it answers, what expires, what has no index.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::error::{Chain, Error};

use super::{
    Judged, Trouble,
    answer::{Answer, text_at},
    catalogue::Firestore,
    listed,
    place::Place,
    together,
};
use crate::text;

/// Characters of what the database says that are passed on.
const WORDS_MAX: usize = 160;

/// Judges the database.
pub(super) fn database(place: &Place, answer: &Answer) -> Judged {
    let database = answer.told(|| format!("no database: {}", place.make()))?;
    let kind = text_at(database, "/type");
    if kind != "FIRESTORE_NATIVE" {
        return Err(Trouble::Missing(format!(
            "`(default)` is {kind}, not native: such a project cannot be used, or only \
             `gcloud firestore databases update --type firestore-native {}` while it is empty",
            place.flags()
        )));
    }
    let mut faults = Vec::new();
    for (field, wanted, says) in [
        (
            "/deleteProtectionState",
            "DELETE_PROTECTION_ENABLED",
            "anyone may delete it",
        ),
        (
            "/pointInTimeRecoveryEnablement",
            "POINT_IN_TIME_RECOVERY_ENABLED",
            "yesterday cannot be had back",
        ),
    ] {
        if text_at(database, field) != wanted {
            faults.push(Trouble::Warning(format!("{says}: {}", place.make())));
        }
    }
    together(faults)?;
    Ok(format!("native, in {}", text_at(database, "/locationId")))
}

/// Judges an attempt to read documents.
pub(super) fn documents(read: Result<(), &Error>) -> Judged {
    let Err(error) = read else {
        return Ok("documents can be read".to_owned());
    };
    let words = Chain(error).to_string();
    if words.contains("PermissionDenied") || words.contains("permission") {
        let says = "you may not read documents: it takes roles/datastore.viewer";
        return Err(Trouble::CannotTell(says.to_owned()));
    }
    Err(Trouble::CannotTell(text::line(&words, WORDS_MAX)))
}

/// Judges what expires, from a list of all fields that differ.
pub(super) fn expiry(place: &Place, want: &Firestore, answer: &Answer) -> Judged {
    let fields = by_name(answer.list("fields")?);
    let mut faults = Vec::new();
    for (collection, field) in &want.expires {
        let field = fields.get(&(collection.as_str(), field.as_str()));
        match field.map(|it| text_at(it, "/ttlConfig/state")) {
            Some("ACTIVE" | "CREATING") => {}
            Some("NEEDS_REPAIR") => faults.push(Trouble::Warning(format!(
                "expiry of `{collection}` needs repair: take it off and put it on again"
            ))),
            Some(_) | None => faults.push(Trouble::Warning(format!(
                "`{collection}` are kept for ever: {}",
                place.make()
            ))),
        }
    }
    together(faults)?;
    Ok(format!("{} expire", listed(want.expires.keys())))
}

/// Judges what has no index, from the same list.
pub(super) fn indexes(place: &Place, want: &Firestore, answer: &Answer) -> Judged {
    let fields = by_name(answer.list("fields")?);
    let wanted: Vec<(&str, &str)> = want
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
    let indexed: Vec<_> = wanted
        .iter()
        .filter(|it| !without.contains(it))
        .map(dotted)
        .collect();
    let known = |(collection, _): &&(&str, &str)| want.unindexed.contains_key(*collection);
    let unwanted = without
        .iter()
        .filter(known)
        .filter(|it| !wanted.contains(it));
    let unwanted: Vec<_> = unwanted.map(dotted).collect();
    let mut faults = Vec::new();
    if !unwanted.is_empty() {
        let says = format!(
            "{} have no index, and a query by them fails",
            listed(unwanted)
        );
        faults.push(Trouble::Missing(format!("{says}: {}", place.make())));
    }
    if !indexed.is_empty() {
        let says = format!(
            "{} are indexed, and long ones cannot be written",
            listed(indexed)
        );
        faults.push(Trouble::Warning(format!("{says}: {}", place.make())));
    }
    together(faults)?;
    let fields = text::things(u64::try_from(wanted.len()).unwrap_or_default(), "field");
    Ok(format!("{fields} without, as wanted"))
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
        Verdict,
        tables::{check, cloud, told},
    };

    #[test]
    fn the_database_is_native_and_guarded() {
        #[track_caller]
        fn row(change: &Value, verdict: Verdict, words: &str) {
            let mut resource = json!({
                "name": "projects/acme-prod/databases/(default)", "locationId": "nam5",
                "type": "FIRESTORE_NATIVE", "concurrencyMode": "PESSIMISTIC",
                "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
                "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
            });
            let changes = change.as_object().cloned().unwrap_or_default();
            resource.as_object_mut().unwrap().extend(changes);
            check(database(&cloud(), &told(resource)), verdict, words);
        }
        row(&json!({}), Verdict::Ok, "native, in nam5");
        row(
            &json!({ "type": "DATASTORE_MODE" }),
            Verdict::Missing,
            "DATASTORE_MODE, not native",
        );
        let open = json!({ "deleteProtectionState": "DELETE_PROTECTION_DISABLED" });
        row(&open, Verdict::Warning, "anyone may delete it");
        check(
            database(&cloud(), &Answer::Absent),
            Verdict::Missing,
            "no database",
        );
    }

    fn want() -> Firestore {
        Firestore {
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
        fn row(state: Option<&str>, verdict: Verdict, words: &str) {
            let field = field("smokes/fields/expire_at", &json!(null), state);
            let answer = told(json!({ "fields": [field] }));
            check(expiry(&cloud(), &want(), &answer), verdict, words);
        }
        row(Some("ACTIVE"), Verdict::Ok, "`smokes` expire");
        row(Some("CREATING"), Verdict::Ok, "`smokes` expire");
        row(Some("NEEDS_REPAIR"), Verdict::Warning, "needs repair");
        row(None, Verdict::Warning, "`smokes` are kept for ever");
    }

    #[test]
    fn only_what_nobody_asks_by_has_no_index() {
        #[track_caller]
        fn row(fields: &[Value], verdict: Verdict, words: &str) {
            let answer = told(json!({ "fields": fields }));
            check(indexes(&cloud(), &want(), &answer), verdict, words);
        }
        let none = || field("runs/fields/history", &json!(null), None);
        let some = json!([{ "queryScope": "COLLECTION" }]);
        row(&[none()], Verdict::Ok, "1 field without");
        row(&[], Verdict::Warning, "`runs.history` are indexed");
        row(
            &[field("runs/fields/history", &some, None)],
            Verdict::Warning,
            "are indexed",
        );
        let asked = field("runs/fields/version", &json!([]), None);
        row(
            &[none(), asked],
            Verdict::Missing,
            "`runs.version` have no index",
        );
        let foreign = field("others/fields/x", &json!([]), None);
        row(&[none(), foreign], Verdict::Ok, "1 field without");
    }
}

//! The JSON files of `infra/gcp` against the code: settings, permissions, indexes, metrics and alerts.
//!
//! Needs no Terraform: the tests in `infra/gcp/tests` compare its resources with the same files.

use std::collections::{BTreeMap, BTreeSet};

use local::topology::Topology;
use regex::Regex;
use serde_json::Value;

use crate::{
    checkout::{self, TrackedFile, shipped},
    documents::{FirestoreUse, types},
    readmes::{cell, documented_settings, source, topics},
};

/// A JSON file of `infra/gcp`.
fn json(name: &str) -> Value {
    serde_json::from_str(&checkout::read(&format!("infra/gcp/{name}"))).expect(name)
}

/// What `functions.json` says of every function.
fn catalogue() -> BTreeMap<String, Value> {
    entries(&json("functions.json")["functions"])
}

fn topology() -> Topology {
    Topology::load().unwrap()
}

fn entries(object: &Value) -> BTreeMap<String, Value> {
    let pairs = object.as_object().into_iter().flatten();
    pairs.map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn keys(object: &Value) -> BTreeSet<String> {
    entries(object).into_keys().collect()
}

fn words(list: &Value) -> BTreeSet<String> {
    let words = list.as_array().into_iter().flatten();
    words.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// The first group of every match.
fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    let matches = pattern.captures_iter(text);
    matches.map(|found| found[1].to_owned()).collect()
}

fn owned<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
    words.map(str::to_owned).into()
}

#[test]
fn each_provider_is_locked_with_checksums() {
    let required = found(
        r#"source\s*=\s*"([a-z/-]+)""#,
        &checkout::read("infra/gcp/versions.tf"),
    );
    let lock = checkout::read("infra/gcp/.terraform.lock.hcl");
    let locked = found(
        r#"(?m)^provider "registry\.terraform\.io/([a-z/-]+)" \{"#,
        &lock,
    );
    assert_eq!(locked, required);
    assert!(!required.is_empty());
    for block in lock.split("\nprovider ").skip(1) {
        let checksums = found(r#""zh:([0-9a-f]{64})""#, block);
        assert!(checksums.len() > 5, "one for each platform: {block}");
    }
}

/// The shipped Rust of the functions, of `shared`, and of the commands.
fn shipped_files() -> impl Iterator<Item = TrackedFile> {
    let rooms = ["functions/", "shared/src/", "infra/local/src/"];
    let files = checkout::files().into_iter();
    files
        .filter(move |file| file.is_rust() && rooms.iter().any(|it| file.path.starts_with(it)))
        .map(|file| TrackedFile {
            text: file.text.map(|text| shipped(&text).to_owned()),
            ..file
        })
}

fn shipped_source() -> String {
    shipped_files().filter_map(|file| file.text).collect()
}

#[test]
fn the_catalogue_lists_the_functions_and_jobs_of_the_topology() {
    let topology = topology();
    let functions: BTreeSet<_> = topology.functions.keys().cloned().collect();
    assert_eq!(keys(&json("functions.json")["functions"]), functions);
    let jobs: BTreeSet<_> = topology.jobs.keys().cloned().collect();
    assert_eq!(keys(&json("functions.json")["jobs"]), jobs);
    for (name, function) in catalogue() {
        let pushed = !topology.functions[&name].path_by_topic.is_empty();
        assert_eq!(function["callers"] == "pushes", pushed, "{name}");
        let known = ["pushes", "programs", "people"].map(Value::from);
        assert!(known.contains(&function["callers"]), "{name}");
    }
}

#[test]
fn a_function_has_the_settings_that_it_reads() {
    for (name, function) in catalogue() {
        let documented = documented_settings(&name);
        let names: BTreeSet<String> = documented.keys().cloned().collect();
        assert_eq!(keys(&function["settings"]), names, "{name}");
        for (setting, default) in documented {
            let given = &function["settings"][&setting];
            let written = given
                .as_str()
                .map_or_else(|| given.to_string(), str::to_owned);
            let has_none = ["required", "none"].contains(&default.as_str());
            assert!(
                has_none == given.is_null(),
                "{name}: {setting} is {given}, not {default}"
            );
            assert!(
                has_none || written == default,
                "{name}: {setting} is {given}, not {default}"
            );
        }
    }
}

/// A function without a required setting does not start.
#[test]
fn a_required_setting_has_a_value() {
    let derived = topology().resource_variables();
    for (name, function) in catalogue() {
        let config = checkout::read(&format!("functions/{name}/src/config.rs"));
        let required = found(
            r#"\.required(?:::<\w+>)?\(\s*"([A-Z_]+)""#,
            shipped(&config),
        );
        for setting in required {
            let given = &function["settings"][&setting];
            let has = !given.is_null() || derived.contains(&setting);
            assert!(has, "{name} requires {setting}");
        }
    }
}

/// The variables that all functions have: `settings.tf` and `caller_auth` in `functions.json` set them,
/// `shared` reads them, and the doctor checks that they are set.
#[test]
fn the_common_settings_are_read() {
    let mut all = found(
        r"\b([A-Z]+_[A-Z_]+)\s+=",
        &checkout::read("infra/gcp/settings.tf"),
    );
    let mut given = all.clone();
    let auth = entries(&json("functions.json")["caller_auth"]);
    let auth = auth.values().flat_map(entries);
    // A variable without a value here has one for each function in Terraform.
    let (own, same): (Vec<_>, Vec<_>) = auth.partition(|(_, value)| value.is_null());
    for (variable, _) in own {
        assert!(
            given.remove(&variable),
            "settings.tf has no value for {variable}"
        );
    }
    let doctor = checkout::read("infra/local/src/doctor/cloud_config.rs");
    for variable in &given {
        let quoted = format!("\"{variable}\"");
        assert!(
            doctor.contains(&quoted),
            "the doctor does not check {variable}"
        );
    }
    all.extend(same.into_iter().map(|(variable, _)| variable));
    assert!(all.contains("PUSH_AUTH"), "{all:?}");
    let source: String = shipped_files()
        .filter(|file| !file.path.starts_with("infra/local/"))
        .filter_map(|file| file.text)
        .collect();
    for variable in all {
        let quoted = format!("\"{variable}\"");
        assert!(source.contains(&quoted), "no code reads {variable}");
    }
}

#[test]
fn a_function_may_publish_to_its_topics() {
    let topology = topology();
    for (name, function) in catalogue() {
        let said = topics(&cell(&name, "publishes"), &topology);
        assert_eq!(words(&function["publishes"]), said, "{name}");
    }
}

#[test]
fn a_function_may_do_with_buckets_what_its_code_does() {
    let topology = topology();
    for (name, function) in catalogue() {
        let buckets = entries(&function["buckets"]);
        let mut may = BTreeSet::new();
        for (bucket, ways) in &buckets {
            assert!(topology.buckets.contains_key(bucket), "{name}: {bucket}");
            may.extend(words(ways));
        }
        for bucket in keys(&function["deletes"]) {
            assert!(buckets.contains_key(&bucket), "{name}: {bucket}");
            may.insert("delete".to_owned());
        }
        let source = source(&name);
        let calls = found(r"objects\s*\.(\w+)\(", &source);
        let policy = source.contains("PolicyObject::new(").then_some("read");
        let does = calls.iter().filter_map(|call| match call.as_str() {
            "create" | "create_streamed" => Some("create"),
            "stat" | "stream" | "read" | "read_range" | "list" | "list_page" => Some("read"),
            "delete" => Some("delete"),
            "clone" => None,
            other => panic!("{name}: which permission does `objects.{other}` need?"),
        });
        let does = does.chain(policy).map(str::to_owned);
        assert_eq!(may, does.collect(), "{name}");
        let own = entries(&function["settings"]).into_keys();
        for bucket in own.filter_map(|it| Some(it.strip_suffix("_BUCKET")?.to_lowercase())) {
            assert!(
                buckets.contains_key(&bucket),
                "{name} has a setting for {bucket} and no grant"
            );
        }
    }
}

/// With too few permissions a function fails at its first document; it needs no more than these.
#[test]
fn a_function_may_do_with_documents_what_its_code_does() {
    for (name, function) in catalogue() {
        let mut wants = owned(["datastore.databases.get"]);
        // Its answer to a smoke test is a document.
        if function["callers"] == "pushes" {
            wants.insert("datastore.entities.create".to_owned());
        }
        for call in FirestoreUse::of(&source(&name)).calls {
            let verbs: &[_] = match call.as_str() {
                "get" => &["get"],
                "create" => &["create"],
                "replace" => &["update"],
                // It creates the document or replaces it.
                "put" => &["create", "update"],
                // A query reads what it lists.
                "with_field" | "newest" | "query_all" | "page_since" | "page_where" => {
                    &["get", "list"]
                }
                other => panic!("{name}: which permission does `documents.{other}` need?"),
            };
            wants.extend(
                verbs
                    .iter()
                    .map(|verb| format!("datastore.entities.{verb}")),
            );
        }
        let mut may = words(&function["permissions"]);
        may.retain(|it| it.starts_with("datastore."));
        assert_eq!(may, wants, "{name}");
    }
}

#[test]
fn a_function_may_do_with_models_what_its_code_does() {
    for (name, function) in catalogue() {
        let mut wants = BTreeSet::new();
        for call in found(r"vertex\s*\.(\w+)\(", &source(&name)) {
            let rights: &[_] = match call.as_str() {
                "base_model" => &[],
                "generate" | "count_tokens" | "ask" | "stream" => &["endpoints.predict"],
                "create_job" => &["tuningJobs.create"],
                "cancel_job" => &["tuningJobs.cancel"],
                "job" => &["tuningJobs.get"],
                "jobs_in" | "all_jobs" => &["tuningJobs.list"],
                "choose_checkpoint" => &["models.get", "models.update"],
                "curve" => &[
                    "contexts.get",
                    "tensorboardRuns.list",
                    "tensorboardTimeSeries.batchRead",
                    "tensorboardTimeSeries.list",
                ],
                other => panic!("{name}: which permission does `vertex.{other}` need?"),
            };
            wants.extend(rights.iter().map(|right| format!("aiplatform.{right}")));
        }
        let mut may = words(&function["permissions"]);
        may.retain(|it| it.starts_with("aiplatform."));
        assert_eq!(may, wants, "{name}");
    }
}

#[test]
fn the_first_policy_is_the_default_one() {
    let policy = include_str!("../../infra/gcp/policy.toml");
    assert_eq!(policy, shared::policy::DEFAULT);
}

/// The files that declare each collection, joined.
fn collections() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for file in shipped_files() {
        let text = file.text.unwrap_or_default();
        for (_, collection) in types(&text) {
            all.entry(collection).or_default().push_str(&text);
        }
    }
    all
}

#[test]
fn every_field_of_firestore_json_is_a_field_of_a_document() {
    let firestore = json("firestore.json");
    let collections = collections();
    let check = |collection: &str, field: &str| {
        let files = collections.get(collection);
        let files = files.unwrap_or_else(|| panic!("no type is stored in `{collection}`"));
        let declared = format!(r"(?m)^\s+(?:pub(?:\(crate\))? )?({field}):");
        let declared = !found(&declared, files).is_empty();
        assert!(declared, "`{collection}` has no `{field}`");
    };
    for (collection, field) in entries(&firestore["expires"]) {
        check(&collection, field.as_str().unwrap());
    }
    for (collection, fields) in entries(&firestore["unindexed"]) {
        for field in words(&fields) {
            check(&collection, &field);
        }
    }
}

/// The emulator answers a query by a field without an index; Firestore rejects it.
#[test]
fn every_queried_field_has_an_index() {
    let firestore = json("firestore.json");
    let mut by_type: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut queries = BTreeSet::new();
    let query =
        Regex::new(r#"\.(?:with_field|newest|page_since)::<(\w+)>\(\s*"([\w.]+)""#).unwrap();
    let any = Regex::new(r"\.(?:with_field|newest|page_since)\b(?:::<|\()").unwrap();
    // Its fields are where the list is made, in the same file: `("state", …)`.
    // A list of a whole collection, in the order of names, needs none.
    let all_of = Regex::new(r"\.query_all::<(\w+)>\((&\[\])?").unwrap();
    let equal = Regex::new(r#"\("(\w+)", [\w.()]+\.into\(\)\)"#).unwrap();
    for file in shipped_files() {
        let text = file.text.unwrap_or_default();
        for (name, collection) in types(&text) {
            by_type.entry(name).or_default().insert(collection);
        }
        let seen = query.captures_iter(&text);
        let seen: Vec<_> = seen
            .map(|it| (it[1].to_owned(), it[2].to_owned()))
            .collect();
        let all = any.find_iter(&text).count();
        assert_eq!(
            seen.len(),
            all,
            "{} has a query that this test cannot parse",
            file.path
        );
        queries.extend(seen);
        let types: BTreeSet<_> = all_of
            .captures_iter(&text)
            .filter(|it| it.get(2).is_none())
            .map(|it| it[1].to_owned())
            .collect();
        let fields: BTreeSet<_> = equal
            .captures_iter(&text)
            .map(|it| it[1].to_owned())
            .collect();
        assert!(types.is_empty() || !fields.is_empty(), "{}", file.path);
        for name in types {
            queries.extend(fields.iter().map(|field| (name.clone(), field.clone())));
        }
    }
    assert!(!queries.is_empty());
    for (name, field) in queries {
        // A member of a map has the index of the map.
        let field = field.split('.').next().unwrap().to_owned();
        for collection in &by_type[&name] {
            let without = words(&firestore["unindexed"][collection]).contains(&field)
                || firestore["expires"][collection] == field.as_str();
            assert!(!without, "`{collection}` is queried by `{field}`");
        }
    }
}

/// Every metric that is counted from log lines: its filter, and its labels.
fn metrics() -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let own = entries(&json("metrics.json"))
        .into_iter()
        .map(|(name, it)| {
            let labels = entries(&it["labels"]).into_iter();
            let labels = labels.map(|(label, it)| (label, it.as_str().unwrap().to_owned()));
            let filter = it["filter"].as_str().unwrap().to_owned();
            (name, (filter, labels.collect()))
        });
    let shared = topology().metrics.into_iter();
    own.chain(shared.map(|(name, it)| (name, (it.filter, it.labels))))
        .collect()
}

#[test]
fn a_metric_counts_lines_that_are_logged() {
    let source = shipped_source();
    let compared = Regex::new(r#"jsonPayload\.([\w.]+)="(\w+)""#).unwrap();
    for (name, (filter, labels)) in metrics() {
        assert!(
            !filter.contains("jsonPayload.message"),
            "{name} counts messages, which may be reworded"
        );
        for found in compared.captures_iter(&filter) {
            // The statement that logs it, to its end.
            let field = format!("{} = \"{}\"", &found[1], &found[2]);
            let lines: Vec<&str> = source.split(&field).skip(1).collect();
            assert!(!lines.is_empty(), "{name}: no code logs {field}");
            for line in lines {
                let statement = line.split(';').next().unwrap();
                for (label, extractor) in &labels {
                    let from = extractor.strip_prefix("EXTRACT(jsonPayload.");
                    let from = from.and_then(|it| it.strip_suffix(')')).expect(extractor);
                    // The service is in every line: shared/src/telemetry.rs.
                    let there = ["service", &found[1]].contains(&from)
                        || statement.contains(&format!("{from} = "));
                    assert!(
                        there,
                        "{name}: `{label}` is not logged together with {field}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_alert_watches_existing_metrics_and_subscriptions() {
    let (topology, metrics) = (topology(), metrics());
    let functions: BTreeSet<_> = topology.functions.keys().cloned().collect();
    let mut subscriptions: BTreeSet<String> =
        topology.subscriptions().map(|(name, ..)| name).collect();
    subscriptions.insert("${dead_letters}".to_owned());
    let check = |what: &str, pattern: &str, text: &str, known: &BTreeSet<String>| {
        for name in found(pattern, text) {
            assert!(
                known.contains(&name),
                "{what} watches `{name}`, which does not exist"
            );
        }
    };
    let metric = r"logging\.googleapis\.com/user/([\w/]+)";
    let names = metrics.keys().cloned().collect();
    for (alert, it) in entries(&json("alerts.json")) {
        for condition in it["conditions"].as_array().unwrap() {
            let text = condition["filter"].as_str().unwrap();
            check(&alert, metric, text, &names);
            check(
                &alert,
                r#"subscription_id!?="([^"]+)""#,
                text,
                &subscriptions,
            );
            check(
                &alert,
                r"\$\{slo\}/([\w-]+)",
                text,
                &keys(&json("slos.json")),
            );
            check(&alert, r#"labels\.service="([^"]+)""#, text, &functions);
            for counted in found(metric, text) {
                let labels = metrics[&counted].1.keys().cloned().collect();
                let groups = condition["group_by"].to_string();
                check(&alert, r"metric\.label\.(\w+)", &groups, &labels);
                check(&alert, r"metric\.labels\.(\w+)", text, &labels);
            }
        }
    }
    for dashboard in ["dashboards/chain.json", "dashboards/runs.json"] {
        let text = json(dashboard).to_string();
        check(dashboard, metric, &text, &names);
        let service = r#"service_name=\\"([^"\\]+)"#;
        check(dashboard, service, &text, &functions);
    }
}

#[test]
fn every_alert_for_people_has_a_runbook_and_every_runbook_an_alert() {
    let readme = checkout::read("infra/gcp/README.md");
    let runbooks = readme.split("\n## Runbooks\n").nth(1).expect("runbooks");
    let runbooks = runbooks.split("\n## ").next().unwrap();
    let documented = found(r"(?m)^### (.+)$", runbooks);
    let mut for_people = keys(&json("alerts.json"));
    let ours = topology().alerts.into_iter();
    for_people.extend(
        ours.filter(|(_, it)| it.topic.is_none())
            .map(|(name, _)| name),
    );
    assert_eq!(documented, for_people);
}

#[test]
fn the_doctor_checks_every_api_that_terraform_enables() {
    let list = |path: &str, start: &str, end: &str| {
        let text = checkout::read(path);
        let list = text.split(start).nth(1).expect(start);
        found(r#""([a-z]+)""#, list.split(end).next().unwrap())
    };
    let enabled = list("infra/gcp/apis.tf", "apis = toset", "],\n");
    let checked = list("infra/local/src/doctor/project.rs", "const APIS", "];");
    assert_eq!(checked, enabled);
    assert!(enabled.contains("run"), "{enabled:?}");
}

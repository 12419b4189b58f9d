//! The rules for a build file.

use std::collections::BTreeSet;

use serde_json::Value;

/// Substitutions that Cloud Build sets itself:
/// <https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values>.
const BUILT_IN: [&str; 16] = [
    "BRANCH_NAME",
    "BUILD_ID",
    "COMMIT_SHA",
    "LOCATION",
    "PROJECT_ID",
    "PROJECT_NUMBER",
    "REF_NAME",
    "REPO_FULL_NAME",
    "REPO_NAME",
    "REVISION_ID",
    "SERVICE_ACCOUNT",
    "SERVICE_ACCOUNT_EMAIL",
    "SHORT_SHA",
    "TAG_NAME",
    "TRIGGER_BUILD_CONFIG_PATH",
    "TRIGGER_NAME",
];

/// Beginnings of secrets that might be left in a file. Concatenated, so that a scan for secrets does
/// not find this file.
fn secret_prefixes() -> [String; 6] {
    [
        ["gh", "p_"],
        ["AI", "za"],
        ["PRIVATE ", "KEY"],
        ["pass", "word="],
        ["secret", "Env"],
        ["available", "Secrets"],
    ]
    .map(|halves| halves.concat())
}

/// Every fault of a file.
pub(super) fn faults(file: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    order(file, &mut faults);
    substitutions(file, &mut faults);
    by_digest(file, &mut faults);
    times(file, &mut faults);
    traced(file, &mut faults);
    if file["serviceAccount"].is_string() && file["options"]["logging"].is_null() {
        faults.push("a service account of its own, and no setting for its log".to_owned());
    }
    let all = texts(file);
    for line in all.iter().flat_map(|text| text.lines()) {
        if line.contains("gcloud run") && line.contains("--image") && !line.contains("@sha256:") {
            faults.push(format!("`{line}` deploys without a digest"));
        }
        if line.contains("-auto-approve") {
            faults.push(format!("`{line}` applies without a plan"));
        }
    }
    let whole = file.to_string();
    let secrets = secret_prefixes();
    let secrets = secrets
        .iter()
        .filter(|prefix| whole.contains(prefix.as_str()));
    faults.extend(secrets.map(|prefix| format!("holds a secret: `{prefix}`")));
    faults
}

fn steps(file: &Value) -> &[Value] {
    file["steps"].as_array().map_or(&[], Vec::as_slice)
}

/// Every step has an id of its own, and waits for earlier steps only.
fn order(file: &Value, faults: &mut Vec<String>) {
    let mut earlier = BTreeSet::from(["-"]);
    for step in steps(file) {
        let Some(id) = step["id"].as_str() else {
            faults.push(format!("a step has no id: {step}"));
            continue;
        };
        for waited in step["waitFor"].as_array().into_iter().flatten() {
            let waited = waited.as_str().unwrap_or_default();
            if !earlier.contains(waited) {
                faults.push(format!(
                    "`{id}` waits for `{waited}`, which is not an earlier step"
                ));
            }
        }
        if !earlier.insert(id) {
            faults.push(format!("two steps are called `{id}`"));
        }
    }
}

/// Every substitution that is used is defined, or built in, or a builder, which only a project can
/// set; and every defined one is used.
fn substitutions(file: &Value, faults: &mut Vec<String>) {
    let defined: BTreeSet<&str> = defined(file);
    let mut builders = builders(file);
    builders.extend(held(file));
    let mut used = BTreeSet::new();
    for step in steps(file) {
        let mut plain = step.clone();
        // A script has variables of its own; substitutions in it begin with `_`.
        let script = plain.as_object_mut().and_then(|it| it.remove("script"));
        let script = script.as_ref().and_then(Value::as_str).unwrap_or_default();
        let ours = names(script)
            .into_iter()
            .filter(|name| name.starts_with('_'));
        used.extend(ours.map(str::to_owned));
        for text in texts(&plain) {
            used.extend(names(text).into_iter().map(str::to_owned));
        }
    }
    let mut rest = file.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("steps");
    }
    for text in texts(&rest) {
        used.extend(names(text).into_iter().map(str::to_owned));
    }
    for name in &used {
        let name = name.as_str();
        if !defined.contains(name) && !BUILT_IN.contains(&name) && !builders.contains(name) {
            faults.push(format!("`{name}` is used and not defined"));
        }
    }
    let idle = defined.iter().filter(|name| !used.contains(**name));
    faults.extend(idle.map(|name| format!("`{name}` is defined and not used")));
}

/// A builder is an image by digest, or a substitution that the first step checks for a digest, and
/// whose default is not a tag.
fn by_digest(file: &Value, faults: &mut Vec<String>) {
    let first = steps(file).first();
    let first = first.and_then(|step| step["script"].as_str());
    let held = names(first.unwrap_or_default());
    for step in steps(file) {
        match builder(step) {
            Some(name) => {
                if !held.contains(&name) {
                    faults.push(format!(
                        "`{name}` is not checked for a digest in the first step"
                    ));
                }
                let default = file["substitutions"][name].as_str();
                if default.is_some_and(|image| !is_by_digest(image)) {
                    faults.push(format!("`{name}` is a tag by default"));
                }
            }
            None if is_by_digest(step["name"].as_str().unwrap_or_default()) => {}
            None => faults.push(format!(
                "a builder is not named by a digest: {}",
                step["name"]
            )),
        }
    }
}

/// The substitutions that the first step checks for a digest, also those of the other file.
pub(super) fn held(file: &Value) -> BTreeSet<&str> {
    let first = steps(file).first().and_then(|step| step["script"].as_str());
    let lines = first.into_iter().flat_map(str::lines);
    lines
        .filter(|line| line.trim_start().starts_with("for image in "))
        .flat_map(names)
        .collect()
}

/// A plan is applied only after the provenance of its images was checked.
fn traced(file: &Value, faults: &mut Vec<String>) {
    let says =
        |step: &Value, what: &str| step["script"].as_str().is_some_and(|it| it.contains(what));
    let mut after = BTreeSet::new();
    for step in steps(file) {
        let id = step["id"].as_str().unwrap_or_default();
        let waited = step["waitFor"].as_array().into_iter().flatten();
        let follows = waited
            .filter_map(Value::as_str)
            .any(|it| after.contains(it));
        if follows || says(step, "rollout provenance") {
            after.insert(id);
        }
        if says(step, "terraform apply") && !follows {
            faults.push(format!("`{id}` applies images of unverified origin"));
        }
    }
}

/// The substitutions that name builders.
pub(super) fn builders(file: &Value) -> BTreeSet<&str> {
    steps(file).iter().filter_map(builder).collect()
}

/// The substitution that names a step's builder, where one does.
fn builder(step: &Value) -> Option<&str> {
    let name = step["name"].as_str()?.strip_prefix('$')?;
    let name = name
        .strip_prefix('{')
        .and_then(|it| it.strip_suffix('}'))
        .unwrap_or(name);
    let whole = name.starts_with('_') && name.chars().all(in_name);
    whole.then_some(name)
}

fn is_by_digest(image: &str) -> bool {
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    digest.is_some_and(|it| it.len() == 64 && it.chars().all(|c| c.is_ascii_hexdigit()))
}

fn times(file: &Value, faults: &mut Vec<String>) {
    if file["timeout"].is_null() {
        faults.push("no timeout: the default is ten minutes".to_owned());
        return;
    }
    let whole = seconds(&file["timeout"], faults);
    for step in steps(file) {
        if step["timeout"].is_null() {
            continue;
        }
        let one = seconds(&step["timeout"], faults);
        if one > whole {
            faults.push(format!(
                "a step may take longer than the build: {}",
                step["id"]
            ));
        }
    }
}

fn seconds(timeout: &Value, faults: &mut Vec<String>) -> Option<u64> {
    let text = timeout.as_str().unwrap_or_default();
    let seconds = text.strip_suffix('s').and_then(|it| it.parse().ok());
    if seconds.is_none() {
        faults.push(format!(
            "expected a timeout in seconds such as `600s`, found `{text}`"
        ));
    }
    seconds
}

fn defined(file: &Value) -> BTreeSet<&str> {
    let defined = file["substitutions"].as_object();
    defined
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Every string in a value, without the names of fields.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn in_name(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// The names after `$` and `${`; `$$` is a literal dollar.
fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = after.strip_prefix('{').unwrap_or(after);
        let end = name.find(|c| !in_name(c)).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        if !name.is_empty() {
            names.push(name);
        }
        rest = after;
    }
    names
}

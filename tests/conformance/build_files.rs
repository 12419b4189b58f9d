//! The two Cloud Build files: faults that their schema does not catch, and that a build would hit half-way.

mod checks;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use self::checks::{builders, faults, held};
use crate::checkout;

fn parse(text: &str) -> Value {
    let documents =
        YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(documents.len(), 1, "{text}");
    json(&documents[0])
}

/// As JSON: a build file has nothing that JSON lacks.
fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => text.as_str().into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Real(_) => yaml.as_f64().into(),
        Yaml::Boolean(value) => (*value).into(),
        Yaml::Array(items) => items.iter().map(json).collect(),
        Yaml::Hash(fields) => {
            let field = |(name, value): (&Yaml, &Yaml)| {
                let name = name
                    .as_str()
                    .unwrap_or_else(|| panic!("{name:?} is not a name"));
                (name.to_owned(), json(value))
            };
            fields.iter().map(field).collect()
        }
        Yaml::Null => Value::Null,
        Yaml::Alias(_) | Yaml::BadValue => panic!("{yaml:?}"),
    }
}

const FILES: [&str; 2] = ["cloudbuild.yaml", "infra/release.yaml"];

#[test]
fn the_build_files_have_no_faults() {
    for file in FILES {
        let found = faults(&parse(&checkout::read(file)));
        assert!(found.is_empty(), "{file}: {found:#?}");
    }
}

#[test]
fn every_functions_image_is_listed_for_its_provenance() {
    let file = parse(&checkout::read("cloudbuild.yaml"));
    let image = |function: &String| {
        format!("$_REGION-docker.pkg.dev/$PROJECT_ID/lapidary/{function}:$BUILD_ID")
    };
    let mut expected: Vec<String> = checkout::functions().iter().map(image).collect();
    expected.sort();
    assert_eq!(file["images"], serde_json::json!(expected));
}

#[test]
fn the_triggers_set_what_the_files_need() {
    let terraform = checkout::read("infra/gcp/build.tf");
    for file in FILES {
        assert!(terraform.contains(&format!("\"{file}\"")), "{file}");
    }
    for name in ["_REGION", "_CACHE", "_BUILD", "_COMMIT"] {
        let given = terraform.lines().any(|line| {
            let line = line.trim_start();
            line.strip_prefix(name)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        assert!(given, "no trigger sets {name}");
    }
}

/// Every builder that a project must set.
fn all_builders() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in FILES {
        let file = parse(&checkout::read(file));
        all.extend(builders(&file).into_iter().map(str::to_owned));
        all.extend(held(&file).into_iter().map(str::to_owned));
    }
    all
}

#[test]
fn every_builder_that_a_project_must_set_is_documented() {
    let readme = checkout::read("infra/gcp/README.md");
    let terraform = checkout::read("infra/gcp/build.tf");
    let names: Vec<String> = all_builders().iter().map(|it| format!("{it:?}")).collect();
    let list = format!("builders = [{}]", names.join(", "));
    assert!(terraform.contains(&list), "infra/gcp/build.tf: {list}");
    for name in all_builders() {
        assert!(readme.contains(&format!("`{name}`")), "README: {name}");
    }
}

/// The command that a person submits is complete: it sets each builder that the file uses, and no
/// other, because Cloud Build rejects unknown substitutions.
#[test]
fn a_build_by_hand_sets_every_substitution_it_needs() {
    let build = parse(&checkout::read("cloudbuild.yaml"));
    let held_here: BTreeSet<String> = held(&build).into_iter().map(str::to_owned).collect();
    assert_eq!(held_here, all_builders());
    let last = build["steps"].as_array().and_then(|steps| steps.last());
    let last = last.unwrap()["script"].as_str().unwrap();
    let command = last.split("--substitutions=").nth(1).unwrap();
    let command = command.lines().next().unwrap();
    let given: BTreeSet<&str> = command
        .split(',')
        .map(|it| it.split_once('=').unwrap().0)
        .collect();
    let release = parse(&checkout::read("infra/release.yaml"));
    let mut asked = builders(&release);
    asked.extend(["_REGION", "_BUILD", "_SOURCES"]);
    assert_eq!(given, asked);
}

#[test]
fn the_script_looks_up_every_builder() {
    let folder = tempfile::tempdir().unwrap();
    let docker = folder.path().join("docker");
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let script = format!("#!/bin/sh\nprintf 'Name: %s\\nDigest:    {digest}\\n' \"$4\"\n");
    fs::write(&docker, script).unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the script needs its shell")]
    let path = std::env::var("PATH").unwrap();
    let ran = Command::new(checkout::top().join("infra/gcp/builders.sh"))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{printed}");
    let named: BTreeSet<String> = printed
        .lines()
        .filter_map(|line| line.trim().split_once(" = \""))
        .map(|(name, image)| {
            assert!(image.contains(&format!("@{digest}\"")), "{image}");
            name.trim().to_owned()
        })
        .collect();
    assert_eq!(named, all_builders());
}

/// A valid file; each row below breaks one part of it.
const RIGHT: &str = r#"
steps:
  - id: pinned
    name: $_TOOL
    script: |
      [[ "$_TOOL" =~ @sha256 ]] && echo "$key ${TRIGGER_NAME:-} $(date)"
  - id: build
    name: tool@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    waitFor: [pinned]
    args: [--project=$PROJECT_ID, "--region=${_REGION}", $$HOME]
    timeout: 60s
  - id: trace
    name: $_TOOL
    waitFor: [build]
    script: rollout provenance --build=1
  - id: apply
    name: $_TOOL
    waitFor: [trace]
    script: terraform apply plan
substitutions:
  _REGION: us-central1
serviceAccount: projects/$PROJECT_ID/serviceAccounts/builder@example
options:
  logging: CLOUD_LOGGING_ONLY
timeout: 600s
"#;

/// Each row: what is replaced, its replacement, and a part of the expected fault.
const BROKEN: [(&str, &str, &str); 23] = [
    ("waitFor: [pinned]", "waitFor: [later]", "waits for `later`"),
    ("waitFor: [pinned]", "waitFor: [build]", "waits for `build`"),
    ("id: build", "id: pinned", "two steps are called `pinned`"),
    ("  - id: build\n    name", "  - name", "has no id"),
    (
        "$PROJECT_ID, ",
        "$_ZONE, ",
        "`_ZONE` is used and not defined",
    ),
    ("$PROJECT_ID, ", "$ZONE, ", "`ZONE` is used and not defined"),
    ("echo", "echo $_ZONE", "`_ZONE` is used and not defined"),
    ("${_REGION}", "here", "`_REGION` is defined and not used"),
    (
        "tool@sha256:0123",
        "tool:latest@sha:0123",
        "is not named by a digest",
    ),
    ("$_TOOL\n", "tool:1\n", "is not named by a digest"),
    (
        "name: $_TOOL",
        "name: $_OTHER",
        "`_OTHER` is not checked for a digest",
    ),
    (
        "_REGION: us",
        "_TOOL: tool:1\n  _REGION: us",
        "`_TOOL` is a tag by default",
    ),
    (
        "  logging: CLOUD_LOGGING_ONLY",
        "  machineType: E2_HIGHCPU_8",
        "no setting for its log",
    ),
    ("timeout: 600s", "timeout: 10m", "found `10m`"),
    ("timeout: 60s", "timeout: 1h", "found `1h`"),
    ("timeout: 60s", "timeout: 601s", "longer than the build"),
    ("timeout: 600s\n", "", "no timeout"),
    (
        "echo",
        "gcloud run deploy x --image=x:1;",
        "deploys without a digest",
    ),
    (
        "echo",
        "terraform apply -auto-approve;",
        "applies without a plan",
    ),
    (
        "waitFor: [trace]",
        "waitFor: [build]",
        "of unverified origin",
    ),
    ("rollout provenance", "rollout", "of unverified origin"),
    ("timeout: 60s", "secretEnv: [KEY]", "holds a secret"),
    ("echo", "TOKEN=ghp_0123;", "holds a secret"),
];

#[test]
fn a_valid_file_has_no_fault() {
    let found = faults(&parse(RIGHT));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_fault_is_found() {
    for (right, wrong, fault) in BROKEN {
        assert!(RIGHT.contains(right), "{right}");
        let broken = RIGHT.replacen(right, wrong, 1);
        let found = faults(&parse(&broken));
        let named = found.iter().any(|it| it.contains(fault));
        assert!(named, "{right} -> {wrong}: `{fault}` is not in {found:#?}");
    }
}

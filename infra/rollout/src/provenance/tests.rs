//! Answers in the shape of Google's: correct ones, and ones with a change.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

const BUILD: &str = "393794dc-82ec-495b-8f84-659dec87d381";
const OTHER_BUILD: &str = "00000000-82ec-495b-8f84-659dec87d381";
const COMMIT: &str = "d8e834cecc09efb7099196b005441606298e47b9";
const NAME: &str = "us-central1-docker.pkg.dev/p/lapidary/clean";
const ARCHIVES: &str = "gs://p-build-cache/source/";

fn digest() -> String {
    "0123456789abcdef".repeat(4)
}

fn image() -> Image {
    Image::parse(&format!("{NAME}@sha256:{}", digest())).unwrap()
}

fn subject() -> Value {
    json!([{ "name": format!("https://{NAME}:{BUILD}"), "digest": { "sha256": digest() } }])
}

/// The provenance before SLSA 1.0, of a trigger's build or one that a person submitted.
fn early(material: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": SLSA_0_1,
        "subject": subject(),
        "predicate": {
            "builder": { "id": format!("{BUILDER}@v0.3") },
            "materials": [material],
            "metadata": { "buildInvocationId": BUILD },
            "recipe": { "type": "https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1" },
        },
    })
}

fn from_git() -> Value {
    early(&json!({ "uri": "git+https://github.com/owner/lapidary", "digest": { "sha1": COMMIT } }))
}

fn from_archive() -> Value {
    early(&json!({ "uri": format!("{ARCHIVES}1.tgz#7"), "digest": { "sha256": digest() } }))
}

/// SLSA 1.0, which only a trigger's build has.
fn late() -> Value {
    let run = "https://cloudbuild.googleapis.com/v1/projects/p/locations/us-central1/builds";
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": SLSA_1_0,
        "subject": subject(),
        "predicate": {
            "buildDefinition": {
                "buildType": "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
                "resolvedDependencies": [
                    { "uri": "rust@sha256:00", "digest": { "sha256": "00" } },
                    { "uri": "git+https://github.com/owner/lapidary", "digest": { "gitCommit": COMMIT } },
                ],
            },
            "runDetails": {
                "builder": { "id": BUILDER },
                "metadata": { "invocationId": format!("{run}/{BUILD}") },
            },
        },
    })
}

fn occurrence(statement: &Value) -> Value {
    json!({
        "kind": "BUILD",
        "noteName": format!("projects/verified-builder/notes/intoto_{BUILD}"),
        "envelope": {
            "payload": BASE64_STANDARD.encode(statement.to_string()),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{
                "keyid": "projects/verified-builder/locations/global/keyRings/attestor/cryptoKeys/k",
                "sig": "MEYC",
            }],
        },
    })
}

fn answer(occurrences: &[Value]) -> Value {
    json!({ "provenance_summary": { "provenance": occurrences } })
}

fn commit(commit: &str) -> Sources {
    Sources::Commit(commit.to_owned())
}

fn archive(below: &str) -> Sources {
    Sources::Archive(below.to_owned())
}

#[track_caller]
fn check(occurrences: &[Value], sources: Sources, expected: Result<(), &str>) {
    let origin = Origin {
        build: BUILD.to_owned(),
        sources,
    };
    let result = verify(&answer(occurrences), &image(), &origin).map_err(|it| it.to_string());
    match (&result, expected) {
        (Ok(()), Ok(())) => {}
        (Err(refusal), Err(part)) if refusal.contains(part) => {}
        _ => panic!("{result:?}, expected {expected:?}: {occurrences:#?}"),
    }
}

#[test]
fn an_image_of_the_build_and_its_sources_is_accepted() {
    for statement in [from_git(), late()] {
        check(&[occurrence(&statement)], commit(COMMIT), Ok(()));
    }
    check(&[occurrence(&from_archive())], archive(ARCHIVES), Ok(()));
    let mut other_alphabet = occurrence(&late());
    other_alphabet["envelope"]["payload"] =
        BASE64_URL_SAFE_NO_PAD.encode(late().to_string()).into();
    check(&[other_alphabet], commit(COMMIT), Ok(()));
}

#[test]
fn one_matching_provenance_among_those_of_other_builds_is_enough() {
    let mut earlier = from_git();
    earlier["predicate"]["metadata"]["buildInvocationId"] = OTHER_BUILD.into();
    let all = [occurrence(&earlier), occurrence(&from_git())];
    check(&all, commit(COMMIT), Ok(()));
    check(&all[..1], commit(COMMIT), Err(OTHER_BUILD));
}

#[test]
fn other_sources_are_refused() {
    let (git, archived) = ([occurrence(&from_git())], [occurrence(&from_archive())]);
    check(&git, commit(&"0".repeat(40)), Err(COMMIT));
    // An archive may hold anything, so it does not satisfy a commit.
    check(&archived, commit(COMMIT), Err("1.tgz"));
    check(&git, archive(ARCHIVES), Err("github.com"));
    check(&archived, archive("gs://elsewhere/"), Err("1.tgz"));
}

#[test]
fn an_image_without_provenance_is_refused() {
    let origin = Origin {
        build: BUILD.to_owned(),
        sources: commit(COMMIT),
    };
    for answer in [
        json!({}),
        json!({ "image_summary": {} }),
        json!([]),
        answer(&[]),
    ] {
        let result = verify(&answer, &image(), &origin);
        assert_eq!(result, Err(ProvenanceRefusal::NoProvenance), "{answer}");
    }
}

/// Each row: where a correct occurrence is changed, to what, and a part of the refusal.
#[test]
fn provenance_that_is_not_cloud_builds_is_refused() {
    let changed: [(&str, Value, &str); 7] = [
        (
            "/noteName",
            json!("projects/p/notes/intoto"),
            "expected provenance of Cloud Build",
        ),
        (
            "/noteName",
            json!("projects/verified-builder-2/notes/i"),
            "expected provenance of Cloud Build",
        ),
        (
            "/envelope/signatures",
            json!([]),
            "expected provenance of Cloud Build",
        ),
        (
            "/envelope/signatures/0/keyid",
            json!("projects/p/k"),
            "expected provenance of Cloud Build",
        ),
        (
            "/envelope/signatures/0/sig",
            json!(""),
            "expected provenance of Cloud Build",
        ),
        (
            "/envelope/payloadType",
            json!("text/plain"),
            "cannot be read",
        ),
        ("/envelope/payload", json!("%"), "base64"),
    ];
    for (pointer, value, part) in changed {
        let mut occurrence = occurrence(&late());
        *occurrence.pointer_mut(pointer).unwrap() = value;
        check(&[occurrence], commit(COMMIT), Err(part));
    }
}

/// Each row: where a correct statement is changed, to what, and a part of the refusal.
#[test]
fn a_statement_about_something_else_is_refused() {
    let changed: [(&str, Value, &str); 8] = [
        (
            "/predicateType",
            json!("https://slsa.dev/provenance/v2"),
            "SLSA",
        ),
        (
            "/predicate/runDetails/builder/id",
            json!("https://elsewhere/W"),
            "elsewhere",
        ),
        (
            "/predicate/runDetails/builder/id",
            json!(format!("{BUILDER}2")),
            "Worker2",
        ),
        (
            "/predicate/runDetails/metadata/invocationId",
            json!(OTHER_BUILD),
            OTHER_BUILD,
        ),
        (
            "/predicate/buildDefinition/resolvedDependencies",
            json!([]),
            "built from",
        ),
        (
            "/subject/0/digest/sha256",
            json!("0".repeat(64)),
            "another image",
        ),
        (
            "/subject/0/name",
            json!(format!("https://{NAME}2:t")),
            "another image",
        ),
        ("/subject", json!([]), "another image"),
    ];
    for (pointer, value, part) in changed {
        let mut statement = late();
        *statement.pointer_mut(pointer).unwrap() = value;
        check(&[occurrence(&statement)], commit(COMMIT), Err(part));
    }
}

#[test]
fn the_text_next_to_the_signed_payload_does_not_count() {
    let mut statement = late();
    statement["predicate"]["runDetails"]["metadata"]["invocationId"] = OTHER_BUILD.into();
    let mut occurrence = occurrence(&statement);
    occurrence["build"] = json!({ "inTotoSlsaProvenanceV1": late() });
    check(&[occurrence], commit(COMMIT), Err(OTHER_BUILD));
}

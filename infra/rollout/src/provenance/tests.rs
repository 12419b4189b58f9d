//! Answers in the shape of Google's, right ones and spoilt ones.

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

/// What a trigger's build, or one that a person submitted, says before SLSA 1.0.
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

/// What only a trigger's build says.
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
    let judged = judge(&answer(occurrences), &image(), &origin).map_err(|it| it.to_string());
    match (&judged, expected) {
        (Ok(()), Ok(())) => {}
        (Err(said), Err(part)) if said.contains(part) => {}
        _ => panic!("{judged:?}, expected {expected:?}: {occurrences:#?}"),
    }
}

#[test]
fn an_image_of_the_build_and_its_sources_is_let_through() {
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
fn one_word_that_fits_is_enough_among_those_of_other_builds() {
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
    // Whoever names a commit is not content with an archive that may hold anything.
    check(&archived, commit(COMMIT), Err("1.tgz"));
    check(&git, archive(ARCHIVES), Err("github.com"));
    check(&archived, archive("gs://elsewhere/"), Err("1.tgz"));
}

#[test]
fn no_word_is_no_provenance() {
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
        let judged = judge(&answer, &image(), &origin);
        assert_eq!(judged, Err(Refusal::Unsaid), "{answer}");
    }
}

/// Each row: where a right occurrence is spoilt, with what, and a part of the refusal.
#[test]
fn a_word_that_is_not_cloud_builds_is_refused() {
    let spoilt: [(&str, Value, &str); 7] = [
        (
            "/noteName",
            json!("projects/p/notes/intoto"),
            "not Cloud Build",
        ),
        (
            "/noteName",
            json!("projects/verified-builder-2/notes/i"),
            "not Cloud Build",
        ),
        ("/envelope/signatures", json!([]), "not Cloud Build"),
        (
            "/envelope/signatures/0/keyid",
            json!("projects/p/k"),
            "not Cloud Build",
        ),
        ("/envelope/signatures/0/sig", json!(""), "not Cloud Build"),
        (
            "/envelope/payloadType",
            json!("text/plain"),
            "cannot be read",
        ),
        ("/envelope/payload", json!("%"), "base 64"),
    ];
    for (place, value, part) in spoilt {
        let mut occurrence = occurrence(&late());
        *occurrence.pointer_mut(place).unwrap() = value;
        check(&[occurrence], commit(COMMIT), Err(part));
    }
}

/// Each row: where a right statement is spoilt, with what, and a part of the refusal.
#[test]
fn a_statement_about_something_else_is_refused() {
    let spoilt: [(&str, Value, &str); 8] = [
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
            "made of",
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
    for (place, value, part) in spoilt {
        let mut statement = late();
        *statement.pointer_mut(place).unwrap() = value;
        check(&[occurrence(&statement)], commit(COMMIT), Err(part));
    }
}

#[test]
fn the_text_beside_the_signed_payload_is_not_believed() {
    let mut statement = late();
    statement["predicate"]["runDetails"]["metadata"]["invocationId"] = OTHER_BUILD.into();
    let mut occurrence = occurrence(&statement);
    occurrence["build"] = json!({ "inTotoSlsaProvenanceV1": late() });
    check(&[occurrence], commit(COMMIT), Err(OTHER_BUILD));
}

//! Which requests are the same, which differ, and which must not be cached.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn of(request: &Value) -> Result<Fingerprint, NotCacheable> {
    Fingerprint::of(request, "models/m@1", 7)
}

fn request(text: &str) -> Value {
    json!({
        "contents": [{ "role": "user", "parts": [{ "text": text }] }],
        "generationConfig": { "temperature": 0, "maxOutputTokens": 100 },
    })
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn same(one: &str, other: &str) {
    assert_eq!(
        of(&parsed(one)).unwrap(),
        of(&parsed(other)).unwrap(),
        "{one} and {other}"
    );
}

#[track_caller]
fn differ(one: &str, other: &str) {
    assert_ne!(
        of(&parsed(one)).unwrap(),
        of(&parsed(other)).unwrap(),
        "{one} and {other}"
    );
}

#[test]
fn requests_that_are_the_same_to_the_model_have_one_fingerprint() {
    same(
        r#"{"generationConfig":{"seed":1,"topK":2},"contents":[]}"#,
        r#"{ "contents" : [ ], "generationConfig": {"topK": 2.0, "seed": 1} }"#,
    );
    same(
        r#"{"systemInstruction":{"parts":[]},"generationConfig":{"seed":1}}"#,
        r#"{"system_instruction":{"parts":[]},"generation_config":{"seed":1}}"#,
    );
    same(
        r#"{"contents":[{"parts":[{"text":"a\r\nb"}]}],"generationConfig":{"seed":1}}"#,
        r#"{"contents":[{"parts":[{"text":"a\nb"}]}],"generationConfig":{"seed":1}}"#,
    );
    same(
        r#"{"contents":[],"generationConfig":{"seed":1},"labels":{"team":"a"}}"#,
        r#"{"contents":[],"generationConfig":{"seed":1}}"#,
    );
}

#[test]
fn what_can_change_the_answer_changes_the_fingerprint() {
    let base = r#"{"contents":[{"parts":[{"text":"a b"}]}],"generationConfig":{"seed":1}}"#;
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a  b"}]}],"generationConfig":{"seed":1}}"#,
    );
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a b "}]}],"generationConfig":{"seed":1}}"#,
    );
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a"},{"text":" b"}]}],"generationConfig":{"seed":1}}"#,
    );
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a b"}]}],"generationConfig":{"seed":2}}"#,
    );
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a b"}]}],"generationConfig":{"seed":1.5}}"#,
    );
    differ(
        base,
        r#"{"contents":[{"parts":[{"text":"a b"}]}],"generationConfig":{"seed":1},"safetySettings":[]}"#,
    );
    // A key that the caller chose keeps its spelling.
    let call = |key: &str| {
        format!(
            r#"{{"contents":[{{"parts":[{{"functionCall":{{"args":{{"{key}":1}}}}}}]}}],"generationConfig":{{"seed":1}}}}"#
        )
    };
    differ(&call("user_id"), &call("userId"));
}

#[test]
fn another_model_or_route_is_another_answer() {
    let request = request("hi");
    let one = Fingerprint::of(&request, "m", 1).unwrap();
    assert_ne!(one, Fingerprint::of(&request, "m", 2).unwrap());
    assert_ne!(one, Fingerprint::of(&request, "n", 1).unwrap());
}

#[test]
fn the_scheme_is_pinned() {
    // Changes only together with SCHEME: otherwise cached answers would be lost or, worse, mixed up.
    let golden = of(&request("hi")).unwrap();
    let canonical = concat!(
        r#"[1,"models/m@1",7,]"#,
        r#"{"contents":[{"parts":[{"text":"hi",},],"role":"user",},],"generationConfig":{"maxOutputTokens":100,"temperature":0,},}"#,
    );
    assert_eq!(golden.as_str(), HEXLOWER.encode(&Sha256::digest(canonical)));
    assert_eq!(golden.as_str().len(), 64);
}

#[track_caller]
fn refused(request: &Value, reason: NotCacheable) {
    assert_eq!(of(request), Err(reason), "{request}");
}

#[test]
fn an_answer_that_may_differ_next_time_is_not_cached() {
    refused(&json!("hi"), NotCacheable::NotARequest);
    refused(&json!({ "contents": [] }), NotCacheable::Random);
    refused(
        &json!({ "generationConfig": { "temperature": 0.1 } }),
        NotCacheable::Random,
    );
    refused(
        &json!({ "generation_config": { "temperature": 1 } }),
        NotCacheable::Random,
    );
    let still = json!({ "temperature": 0 });
    refused(
        &json!({ "generationConfig": still, "tools": [{ "googleSearch": {} }] }),
        NotCacheable::Tool,
    );
    refused(
        &json!({ "generationConfig": still, "contents": [{ "parts": [{ "file_data": { "fileUri": "gs://b/o" } }] }] }),
        NotCacheable::File,
    );
    assert!(of(&json!({ "generationConfig": { "temperature": 1, "seed": 4 } })).is_ok());
    assert!(
        of(&json!({ "generationConfig": still, "tools": [{ "function_declarations": [] }] }))
            .is_ok()
    );
    assert!(of(&json!({ "generationConfig": still, "contents": [{ "parts": [{ "functionCall": { "args": { "fileData": 1 } } }] }] })).is_ok());
}

proptest! {
    #[test]
    fn two_texts_have_two_fingerprints(one in "\\PC{0,12}", other in "\\PC{0,12}") {
        prop_assert_eq!(of(&request(&one)) == of(&request(&other)), one == other);
    }

    #[test]
    fn text_never_imitates_structure(inside in r#"[\[\]{}",:\\a]{0,12}"#) {
        let one = json!({ "contents": [inside, "x"], "generationConfig": { "seed": 1 } });
        let other = json!({ "contents": [format!("{inside},x")], "generationConfig": { "seed": 1 } });
        prop_assert_ne!(of(&one), of(&other));
    }
}

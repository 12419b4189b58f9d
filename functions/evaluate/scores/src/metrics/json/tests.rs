//! Documents that are equal, near, in another order, fenced and broken.

use super::*;
use crate::golden::check_one;

#[test]
fn fields_are_counted() {
    for (prediction, reference, expected) in [
        (r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#, 1.0),
        (r#"{"a":1,"b":3}"#, r#"{"a":1,"b":2}"#, 0.5),
        (r#"{"a":1}"#, r#"{"a":1,"b":2,"c":3}"#, 0.5),
        (r#"{"a":{"b":[1,2]}}"#, r#"{"a":{"b":[1,3]}}"#, 0.5),
        (r#"{"a":1.0}"#, r#"{"a":1}"#, 1.0),
        (r#"{"a":"1"}"#, r#"{"a":1}"#, 0.0),
        (
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
            0.0,
        ),
        (r#"{"a.b":1}"#, r#"{"a":{"b":1}}"#, 0.0),
        ("[2,1]", "[1,2]", 0.0),
        ("{}", "{}", 1.0),
        ("{}", "[]", 0.0),
        (r#"{"a":null}"#, r#"{"a":null}"#, 1.0),
        ("no", r#"{"a":1}"#, 0.0),
        ("```json\n{\"a\":1}\n```", r#"{"a":1}"#, 1.0),
        (&"[".repeat(5000), "[1]", 0.0),
    ] {
        check_one(&JSON, prediction, reference, expected);
    }
}

#[test]
fn what_differs_is_found_apart() {
    for (prediction, reference, [valid, bare, keys, values, unordered]) in [
        (
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            [1.0, 1.0, 1.0, 0.0, 1.0],
        ),
        (
            r#"{"a":[1,1]}"#,
            r#"{"a":[1,2]}"#,
            [1.0, 1.0, 1.0, 0.5, 0.5],
        ),
        (
            r#"{"a":1,"c":2}"#,
            r#"{"a":2,"b":2}"#,
            [1.0, 1.0, 0.5, 0.0, 0.0],
        ),
        (
            "```\n{\"a\":1}\n```",
            r#"{"a":1}"#,
            [1.0, 0.0, 1.0, 1.0, 1.0],
        ),
        ("Sure: {\"a\":1}", r#"{"a":1}"#, [0.0; 5]),
        ("42", "[42]", [0.0; 5]),
    ] {
        check_one(&JSON_VALID, prediction, reference, valid);
        check_one(&JSON_BARE, prediction, reference, bare);
        check_one(&JSON_KEYS, prediction, reference, keys);
        check_one(&JSON, prediction, reference, values);
        check_one(&JSON_UNORDERED, prediction, reference, unordered);
    }
}

#[test]
fn only_objects_and_arrays_are_documents() {
    assert!(JSON.applies(r#" {"a":1} "#));
    assert!(JSON.applies("[]"));
    for text in ["42", "\"yes\"", "true", "yes", ""] {
        assert!(!JSON.applies(text), "{text}");
    }
}

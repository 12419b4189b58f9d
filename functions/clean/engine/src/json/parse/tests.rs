//! What is accepted, what is rejected, and agreement with `serde_json`.

use proptest::prelude::*;

use super::*;
use crate::json::write;

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = match parse(text) {
        Ok(parsed) => {
            let mut out = Vec::new();
            write(&parsed.node.value, &mut out);
            String::from_utf8(out).unwrap()
        }
        Err(SyntaxError { kind, at, .. }) => format!("{kind:?} at {at}"),
    };
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn values_have_one_written_form() {
    check(" { \"a\" : [ 1 , -0.5e+9 ] } ", r#"{"a":[1,-0.5e+9]}"#);
    check(r#""\u0041\/\ud83d\ude00\n""#, "\"A/😀\\n\"");
    check(r#"{"\u0069nput":1}"#, r#"{"input":1}"#);
    check(
        "123456789012345678901234567890",
        "123456789012345678901234567890",
    );
    check("1e999", "1e999");
    check("\"\\u0000\u{7f}\"", "\"\\u0000\u{7f}\"");
    check(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
}

#[test]
fn faults_have_their_offset() {
    check("", "Grammar at 0");
    check(r#"{"a":1,}"#, "Grammar at 7");
    check("[1,]", "Grammar at 3");
    check(r#"{"a":NaN}"#, "Grammar at 5");
    check("{'a':1}", "Grammar at 1");
    check("01", "Grammar at 1");
    check("1.", "Grammar at 2");
    check("{} {}", "Grammar at 3");
    check("\"a\tb\"", "Grammar at 2");
    check(r#""\x""#, "Grammar at 1");
    check(r#""abc"#, "Grammar at 0");
    check(r#""\u+041""#, "Grammar at 1");
    check(r#""ok \ud83d""#, "LoneSurrogate at 4");
    check(r#""\ude00""#, "LoneSurrogate at 1");
    check(r#""\ud83d\u0041""#, "LoneSurrogate at 1");
    check(&"[".repeat(65), "TooDeep at 64");
    check(
        &format!("{}{}", "[".repeat(64), "]".repeat(64)),
        &format!("{}{}", "[".repeat(64), "]".repeat(64)),
    );
}

#[test]
fn repeated_keys_are_found_in_large_objects_too() {
    let members: Vec<String> = (0..40).map(|n| format!("\"k{}\":{n}", n % 39)).collect();
    let text = format!("{{{}}}", members.join(","));
    assert_eq!(parse(&text).unwrap().repeats.len(), 1);
}

proptest! {
    #[test]
    fn input_that_serde_accepts_is_read_the_same(text in r#"[\[\]{}",:a\\u0-9.eE \-tfn]{0,24}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let ours = parse(&text);
        // Out of range only in serde: the engine keeps digits, not floats.
        let too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        if !too_large {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", text);
        }
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let mut out = Vec::new();
            write(&ours.node.value, &mut out);
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), theirs);
        }
    }

    #[test]
    fn every_text_survives(text in any::<String>()) {
        let theirs = serde_json::to_string(&text).unwrap();
        let parsed = parse(&theirs).unwrap();
        prop_assert_eq!(&parsed.node.value, &Value::Text(Text::of(&text)));
    }
}

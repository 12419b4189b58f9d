//! Rows as the cleaner writes them, rows as it never should, and the choice among them.

use proptest::prelude::*;

use super::*;

fn line(question: &str, answer: &str) -> String {
    json!({ "contents": [
        { "role": "user", "parts": [{ "text": question }] },
        { "role": "model", "parts": [{ "text": answer }] },
    ]})
    .to_string()
}

#[test]
fn the_last_model_turn_is_the_reference() {
    let row = SampleRow::parse(
        &json!({
            "systemInstruction": { "role": "system", "parts": [{ "text": "be brief" }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "one?" }] },
                { "role": "model", "parts": [{ "text": "1" }] },
                { "role": "user", "parts": [{ "text": "two?" }] },
                { "role": "Model", "parts": [{ "text": "2" }] },
                { "role": "user", "parts": [{ "text": "thanks" }] },
            ],
        })
        .to_string(),
    )
    .unwrap();
    assert_eq!(row.reference, "2");
    assert_eq!(row.prompt["contents"].as_array().unwrap().len(), 3);
    assert_eq!(
        row.prompt["systemInstruction"]["parts"][0]["text"],
        "be brief"
    );
    let request = row.request(&generation_config(100));
    assert_eq!(request["generationConfig"]["maxOutputTokens"], 100);
    assert_eq!(request["contents"], row.prompt["contents"]);
}

#[test]
fn a_function_call_is_a_reference_as_json() {
    let row = SampleRow::parse(
        &json!({
            "tools": [{ "functionDeclarations": [{ "name": "buy" }] }],
            "contents": [
                { "role": "user", "parts": [{ "text": "buy 2" }] },
                { "role": "model", "parts": [{ "functionCall": { "name": "buy", "args": { "n": 2 } } }] },
            ],
        })
        .to_string(),
    )
    .unwrap();
    assert_eq!(row.reference, r#"{"args":{"n":2},"name":"buy"}"#);
    assert!(row.prompt.contains_key("tools"));
}

#[track_caller]
fn check(line: &str, fault: RowFault) {
    assert_eq!(SampleRow::parse(line), Err(fault), "{line:.80}");
}

#[test]
fn a_line_that_cannot_be_asked_is_a_fault() {
    check("not json", RowFault::NotJson);
    check("[1]", RowFault::NotJson);
    check("{}", RowFault::NoContents);
    check(r#"{"contents":{}}"#, RowFault::NoContents);
    check(r#"{"contents":[]}"#, RowFault::NoReference);
    check(
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
        RowFault::NoReference,
    );
    check(
        r#"{"contents":[{"role":"model","parts":[{"text":"hi"}]}]}"#,
        RowFault::NoPrompt,
    );
    check(&line("hi", " \n"), RowFault::EmptyReference);
    check(&"x".repeat(LINE_BYTES_MAX + 1), RowFault::TooLong);
}

#[test]
fn faults_and_duplicates_are_counted() {
    let (one, two) = (line("a", "b"), line("c", "d"));
    let sample = choose(
        [one.as_str(), "", "{}", &two, "nonsense", &one, "{}"],
        10,
        1,
    );
    assert_eq!((sample.rows.len(), sample.usable), (2, 2));
    assert_eq!(
        sample.faults,
        BTreeMap::from([(RowFault::NotJson, 1), (RowFault::NoContents, 2)])
    );
}

#[test]
fn the_seed_changes_the_choice_and_the_digest() {
    let lines: Vec<String> = (0..100)
        .map(|n| line(&format!("question {n}"), "yes"))
        .collect();
    let choose = |seed| choose(lines.iter().map(String::as_str), 20, seed);
    assert_eq!(choose(1).digest(), choose(1).digest());
    assert_ne!(choose(1).digest(), choose(2).digest());
}

#[test]
fn debug_shows_no_text() {
    let shown = format!("{:?}", choose([line("open", "sesame").as_str()], 1, 1));
    assert!(
        !shown.contains("sesame") && !shown.contains("open"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn the_choice_does_not_depend_on_the_order_of_lines(
        (lines, shuffled) in proptest::collection::vec("[a-z]{1,6}", 1..40)
            .prop_map(|answers| answers.iter().map(|answer| line("q", answer)).collect::<Vec<_>>())
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        limit in 0_usize..50,
        seed: u64,
    ) {
        let one = choose(lines.iter().map(String::as_str), limit, seed);
        let other = choose(shuffled.iter().map(String::as_str), limit, seed);
        prop_assert_eq!(&one.rows, &other.rows);
        prop_assert_eq!(one.rows.len() as u64, one.usable.min(limit as u64));
        // More rows come after the same ones.
        let more = choose(lines.iter().map(String::as_str), limit + 7, seed).with_planned(limit);
        prop_assert_eq!(more.rows.iter().take(limit).collect::<Vec<_>>(), one.rows.iter().collect::<Vec<_>>());
        prop_assert_eq!(more.digest(), one.digest());
        prop_assert_eq!(more.added(), more.rows.len() - one.rows.len());
    }
}

//! What holds for every dataset, whatever is in it.

mod conversations;
mod held_out;
mod nothing_lost;

use proptest::prelude::*;

use crate::{
    formats::tests::convert,
    outputs::OutputFile,
    pass::{
        machine::Machine,
        outcome::Cleaned,
        tests::{Memory, clean, clean_on},
    },
    render::render,
    rule::Scan,
    search::tests::redacting,
    settings::Settings,
};

/// No part is held out, so that the kept rows are one file.
fn whole() -> Settings {
    Settings {
        eval_rows: 0,
        validation_percent: 0,
        ..Settings::default()
    }
}

/// A row in some format, good or bad.
fn row() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-c]{1,3} [a-c]{1,3} [a-c]{1,3}",
        "[ \\t\u{3000}]{0,2}[a-c ]{0,6}[ \\n]{0,2}",
        any::<String>(),
    ];
    let json = |text: String| serde_json::to_string(&text).unwrap();
    (0..9, text.clone(), text).prop_map(move |(format, asked, answered)| {
        let (a, b) = (json(asked), json(answered));
        match format {
            0 => format!(r#"{{"input":{a},"output":{b}}}"#),
            1 => format!(r#"{{"completion":{b},"prompt":{a}}}"#),
            2 => format!(r#"{{"instruction":{a},"input":{b},"output":{b}}}"#),
            3 => format!(r#"{{"messages":[{{"role":"system","content":{b}}},{{"role":"user","content":{a}}},{{"role":"assistant","content":[{{"type":"text","text":{b}}},{{"type":"text","text":{a}}}]}}]}}"#),
            4 => format!(r#"{{"conversations":[{{"from":"human","value":{a}}},{{"from":"function_call","value":"{{\"name\":\"f\",\"arguments\":{{\"x\":1.50}}}}"}},{{"from":"observation","value":{b}}},{{"from":"gpt","value":{b}}}],"tools":"[{{\"name\":\"f\",\"x_y\":1}}]"}}"#),
            5 => format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":{a}}},{{"text":{b}}}]}},{{"role":"model","parts":[{{"text":{b}}}]}}],"tools":[{{"function_declarations":[{{"name":"f","a_b":{{"c_d":{{"e_f":1}}}}}}]}}]}}"#),
            6 => format!(r#"{{"question":{a},"answer":{b},"answer":{b}}}"#),
            7 => format!(r#"{{"input":{a}"#),
            _ => format!(r#"{{"input":{a},"ouput":{b}}}"#),
        }
    })
}

fn adds_up(cleaned: &Cleaned, memory: &Memory) {
    let report = &cleaned.report;
    let rows = &report.rows;
    assert_eq!(rows.read, rows.kept + rows.rejected + rows.duplicate);
    let splits = &report.splits;
    assert_eq!(rows.kept, splits.train + splits.validation + splits.eval);
    let count = |part| u64::try_from(memory.rows(part).len()).unwrap();
    assert_eq!(count(OutputFile::Train), splits.train);
    assert_eq!(count(OutputFile::Validation), splits.validation);
    assert_eq!(count(OutputFile::Eval), splits.eval);
    assert_eq!(count(OutputFile::Rejected), rows.rejected);
    assert!(render(report).lines().count() <= 60);
    let json = serde_json::to_string(report).unwrap();
    assert_eq!(
        &serde_json::from_str::<crate::Report>(&json).unwrap(),
        report
    );
}

/// A conversation, as its texts: the system instruction, and what is said in turn.
fn conversation() -> impl Strategy<Value = (Option<String>, Vec<String>)> {
    let text = || {
        prop_oneof![
            "[a-c]{1,3} [a-c]{1,3} [a-c]{1,3}",
            r#"[a-c"\\\n\té{}]{1,12}"#
        ]
    };
    let turns = prop::collection::vec(text(), 1..4).prop_flat_map(move |asked| {
        let answered = prop::collection::vec(text(), asked.len());
        (Just(asked), answered)
    });
    (prop::option::of(text()), turns).prop_map(|(system, (asked, answered))| {
        let turns = asked.into_iter().zip(answered);
        (system, turns.flat_map(|(a, b)| [a, b]).collect())
    })
}

/// The conversation in every format that can hold it.
fn in_every_format(system: Option<&str>, turns: &[String]) -> Vec<String> {
    use serde_json::{Value, json};
    let messages = |keys: [&str; 2], names: [&str; 3], wrap: &dyn Fn(&str) -> Value| {
        let message = |name: &str, text: &str| json!({keys[0]: name, keys[1]: wrap(text)});
        let system = system.map(|text| message(names[0], text));
        let said = turns.iter().enumerate();
        let said = said.map(|(index, text)| message(names[1 + index % 2], text));
        Value::Array(system.into_iter().chain(said).collect())
    };
    let plain = |text: &str| json!(text);
    let listed = |text: &str| json!([{"type": "text", "text": text}]);
    let parts = |text: &str| json!([{"text": text}]);
    let chat = ["system", "user", "assistant"];
    let mut rows = vec![
        json!({"messages": messages(["role", "content"], chat, &plain)}),
        json!({"messages": messages(["role", "content"], ["developer", "user", "assistant"], &listed)}),
        json!({"conversations": messages(["from", "value"], ["system", "human", "gpt"], &plain)}),
        json!({"conversations": messages(["role", "content"], chat, &plain), "id": 7}),
    ];
    let contents = messages(["role", "parts"], ["", "user", "model"], &parts);
    let spoken = contents.as_array().unwrap();
    let spoken = &spoken[usize::from(system.is_some())..];
    rows.push(json!({"contents": spoken, "systemInstruction": system.map(|text| json!({"parts": [{"text": text}]}))}));
    rows.push(json!({"contents": spoken, "system_instruction": system}));
    let (before, last) = turns.split_at(turns.len() - 2);
    let history: Vec<_> = before.chunks(2).collect();
    rows.push(
        json!({"instruction": last[0], "output": last[1], "history": history, "system": system}),
    );
    rows.push(json!({"instruction": "", "input": last[0], "response": last[1], "history": history, "system": system}));
    if before.is_empty() {
        for asked in ["input", "prompt", "question"] {
            for answered in ["output", "completion", "answer", "response"] {
                rows.push(json!({asked: last[0], answered: last[1], "system": system}));
            }
        }
        rows.push(json!({"text": last[0], "label": last[1], "system": system}));
        rows.push(json!({"text": last[0], "category": last[1], "system": system}));
        rows.push(json!({"input": last[0], "output": last[1], "answer": last[1], "messages": rows[0]["messages"], "system": system}));
    }
    rows.iter().map(Value::to_string).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_meaning_is_the_same_bytes((system, turns) in conversation()) {
        let rows = in_every_format(system.as_deref(), &turns);
        let expected = convert(&rows[0]).replace(" trim", "");
        prop_assert!(expected.starts_with('{'), "{expected}");
        for row in &rows {
            prop_assert_eq!(&convert(row).replace(" trim", ""), &expected, "{}", row);
        }
    }

    #[test]
    fn no_bytes_are_a_surprise(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (cleaned, memory) = clean(&bytes, &Settings::default());
        adds_up(&cleaned, &memory);
    }

    #[test]
    fn no_text_like_json_is_a_surprise(text in r#"[\[\]{}",:\\\n a]{0,60}"#) {
        let (cleaned, memory) = clean(text.as_bytes(), &Settings::default());
        adds_up(&cleaned, &memory);
    }

    #[test]
    fn totals_add_up(rows in prop::collection::vec(row(), 0..60)) {
        let (cleaned, memory) = clean(rows.join("\n").as_bytes(), &Settings::default());
        adds_up(&cleaned, &memory);
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(rows in prop::collection::vec(row(), 0..40)) {
        let (_, once) = clean(rows.join("\n").as_bytes(), &whole());
        let (cleaned, twice) = clean(&once.0[&OutputFile::Train], &whole());
        prop_assert_eq!(&once.0[&OutputFile::Train], &twice.0[&OutputFile::Train]);
        prop_assert_eq!(cleaned.report.rows.read, cleaned.report.rows.kept);
    }

    #[test]
    fn an_array_of_rows_is_cleaned_like_their_lines(rows in prop::collection::vec(row(), 1..40)) {
        // What is not JSON ends an array, not only a line.
        let rows: Vec<String> = rows
            .into_iter()
            .filter(|row| serde_json::from_str::<serde_json::Value>(row).is_ok())
            .collect();
        let (_, lines) = clean(rows.join("\n").as_bytes(), &Settings::default());
        for array in [format!("[{}]", rows.join(",")), format!("{{\"v\": 1,\n\"rows\": [\n{}]}}", rows.join(",\n"))] {
            let (cleaned, elements) = clean(array.as_bytes(), &Settings::default());
            if rows.is_empty() {
                continue;
            }
            for part in [OutputFile::Train, OutputFile::Validation, OutputFile::Eval] {
                prop_assert_eq!(lines.rows(part), elements.rows(part), "{:?}", cleaned.report);
            }
        }
    }

    #[test]
    fn order_is_kept_and_the_first_of_equals_stays(pairs in pairs()) {
        let (_, memory) = clean(lines(&pairs).as_bytes(), &whole());
        let mut expected = Vec::new();
        for pair in pairs {
            if !expected.contains(&pair) {
                expected.push(pair);
            }
        }
        prop_assert_eq!(read(&memory, OutputFile::Train), expected);
    }

    #[test]
    fn no_question_is_on_two_sides(pairs in pairs()) {
        let (_, memory) = clean(lines(&pairs).as_bytes(), &Settings::default());
        let asked = |part| read(&memory, part).into_iter().map(|(question, _)| question);
        let trained: Vec<u8> = asked(OutputFile::Train).collect();
        let validated: Vec<u8> = asked(OutputFile::Validation).collect();
        prop_assert!(!validated.iter().any(|question| trained.contains(question)));
        prop_assert!(!asked(OutputFile::Eval).any(|q| trained.contains(&q) || validated.contains(&q)));
    }

    #[test]
    fn rows_nearly_the_same_are_on_one_side(rows in prop::collection::vec((0..12_usize, 0..60_usize), 40..160)) {
        let settings = Settings {
            scan: [Scan::NearDuplicates].into(),
            ..Settings::default()
        };
        let text = |questions: usize| -> String {
            let row = |(line, (said, changed)): (usize, &(usize, usize))| near(line % questions, line, *said, *changed);
            rows.iter().enumerate().map(row).collect()
        };
        // Of a large dataset, rows that ask the same go together first of all.
        for (questions, hold) in [(rows.len(), 2_000), (rows.len(), u64::MAX), (30, u64::MAX)] {
            let (cleaned, memory, _) = clean_on(text(questions).as_bytes(), &settings, Machine::tiny(2, hold));
            let of_line = |line: u64| {
                let said = format!("in row {line}.");
                OutputFile::ALL.into_iter().find(|part| memory.rows(*part).iter().any(|row| row.contains(&said)))
            };
            let mut near = 0;
            for finding in cleaned.report.findings.iter().filter(|f| f.code == "near_duplicate") {
                let first = finding.message.rsplit(' ').next().unwrap().parse().unwrap();
                prop_assert_eq!(of_line(finding.line), of_line(first), "{}", finding.message);
                near += 1;
            }
            prop_assert!(near > 0);
            adds_up(&cleaned, &memory);
        }
    }

    #[test]
    fn redacting_twice_is_redacting_once(rows in prop::collection::vec(row(), 0..40)) {
        let settings = Settings { scan: every_scan(), ..redacting() };
        let (_, once) = clean(rows.join("\n").as_bytes(), &settings);
        let (cleaned, twice) = clean(&once.0[&OutputFile::Train], &settings);
        prop_assert_eq!(&once.0[&OutputFile::Train], &twice.0[&OutputFile::Train]);
        let found = cleaned.report.codes.into_keys();
        prop_assert_eq!(found.filter(|code| code.starts_with("pii_") || code.starts_with("secret_")).count(), 0);
    }
}

fn every_scan() -> std::collections::BTreeSet<Scan> {
    [
        Scan::Pii,
        Scan::Secrets,
        Scan::Language,
        Scan::NearDuplicates,
    ]
    .into()
}

/// A row that says the same as all of one number, but for a word and its place.
fn near(asked: usize, line: usize, said: usize, changed: usize) -> String {
    let word = |n| {
        if n == changed {
            "changed".to_owned()
        } else {
            format!("word{}", said * 1_000 + n)
        }
    };
    let words: Vec<String> = (0..90).map(word).collect();
    format!(
        "{{\"input\":\"question {asked}?\",\"output\":\"{} in row {}.\"}}\n",
        words.join(" "),
        line + 1
    )
}

#[test]
fn no_text_of_a_row_is_in_the_report() {
    let rows = [
        r#"{"input":"SECRET","output":"SECRET"}"#,
        r#"{"input":"SECRET {{SECRET}} <human>","output":"SECRET <YOUR_SECRET> one two"}"#,
        r#"{"input":"SECRET {{SECRET}} <human>","output":"SECRET, but not the same"}"#,
        r#"{"input":["SECRET"],"output":"SECRET"}"#,
        r#"{"id":"SECRET"}"#,
        r#"{"messages":[{"role":"SECRET","content":"SECRET"}]}"#,
        r#"{"conversations":[{"from":"function_call","value":"SECRET"}]}"#,
        r#"{"contents":[{"role":"user","parts":[{"text":7,"x":"SECRET"}]}]}"#,
        r#"{"input":"SECRET \ud83d","output":"SECRET"}"#,
        r#"{"input":"SECRET"#,
        r#""SECRET""#,
        r#"{"input":"SECRET \u001b","output":"As an AI language model, SECRET cafÃ© and the"}"#,
        r#"{"input":"a {SECRET_name}","output":"SECRET ``` SECRET"}"#,
        r#"{"input":"mail SECRET@SECRET.io","output":"or call (415) 555-2671, or 4111 1111 1111 1111"}"#,
        r#"{"input":"AKIAA1B2C3D4E5F6G7H8","output":"the SECRET is -----BEGIN PRIVATE KEY-----SECRET"}"#,
    ];
    let looped = format!(
        r#"{{"input":"b","output":"{}"}}"#,
        "SECRET loop ".repeat(20)
    );
    let text = rows.join("\n") + "\n" + &looped;
    let scanning = Settings {
        scan: every_scan(),
        ..Settings::default()
    };
    for settings in [Settings::default(), scanning, redacting()] {
        let (cleaned, _) = clean(text.as_bytes(), &settings);
        let report = serde_json::to_string(&cleaned.report).unwrap() + &render(&cleaned.report);
        for said in ["SECRET", "555", "1111", "A1B2"] {
            assert!(!report.contains(said), "{report}");
        }
    }
}

/// Numbers of questions and of their answers, with repeats and contradictions.
fn pairs() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0..40_u8, 0..3_u8), 0..120)
}

fn lines(pairs: &[(u8, u8)]) -> String {
    let line = |(question, answer): &(u8, u8)| {
        format!("{{\"input\":\"Question {question}\",\"output\":\"It is answer {answer}\"}}\n")
    };
    pairs.iter().map(line).collect()
}

fn read(memory: &Memory, part: OutputFile) -> Vec<(u8, u8)> {
    let number = |row: &str, before: &str| {
        let after = row.split(before).nth(1).unwrap();
        after.split('"').next().unwrap().parse().unwrap()
    };
    let rows = memory.rows(part).into_iter();
    rows.map(|row| (number(row, "Question "), number(row, "answer ")))
        .collect()
}

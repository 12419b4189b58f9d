//! What the columns of a row mean, by any spelling of their names: one table for all formats.
//!
//! A spelling counts without its case, spaces, hyphens and underscores: `System Prompt`,
//! `system-prompt` and `systemPrompt` are one name. The formats know only the first name of each
//! line of the table.

use std::borrow::Cow;

use crate::{
    json::{Object, Value},
    keys::Keys,
};

/// Longest name that can be known, in bytes.
const NAME_MAX: usize = 32;

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A question, an answer, or a conversation: a format reads it.
    Content,
    /// Text or choices that belong to the question.
    Background,
    /// Pictures, sound or other files.
    Files,
    /// What the row says of itself: a verdict, a weight, a split.
    Directive,
    /// Something else that changes what a row teaches, and which is not read.
    Unread,
}

/// A column that carries meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownColumn {
    /// Our name for it.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) meaning: Meaning,
}

macro_rules! columns {
    ($($meaning:ident $name:literal: $($spelling:literal)|+;)*) => {
        /// The column with this name, without case, spaces, hyphens and underscores.
        fn of_squashed(name: &str) -> Option<KnownColumn> {
            match name {
                $($($spelling)|+ => Some(KnownColumn { name: $name, meaning: Meaning::$meaning }),)*
                _ => None,
            }
        }
    };
}

columns! {
    Content "input": "input" | "inputs" | "userinput" | "inputtext";
    Content "output": "output" | "outputs" | "target" | "targets" | "outputtext" | "expectedoutput" | "targettext";
    Content "prompt": "prompt" | "userprompt" | "usermessage";
    Content "completion": "completion";
    Content "question": "question" | "query" | "userquery" | "userquestion";
    Content "answer": "answer";
    Content "response": "response" | "responses" | "assistantresponse" | "modelresponse" | "botresponse";
    Content "instruction": "instruction" | "instructions";
    Content "text": "text";
    Content "label": "label";
    Content "category": "category";
    Content "label_text": "labeltext" | "labelname";
    Content "messages": "messages" | "chatmessages" | "dialogue" | "dialog" | "chat";
    Content "conversations": "conversations" | "conversation";
    Content "contents": "contents";
    Content "system": "system" | "preamble" | "systemprompt" | "systemmessage" | "systeminstruction" | "sysprompt" | "developerprompt" | "developermessage";
    Content "tools": "tools" | "availabletools" | "tooldefinitions" | "functiondeclarations";
    Content "functions": "functions";
    Content "toolConfig": "toolconfig";
    Content "generationConfig": "generationconfig";
    Content "history": "history" | "chathistory" | "conversationhistory" | "previousturns";
    Content "chosen": "chosen";
    Content "rejected": "rejected";
    Content "accepted": "accepted";
    Background "context": "context" | "retrievedcontexts" | "evidence" | "contexts" | "passage" | "passages" | "documents" | "docs" | "retrieveddocuments" | "retrievedcontext" | "searchresults" | "knowledge" | "background";
    Background "choices": "choices" | "options" | "answerchoices" | "answeroptions" | "possibleanswers";
    Files "images": "images" | "image" | "imageurl" | "imageurls" | "imagepath" | "imagepaths" | "imagefile" | "imagefiles" | "img" | "picture" | "pictures" | "photo" | "photos";
    Files "videos": "videos" | "video" | "videourl" | "videourls" | "videopath";
    Files "audios": "audios" | "audio" | "audiourl" | "audiopath" | "audiofile";
    Files "attachments": "attachments" | "attachment" | "files" | "fileuri" | "fileuris";
    Directive "verdict": "verdict" | "isvalid" | "correct" | "userfeedback" | "humanfeedback" | "ktotag" | "feedback" | "thumbs" | "thumb" | "thumbsup" | "iscorrect" | "isgood" | "ischosen" | "desirable" | "isdesirable" | "approved" | "isapproved";
    Directive "thumbs_down": "thumbsdown" | "toxic" | "istoxic" | "harmful" | "isharmful" | "unsafe" | "isunsafe" | "isbad" | "iswrong" | "undesirable" | "flagged";
    Directive "score": "score" | "overallscore" | "ratings" | "grade" | "rating" | "stars" | "quality" | "qualityscore" | "reward" | "rewardscore";
    Directive "weight": "weight" | "weights" | "sampleweight" | "exampleweight" | "lossweight" | "trainingweight";
    Directive "train": "train" | "include" | "keep" | "loss" | "lossmask" | "learn" | "trainable" | "trainonthis" | "usefortraining" | "includeintraining";
    Directive "exclude": "exclude" | "ignore" | "deleted" | "drop" | "excluded" | "skip" | "donottrain" | "excludefromtraining";
    Directive "split": "split" | "datasetsplit" | "partition" | "set" | "subset" | "fold" | "mluse" | "splitname";
    Directive "is_test": "istest" | "isheldout" | "holdout";
    Directive "is_validation": "isvalidation" | "isdev";
    Directive "is_train": "istrain" | "istraining";
    Unread "reasoning": "reasoning" | "reasoningcontent" | "thinking" | "thought" | "thoughts" | "chainofthought" | "cot" | "rationale";
    Unread "incorrect_answers": "incorrectanswers" | "wronganswers" | "distractors";
    Unread "hint": "hint" | "hints";
    Unread "options": "optiona" | "optionb" | "optionc" | "optiond" | "optione";
    Unread "supporting_facts": "supportingfacts";
    Unread "target_language": "targetlanguage" | "targetlang" | "tgtlang";
    Unread "persona": "persona" | "tone";
    Unread "response_format": "responseformat" | "toolchoice" | "suffix";
}

/// The column that is called `key`, in any spelling.
pub(crate) fn column(key: &str) -> Option<KnownColumn> {
    let mut squashed = [0; NAME_MAX];
    let mut length = 0;
    for byte in key.bytes() {
        if matches!(byte, b' ' | b'-' | b'_') {
            continue;
        }
        *squashed.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    of_squashed(std::str::from_utf8(squashed.get(..length)?).ok()?)
}

/// Gives the columns of `row` our names, where no other column has that name already.
pub(crate) fn rename(row: &mut Object<'_>) {
    let renamed = |(key, node): &(Cow<'_, str>, crate::json::Node<'_>)| {
        if Keys::named(key) != Keys::NONE || node.value == Value::Null {
            return None;
        }
        let column = column(key)?;
        (column.name != key.as_ref() && fits(column, &node.value)).then_some(column.name)
    };
    for index in 0..row.members.len() {
        let Some(name) = row.members.get(index).and_then(renamed) else {
            continue;
        };
        // A column that has the name with a value is not replaced.
        let taken = row.members.iter().position(|(key, _)| key == name);
        match taken.and_then(|at| row.members.get_mut(at)) {
            Some((_, node)) if node.value != Value::Null => continue,
            Some((key, _)) => *key = Cow::Borrowed(""),
            None => {}
        }
        if let Some((key, _)) = row.members.get_mut(index) {
            *key = Cow::Borrowed(name);
        }
    }
}

/// Whether `value` can be what `column` means: a `chat` that is a text is something else.
fn fits(column: KnownColumn, value: &Value<'_>) -> bool {
    let is_conversation = matches!(column.name, "messages" | "conversations" | "contents");
    let is_text = matches!(value, Value::Text(text) if !text.escaped().starts_with('['));
    !is_conversation || !(is_text || matches!(value, Value::Number(_) | Value::Bool(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_name_is_known_in_any_spelling() {
        for key in [
            "system_prompt",
            "System Prompt",
            "SYSTEM-PROMPT",
            "systemPrompt",
            "systemInstruction",
            "system",
        ] {
            assert_eq!(column(key).unwrap().name, "system", "{key}");
        }
        for key in ["id", "", "systems", "source", &"k".repeat(40)] {
            assert_eq!(column(key), None, "{key}");
        }
    }

    #[track_caller]
    fn check(row: &str, keys: &[&str]) {
        let Value::Object(mut object) = parse(row).unwrap().node.value else {
            unreachable!();
        };
        rename(&mut object);
        assert_eq!(object.keys().collect::<Vec<_>>(), keys, "{row}");
    }

    #[test]
    fn columns_get_our_names_once() {
        check(
            r#"{"Question":"a","Answer":"b","id":7}"#,
            &["question", "answer", "id"],
        );
        check(
            r#"{"System-Prompt":"a","system":"b"}"#,
            &["System-Prompt", "system"],
        );
        check(r#"{"system":null,"System-Prompt":"a"}"#, &["", "system"]);
        check(r#"{"chat":"a chat","Dialogue":[]}"#, &["chat", "messages"]);
        check(r#"{"query":"a","question":"b"}"#, &["query", "question"]);
    }
}

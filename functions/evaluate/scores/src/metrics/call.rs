//! `call`, `call_name`, `call_arguments`: whether an answer calls the functions of the reference, and with
//! which arguments.
//!
//! A call is an object with a name and arguments, or an array of such: `{"name": …, "args": {…}}`, as
//! `evaluate` writes the function calls of Gemini; `arguments` or `parameters` instead of `args`, also as
//! a string of JSON; or wrapped in `functionCall` or `function`, as Google and others write them. Several
//! calls are compared in order. Source: Patil et al., "The Berkeley function calling leaderboard", 2025,
//! whose check of the parsed call this follows, without its lists of possible values.

use serde_json::{Map, Value};

use super::json::{document, same};
use crate::metric::{Metric, ScoreScale, TextPair, count, right};

/// See the module.
#[derive(Debug)]
pub struct Call {
    name: &'static str,
    doc: &'static str,
    part: CallPart,
}

#[derive(Debug, Clone, Copy)]
enum CallPart {
    Whole,
    Name,
    Arguments,
}

/// Whether all calls are right.
pub const CALL: Call = Call {
    name: "call",
    doc: "1 if the answer calls the same functions with the same arguments, else 0.",
    part: CallPart::Whole,
};
/// Whether the functions are right.
pub const CALL_NAME: Call = Call {
    name: "call_name",
    doc: "1 if the answer calls the same functions, whatever the arguments, else 0.",
    part: CallPart::Name,
};
/// How many arguments are right.
pub const CALL_ARGUMENTS: Call = Call {
    name: "call_arguments",
    doc: "F1 over the arguments of calls of the same functions.",
    part: CallPart::Arguments,
};

/// A call of one function.
#[derive(Debug, PartialEq)]
struct FunctionCall {
    name: String,
    arguments: Map<String, Value>,
}

impl Metric for Call {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn scale(&self) -> ScoreScale {
        match self.part {
            CallPart::Whole | CallPart::Name => ScoreScale::Binary,
            CallPart::Arguments => ScoreScale::Graded,
        }
    }

    fn applies(&self, reference: &str) -> bool {
        calls(reference).is_some()
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let calls = (calls(pair.prediction), calls(pair.reference));
        let (Some(ours), Some(theirs)) = calls else {
            return 0.0;
        };
        let pairs = || ours.iter().zip(&theirs);
        let is_same_number = ours.len() == theirs.len();
        match self.part {
            CallPart::Whole => right(is_same_number && pairs().all(|(a, b)| a.equals(b))),
            CallPart::Name => right(is_same_number && pairs().all(|(a, b)| a.name == b.name)),
            CallPart::Arguments => {
                let shared = pairs().map(|(a, b)| a.shared_arguments(b)).sum::<usize>();
                let both = ours.iter().chain(&theirs);
                // A call counts as one more argument, so that one without any counts.
                let total = both.map(|call| call.arguments.len() + 1).sum::<usize>();
                2.0 * count(shared) / count(total)
            }
        }
    }
}

impl FunctionCall {
    fn equals(&self, other: &Self) -> bool {
        let arguments = self.arguments.len().max(other.arguments.len()) + 1;
        self.shared_arguments(other) == arguments
    }

    /// Arguments with the same name and value, and one for the function; none for another function.
    fn shared_arguments(&self, other: &Self) -> usize {
        if self.name != other.name {
            return 0;
        }
        let same = self.arguments.iter().filter(|(name, value)| {
            let theirs = other.arguments.get(*name);
            theirs.is_some_and(|theirs| same(value, theirs))
        });
        same.count() + 1
    }
}

/// The calls that a text is; `None` if it is anything else.
fn calls(text: &str) -> Option<Vec<FunctionCall>> {
    match document(text)? {
        Value::Array(calls) if !calls.is_empty() => calls.into_iter().map(call).collect(),
        call_object @ Value::Object(_) => Some(vec![call(call_object)?]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

fn call(value: Value) -> Option<FunctionCall> {
    let Value::Object(mut fields) = value else {
        return None;
    };
    for wrapper in ["functionCall", "function_call", "function"] {
        if let Some(Value::Object(inner)) = fields.get_mut(wrapper) {
            return call(Value::Object(std::mem::take(inner)));
        }
    }
    let Some(Value::String(name)) = fields.remove("name") else {
        return None;
    };
    let names = ["args", "arguments", "parameters"];
    let arguments = names.iter().find_map(|name| fields.remove(*name))?;
    let arguments = match arguments {
        Value::Object(arguments) => arguments,
        Value::String(text) => serde_json::from_str(&text).ok()?,
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(FunctionCall { name, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::check_one;

    const BUY: &str = r#"{"args":{"n":2,"what":"tea"},"name":"buy"}"#;

    #[track_caller]
    fn check(prediction: &str, reference: &str, [whole, name, arguments]: [f64; 3]) {
        check_one(&CALL, prediction, reference, whole);
        check_one(&CALL_NAME, prediction, reference, name);
        check_one(&CALL_ARGUMENTS, prediction, reference, arguments);
    }

    #[test]
    fn calls_are_compared_by_name_and_arguments() {
        check(BUY, BUY, [1.0; 3]);
        check(
            r#"{"name":"buy","arguments":"{\"what\":\"tea\",\"n\":2.0}"}"#,
            BUY,
            [1.0; 3],
        );
        check(
            r#"[{"functionCall":{"name":"buy","args":{"what":"tea","n":2}}}]"#,
            BUY,
            [1.0; 3],
        );
        check(
            r#"{"type":"function","function":{"name":"buy","arguments":{"n":2,"what":"tea"}}}"#,
            BUY,
            [1.0; 3],
        );
        check(
            r#"{"args":{"n":3,"what":"tea"},"name":"buy"}"#,
            BUY,
            [0.0, 1.0, 4.0 / 6.0],
        );
        check(r#"{"args":{"n":2},"name":"buy"}"#, BUY, [0.0, 1.0, 0.8]);
        check(
            r#"{"args":{"n":2,"what":"tea"},"name":"sell"}"#,
            BUY,
            [0.0; 3],
        );
        check("I buy tea", BUY, [0.0; 3]);
        let two = format!("[{BUY},{{\"args\":{{}},\"name\":\"pay\"}}]");
        check(&two, &two, [1.0; 3]);
        check(BUY, &two, [0.0, 0.0, 6.0 / 7.0]);
    }

    #[test]
    fn only_calls_apply() {
        assert!(CALL.applies(BUY));
        for text in ["[]", "{}", r#"{"name":"Ada"}"#, r#"[{"a":1}]"#, "buy()"] {
            assert!(!CALL.applies(text), "{text}");
        }
    }
}

//! What an answer says of itself: which model gave it, and why.

use actix_web::web::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::confidence::Confidence;

/// The note in every answer: the field `lapidary` in Vertex AI's shape, headers in every shape. Google's own fields are
/// unchanged, `modelVersion` among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Which model gave this answer.
    pub served_by: ServedBy,
    /// Version of the route; absent while the route is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u64>,
    /// The run whose model the route leads to; absent where it leads to the base model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why the base model answers in place of the tuned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_reason: Option<FallbackReason>,
    /// Why the tuned model's answer is served although it is doubted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_not_served: Option<BaseNotServed>,
    /// Whether the answer comes from the cache.
    pub cached: bool,
    /// The confidence in the tuned model's reply, or in the base model's where the tuned one gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// Which model gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedBy {
    /// The routed model.
    Tuned,
    /// The base model, routed or in its place.
    Base,
}

/// Why the base model answers in place of the tuned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// The tuned model replied, below the threshold.
    LowConfidence,
    /// The tuned model did not reply.
    TunedFailed,
    /// The tuned model had not replied when the base model had.
    TunedSlow,
    /// The route is unknown, so the tuned model is too.
    NoRoute,
}

/// Why the base model is not served although the tuned model's reply is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseNotServed {
    /// It did not reply.
    Failed,
    /// Its reply was no better.
    NoBetter,
    /// It was not asked: the budget of fallbacks is spent.
    OverBudget,
}

impl ServedBy {
    fn word(self) -> &'static str {
        match self {
            Self::Tuned => "tuned",
            Self::Base => "base",
        }
    }
}

impl FallbackReason {
    fn word(self) -> &'static str {
        match self {
            Self::LowConfidence => "low_confidence",
            Self::TunedFailed => "tuned_failed",
            Self::TunedSlow => "tuned_slow",
            Self::NoRoute => "no_route",
        }
    }
}

impl Note {
    /// The note as headers.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("x-lapidary-served-by", self.served_by.word().to_owned()),
            (
                "x-lapidary-cache",
                if self.cached { "hit" } else { "miss" }.to_owned(),
            ),
        ];
        headers.extend(
            self.route
                .map(|route| ("x-lapidary-route", route.to_string())),
        );
        headers.extend(self.run.clone().map(|run| ("x-lapidary-run", run)));
        let reason = self.fallback_reason.map(FallbackReason::word);
        headers.extend(reason.map(|reason| ("x-lapidary-fallback", reason.to_owned())));
        headers
    }

    /// The answer's bytes with the note as the last field of the object; unchanged if they are no JSON object.
    ///
    /// The note is put between the bytes, since an answer that is written anew is another one.
    pub fn append_to(&self, answer: &Bytes) -> Bytes {
        let end = answer.iter().rposition(|byte| !byte.is_ascii_whitespace());
        let Some((end, head)) = end.and_then(|end| Some((end, answer.get(..end)?))) else {
            return answer.clone();
        };
        let (true, Ok(note)) = (answer.get(end) == Some(&b'}'), serde_json::to_vec(self)) else {
            return answer.clone();
        };
        let last = head.iter().rfind(|byte| !byte.is_ascii_whitespace());
        let separator: &[u8] = if last == Some(&b'{') { b"" } else { b"," };
        let mut whole = BytesMut::with_capacity(answer.len() + note.len() + 16);
        for part in [head, separator, b"\"lapidary\":", &note, b"}"] {
            whole.extend_from_slice(part);
        }
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::confidence::Reason;

    fn note() -> Note {
        Note {
            served_by: ServedBy::Base,
            route: Some(3),
            run: None,
            fallback_reason: Some(FallbackReason::LowConfidence),
            base_not_served: None,
            cached: false,
            confidence: Some(Confidence {
                score: 0.25,
                reasons: vec![Reason::Cut],
            }),
        }
    }

    #[test]
    fn the_note_is_put_behind_the_bytes_of_the_answer() {
        let answer = Bytes::from_static(b"{ \"z\": 1.50, \"a\": 12345678901234567890123 }\n");
        let whole = note().append_to(&answer);
        let text = std::str::from_utf8(&whole).unwrap();
        assert!(
            text.starts_with("{ \"z\": 1.50, \"a\": 12345678901234567890123 "),
            "{text}"
        );
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            value["lapidary"],
            json!({
                "servedBy": "base",
                "route": 3,
                "fallbackReason": "low_confidence",
                "cached": false,
                "confidence": { "score": 0.25, "reasons": ["cut"] },
            })
        );
        let empty = note().append_to(&Bytes::from_static(b"{ }"));
        assert!(serde_json::from_slice::<Value>(&empty).unwrap()["lapidary"].is_object());
        for other in ["", " ", "[1]", "oops"] {
            assert_eq!(note().append_to(&Bytes::from(other)), other);
        }
    }

    #[test]
    fn the_note_is_in_the_headers() {
        let headers = note().headers();
        assert!(headers.contains(&("x-lapidary-served-by", "base".to_owned())));
        assert!(headers.contains(&("x-lapidary-route", "3".to_owned())));
        assert!(headers.contains(&("x-lapidary-fallback", "low_confidence".to_owned())));
        assert!(headers.contains(&("x-lapidary-cache", "miss".to_owned())));
    }

    #[test]
    fn a_word_is_the_same_in_headers_and_fields() {
        for reason in [
            FallbackReason::LowConfidence,
            FallbackReason::TunedFailed,
            FallbackReason::TunedSlow,
            FallbackReason::NoRoute,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
        }
        for served_by in [ServedBy::Tuned, ServedBy::Base] {
            assert_eq!(serde_json::to_value(served_by).unwrap(), served_by.word());
        }
    }
}

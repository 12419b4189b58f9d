//! `json`, `json_valid`, `json_bare`, `json_keys`, `json_unordered`: how near a JSON document is to its
//! reference, and in which way it differs.
//!
//! A document is split into leaves, each a path with a scalar (`items[0].price = 12.5`); an empty object
//! or array is a leaf too. `json` is F1 over the leaves: `2 · shared / (leaves of one + leaves of the
//! other)`. The order of keys does not matter; that of the elements of an array does, except in
//! `json_unordered`, where a path does not name the position. `json_keys` compares the paths alone.
//! Numbers are compared by value (`1` equals `1.0`), strings exactly.
//!
//! A document in a Markdown fence is read; `json_bare` says whether the program that reads the answer
//! could do without. An answer that does not parse scores 0.

mod leaves;

pub(super) use self::leaves::same;
use self::leaves::{Leaves, PathKind};
use crate::{
    metric::{Metric, ScoreScale, TextPair, right},
    text::fence::unfenced,
};
use serde_json::Value;

/// See the module.
#[derive(Debug)]
pub struct Json {
    name: &'static str,
    doc: &'static str,
    aspect: Aspect,
}

#[derive(Debug, Clone, Copy)]
enum Aspect {
    /// F1 over leaves.
    Leaves(PathKind),
    /// F1 over paths.
    Keys,
    /// Whether the answer parses.
    Valid,
    /// Whether it parses as it is, without reading a fence.
    Bare,
}

/// F1 over the fields.
pub const JSON: Json = Json {
    name: "json",
    doc: "F1 over the fields, where the reference is a JSON object or array.",
    aspect: Aspect::Leaves(PathKind::Ordered),
};
/// F1 over the fields, whatever the order of elements.
pub const JSON_UNORDERED: Json = Json {
    name: "json_unordered",
    doc: "F1 over the fields of JSON, whatever the order of the elements of arrays.",
    aspect: Aspect::Leaves(PathKind::Unordered),
};
/// F1 over the keys.
pub const JSON_KEYS: Json = Json {
    name: "json_keys",
    doc: "F1 over the paths of JSON, whatever their values.",
    aspect: Aspect::Keys,
};
/// Whether it parses.
pub const JSON_VALID: Json = Json {
    name: "json_valid",
    doc: "1 if the answer is a JSON object or array, in a Markdown fence or not, else 0.",
    aspect: Aspect::Valid,
};
/// Whether it parses without a fence removed.
pub const JSON_BARE: Json = Json {
    name: "json_bare",
    doc: "1 if the answer is a JSON object or array and nothing else, else 0.",
    aspect: Aspect::Bare,
};

impl Metric for Json {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn scale(&self) -> ScoreScale {
        match self.aspect {
            Aspect::Leaves(_) | Aspect::Keys => ScoreScale::Graded,
            Aspect::Valid | Aspect::Bare => ScoreScale::Binary,
        }
    }

    /// Only objects and arrays: a bare `42` or `"yes"` is JSON too, but is better compared as text.
    fn applies(&self, reference: &str) -> bool {
        document(reference).is_some()
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        if matches!(self.aspect, Aspect::Bare) {
            return right(parse(pair.prediction).is_some());
        }
        let Some(prediction) = document(pair.prediction) else {
            return 0.0;
        };
        let kind = match self.aspect {
            Aspect::Valid | Aspect::Bare => return 1.0,
            Aspect::Leaves(kind) => kind,
            Aspect::Keys => PathKind::Ordered,
        };
        let Some(reference) = document(pair.reference) else {
            return 0.0;
        };
        let one = Leaves::of(&prediction, kind);
        let other = Leaves::of(&reference, kind);
        match self.aspect {
            Aspect::Keys => one.f1_of_paths(&other),
            Aspect::Leaves(_) | Aspect::Valid | Aspect::Bare => one.f1(&other),
        }
    }
}

/// The object or array that the text is, in a fence or not.
pub(crate) fn document(text: &str) -> Option<Value> {
    parse(text).or_else(|| parse(unfenced(text)))
}

fn parse(text: &str) -> Option<Value> {
    let value = serde_json::from_str::<Value>(text).ok();
    value.filter(|value| value.is_object() || value.is_array())
}

#[cfg(test)]
mod tests;

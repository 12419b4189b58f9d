//! The external effects of functions, read from the journal of a run.
//!
//! An effect is a call that changes something: made by a function, on a kind of resource, at a
//! position in the order of that function's calls. The list is derived, so that none is forgotten.

use std::fmt;

use serde_json::{Value, json};

/// What distinguishes a call from the other calls of its function, so that a fault can be armed for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKind {
    /// A method of gRPC, or of HTTP.
    verb: String,
    /// What the call is on: a collection, a topic, an object's file name, or the end of an HTTP path.
    on: String,
}

/// A call to crash at: the first of its kind, or the first after a call of another kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// Which function makes it.
    pub caller: String,
    /// The call.
    pub kind: CallKind,
    /// The call before it, if it is not the first of its kind.
    pub after: Option<CallKind>,
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.on)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.caller, self.kind)?;
        match &self.after {
            Some(after) => write!(f, " (the one after {after})"),
            None => Ok(()),
        }
    }
}

/// Every effect in `journal` of the functions named in `callers`, in order.
///
/// A kind that a function repeats counts again after each other kind: the commit that follows a
/// publish is not the commit that precedes it.
///
/// # Panics
///
/// If the kind of a call is unknown here: a new effect needs a new kind.
pub fn effects(journal: &[Value], callers: &[&str]) -> Vec<Effect> {
    let mut found: Vec<Effect> = Vec::new();
    for &caller in callers {
        let kinds: Vec<CallKind> = journal
            .iter()
            .filter(|entry| entry["caller"] == caller)
            .map(CallKind::of)
            .collect();
        let mut before: Option<&CallKind> = None;
        for kind in &kinds {
            let is_new = !found
                .iter()
                .any(|known| known.caller == caller && known.kind == *kind);
            let effect = Effect {
                caller: caller.to_owned(),
                kind: kind.clone(),
                after: before.filter(|before| !is_new && *before != kind).cloned(),
            };
            if !found.contains(&effect) {
                found.push(effect);
            }
            before = Some(kind);
        }
    }
    found
}

impl CallKind {
    fn of(entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let (method, path) = (text("method"), text("path"));
        let last = path.rsplit('/').next().unwrap_or_default();
        let kind = |verb: &str, on: &str| Self {
            verb: verb.to_owned(),
            on: on.to_owned(),
        };
        if path.contains("google.firestore") {
            return kind(
                last,
                collection(text("resource")).unwrap_or_else(|| unknown(entry)),
            );
        }
        if path.ends_with("Publisher/Publish") {
            let topic = text("resource").split("/topics/").nth(1);
            let topic = topic.and_then(|rest| rest.split(' ').next());
            return kind(last, topic.unwrap_or_else(|| unknown(entry)));
        }
        if path.starts_with("/upload/storage/") {
            let name = text("query")
                .split('&')
                .find_map(|pair| pair.strip_prefix("name="));
            let file = name.and_then(|name| name.rsplit('/').next());
            return kind(method, file.unwrap_or_else(|| unknown(entry)));
        }
        if let Some((_, verb)) = last.split_once(':') {
            return kind(method, &format!(":{verb}"));
        }
        if path.ends_with("/tuningJobs") {
            return kind(method, "/tuningJobs");
        }
        if path.contains("/models/") {
            return kind(method, "/models/");
        }
        unknown(entry)
    }

    /// The fault that holds the next call of this kind by `caller`.
    pub fn fault(&self, caller: &str, hold: &str) -> Value {
        let mut fault = json!({ "caller": caller, "action": { "hold": hold } });
        match self.verb.as_str() {
            "CreateDocument" => {
                fault["path"] = "/CreateDocument$".into();
                // Field 2 of the request in the wire format, between its tag and that of field 3: no
                // text in a document can contain these bytes.
                let length = char::from(u8::try_from(self.on.len()).unwrap_or_default());
                fault["body"] = format!("\u{12}{length}{}\u{1a}", self.on).into();
            }
            "Publish" => {
                fault["path"] = "Publisher/Publish$".into();
                fault["body"] = format!("/topics/{}", self.on).into();
            }
            verb if verb.chars().all(char::is_uppercase) => {
                fault["method"] = verb.into();
                if self.on.ends_with('/') {
                    fault["path"] = self.on.clone().into();
                } else if self.on.starts_with([':', '/']) {
                    fault["path"] = format!("{}$", self.on).into();
                } else {
                    fault["path"] = "/upload/storage/".into();
                    fault["query"] = format!("/{}", self.on).into();
                }
            }
            verb => {
                fault["path"] = format!("/{verb}$").into();
                fault["body"] = format!("/documents/{}/", self.on).into();
            }
        }
        fault
    }
}

/// The collection in `projects/P/databases/D/documents/COLLECTION/ID`, or in the parent followed by
/// the collection and the id.
fn collection(resource: &str) -> Option<&str> {
    let after = resource.split("/documents").nth(1)?;
    let mut names = after.split(['/', ' ']).filter(|name| !name.is_empty());
    names.next()
}

fn unknown<T>(entry: &Value) -> T {
    panic!("a call of an unknown kind: {entry}")
}

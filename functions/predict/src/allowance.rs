//! What a request may bring in besides its own words.
//!
//! The model acts with this service's account: a file, a cached context or a tool in a request reads what
//! that account may read, not what the caller may.

use serde_json::{Map, Value};

use crate::question::{
    field,
    sources::{named_files, tools},
};

/// The tools and addresses that requests may use: `PREDICT_ALLOW`, separated by commas.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowance {
    /// Names of tools, and `cachedContent`.
    names: Vec<String>,
    /// What the address of a file must begin with.
    prefixes: Vec<String>,
}

impl Allowance {
    /// Reads the setting: `googleSearch,gs://bucket/folder/`.
    pub(crate) fn read(text: &str) -> Self {
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let (prefixes, names) = entries
            .map(str::to_owned)
            .partition(|entry| entry.contains("://"));
        Self { names, prefixes }
    }

    /// Whether everything that the request brings in is allowed.
    ///
    /// # Errors
    ///
    /// In plain words for the caller: the first thing that is not.
    pub(crate) fn check(&self, request: &Map<String, Value>) -> Result<(), String> {
        let is_allowed = |name: &str| self.names.iter().any(|allowed| allowed == name);
        if field(request, "cachedContent").is_some() && !is_allowed("cachedContent") {
            return Err(refusal("`cachedContent`"));
        }
        for tool in tools(request) {
            if tool != "functionDeclarations" && !is_allowed(&tool) {
                return Err(refusal(&format!("the tool `{tool}`")));
            }
        }
        for address in named_files(request) {
            let mut prefixes = self.prefixes.iter();
            if !prefixes.any(|prefix| is_within(address, prefix)) {
                return Err(refusal("a file at that address"));
            }
        }
        Ok(())
    }
}

/// Whether `address` lies under `prefix`: `gs://a` covers `gs://a/x`, and not `gs://ab/x`.
fn is_within(address: &str, prefix: &str) -> bool {
    let rest = address.strip_prefix(prefix);
    rest.is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        && !address.split('/').any(|part| part == "..")
}

fn refusal(what: &str) -> String {
    format!("{what} is not allowed here; the operator of this service can allow it (PREDICT_ALLOW)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(allowed: &str, request: &Value, expected: Result<(), &str>) {
        let found = Allowance::read(allowed).check(request.as_object().unwrap());
        match (found, expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(words)) => assert!(found.contains(words), "{found}"),
            (found, _) => panic!("{allowed}, {request}: {found:?}"),
        }
    }

    #[test]
    fn nothing_from_outside_is_allowed_by_default() {
        let file =
            |uri: &str| json!({ "contents": [{ "parts": [{ "fileData": { "fileUri": uri } }] }] });
        let tool = |name: &str| json!({ "contents": [], "tools": [{ name: {} }] });
        check("", &tool("functionDeclarations"), Ok(()));
        check("", &tool("googleSearch"), Err("`googleSearch`"));
        check("", &tool("google_search"), Err("`googleSearch`"));
        check("googleSearch", &tool("google_search"), Ok(()));
        check(
            "googleSearch",
            &tool("codeExecution"),
            Err("`codeExecution`"),
        );
        check("", &json!({ "cachedContent": "x" }), Err("`cachedContent`"));
        check("cachedContent", &json!({ "cached_content": "x" }), Ok(()));
        check("", &file("gs://secret/x"), Err("a file"));
        check("gs://open/", &file("gs://secret/x"), Err("a file"));
        check("gs://open", &file("gs://open/x"), Ok(()));
        check("gs://open", &file("gs://opened/x"), Err("a file"));
        check("gs://open/a", &file("gs://open/a/../b"), Err("a file"));
        check(" gs://a/ , https://b/ ", &file("https://b/x"), Ok(()));
        let none = json!({ "contents": [{ "parts": [{ "fileData": {} }] }] });
        check("gs://open", &none, Err("a file"));
    }
}

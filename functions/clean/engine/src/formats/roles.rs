//! The roles of a conversation, by the names that different vendors give them.

use rapidfuzz::distance::osa;

use crate::{json::Text, location::Location, rule::Fault, rules};

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The one who sets up the conversation.
    System,
    /// The one who asks.
    User,
    /// The one who is trained.
    Model,
    /// The one who is trained, calling functions.
    Call,
    /// A function that was called.
    Function,
}

use Speaker::{Call, Function, Model, System, User};

/// Every role that is known.
const ROLES: &[(&str, Speaker)] = &[
    ("system", System),
    ("developer", System),
    ("user", User),
    ("human", User),
    ("prompter", User),
    ("assistant", Model),
    ("gpt", Model),
    ("model", Model),
    ("chatgpt", Model),
    ("bot", Model),
    ("ai", Model),
    ("chatbot", Model),
    ("function_call", Call),
    ("tool_call", Call),
    ("tool", Function),
    ("function", Function),
    ("observation", Function),
    ("ipython", Function),
    ("tool_response", Function),
    ("tool_result", Function),
    ("function_response", Function),
];

/// The roles that messages name as examples.
const NAMED: &[&str] = &[
    "system",
    "developer",
    "user",
    "human",
    "assistant",
    "gpt",
    "model",
    "function_call",
    "tool",
    "function",
    "observation",
];

/// Most letters that may be changed, missing or swapped in a misspelt role.
const EDITS_MAX: usize = 2;

/// Longest role of which only one letter may differ.
const SHORT_BYTES: usize = 4;

/// The speaker that `role` names, in any case.
///
/// # Errors
/// `unknown_role`, with the nearest known one: a role that is not near any could be text of the
/// row, and is not shown.
pub(super) fn speaker(role: &Text<'_>, location: Location) -> Result<Speaker, Fault> {
    let exact = |word: &str| ROLES.iter().find(|(name, _)| *name == word);
    if let Some((_, speaker)) = exact(role.escaped()) {
        return Ok(*speaker);
    }
    let word = role
        .plain()
        .trim()
        .to_ascii_lowercase()
        .replace(['-', ' '], "_");
    if let Some((_, speaker)) = exact(&word) {
        return Ok(*speaker);
    }
    Err(unknown(&word, NAMED, location))
}

/// `unknown_role`: `word` is not one of the `known` roles.
pub(super) fn unknown(word: &str, known: &[&str], location: Location) -> Fault {
    let distance = |name: &str| osa::distance(word.chars(), name.chars());
    let nearest = known.iter().min_by_key(|name| distance(name));
    let edits = |name: &str| {
        if name.len() <= SHORT_BYTES {
            1
        } else {
            EDITS_MAX
        }
    };
    let near = nearest.filter(|name| distance(name) <= edits(name));
    let mut message = String::new();
    if let Some(near) = near {
        message.extend(["unknown role `", word, "`; did you mean `", near, "`? "]);
    }
    message.extend(["expected one of the roles ", known.join(", ").as_str()]);
    Fault::new(&rules::unknown_role::RULE)
        .at(location.at)
        .path(location)
        .with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(role: &str, expected: Result<Speaker, &str>) {
        let found = speaker(&Text::of(role), Location::of("messages", 0));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{role}"),
            (Err(fault), Err(begins)) => {
                assert!(
                    fault.message.starts_with(begins),
                    "{role}: {}",
                    fault.message
                );
            }
            (found, _) => panic!("{role}: {found:?}"),
        }
    }

    #[test]
    fn a_role_is_known_in_any_case() {
        check("user", Ok(User));
        check("USER", Ok(User));
        check("Chatbot", Ok(Model));
        check("function-call", Ok(Call));
        check("Tool Result", Ok(Function));
    }

    #[test]
    fn the_nearest_role_is_suggested() {
        check(
            "hummany",
            Err("unknown role `hummany`; did you mean `human`?"),
        );
        check(
            "asistant",
            Err("unknown role `asistant`; did you mean `assistant`?"),
        );
        check("narrator", Err("expected one of the roles system"));
        check("", Err("expected one of the roles system"));
    }
}

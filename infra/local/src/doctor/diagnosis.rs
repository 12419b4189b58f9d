//! The result of a check, and how several problems of one resource become one.

use serde::Serialize;

/// The result of a check: what is there, or what the problem is.
pub(super) type CheckResult = Result<String, Problem>;

/// Why a check did not pass, in words, with the command that fixes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// It works, but not as intended.
    Warning(String),
    /// It does not exist, or does not work.
    Missing(String),
    /// It could not be checked.
    Unknown(String),
    /// A stack on a laptop does not have it.
    Skipped(String),
}

/// Whether a check passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    /// It passed.
    Ok,
    /// It works, but not as intended.
    Warning,
    /// It does not exist, or does not work.
    Missing,
    /// It could not be checked.
    Unknown,
    /// A stack on a laptop does not have it.
    Skipped,
}

/// One line of the doctor's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnosis {
    /// What was checked.
    pub(crate) check: String,
    /// Whether the check passed.
    pub(crate) status: CheckStatus,
    /// What was found, and how to fix it.
    pub(crate) message: String,
}

impl Diagnosis {
    pub(super) fn new(check: impl Into<String>, result: CheckResult) -> Self {
        let (status, message) = match result {
            Ok(message) => (CheckStatus::Ok, message),
            Err(Problem::Warning(message)) => (CheckStatus::Warning, message),
            Err(Problem::Missing(message)) => (CheckStatus::Missing, message),
            Err(Problem::Unknown(message)) => (CheckStatus::Unknown, message),
            Err(Problem::Skipped(message)) => (CheckStatus::Skipped, message),
        };
        Self {
            check: check.into(),
            status,
            message,
        }
    }
}

/// Several problems of one resource as one: everything that is missing or, if nothing is, every
/// warning.
pub(super) fn worst(problems: Vec<Problem>) -> Result<(), Problem> {
    let (mut missing, mut warnings) = (Vec::new(), Vec::new());
    for problem in problems {
        match problem {
            Problem::Missing(message) => missing.push(message),
            Problem::Warning(message) => warnings.push(message),
            unchecked @ (Problem::Unknown(_) | Problem::Skipped(_)) => return Err(unchecked),
        }
    }
    if !missing.is_empty() {
        return Err(Problem::Missing(missing.join("; ")));
    }
    if !warnings.is_empty() {
        return Err(Problem::Warning(warnings.join("; ")));
    }
    Ok(())
}

/// `a`, `b`, `c`, each in backticks.
pub(super) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_things_are_reported_before_warnings() {
        let warning = || Problem::Warning("w".to_owned());
        let missing = |message: &str| Problem::Missing(message.to_owned());
        assert_eq!(worst(vec![]), Ok(()));
        assert_eq!(worst(vec![warning()]), Err(warning()));
        let both = worst(vec![warning(), missing("a"), missing("b")]);
        assert_eq!(both, Err(missing("a; b")));
    }
}

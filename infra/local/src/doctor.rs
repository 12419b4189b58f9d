//! What is there of what `infra/topology.json` and `infra/gcp` want, and what to do where it is not.
//!
//! Each check is a function from an answer of Google's to a judgement, and asks nobody. What is
//! asked, and of whom, is in `look` alone, and how in `asker`.

mod answer;
mod asker;
mod catalogue;
mod look;
mod place;

mod project;

mod buckets;
mod firestore;
mod messages;
mod schedules;
mod services;

mod alerts;
mod console;
mod releases;

use serde::Serialize;

pub(crate) use self::{catalogue::Catalogue, look::look};

/// What a check came to: what is well, or what is not.
type Judged = Result<String, Trouble>;

/// Why a thing is not well, and the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// It works, though not as it was meant to.
    Warning(String),
    /// It is not there, or does not work.
    Missing(String),
    /// Nobody can say from here.
    CannotTell(String),
    /// This is a laptop's stack, which has no such thing.
    Skipped(String),
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Well.
    Ok,
    /// It works, though not as it was meant to.
    Warning,
    /// It is not there, or does not work.
    Missing,
    /// Nobody can say from here.
    CannotTell,
    /// This is a laptop's stack, which has no such thing.
    Skipped,
}

/// One line of what the doctor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) about: String,
    /// How it is.
    pub(crate) verdict: Verdict,
    /// What was seen, and what to do about it.
    pub(crate) says: String,
}

impl Finding {
    fn new(about: impl Into<String>, judged: Judged) -> Self {
        let (verdict, says) = match judged {
            Ok(says) => (Verdict::Ok, says),
            Err(Trouble::Warning(says)) => (Verdict::Warning, says),
            Err(Trouble::Missing(says)) => (Verdict::Missing, says),
            Err(Trouble::CannotTell(says)) => (Verdict::CannotTell, says),
            Err(Trouble::Skipped(says)) => (Verdict::Skipped, says),
        };
        Self {
            about: about.into(),
            verdict,
            says,
        }
    }
}

/// Several faults of one thing as one: what is missing, if anything is, else every warning.
fn together(faults: Vec<Trouble>) -> Result<(), Trouble> {
    let (mut missing, mut warnings) = (Vec::new(), Vec::new());
    for fault in faults {
        match fault {
            Trouble::Missing(says) => missing.push(says),
            Trouble::Warning(says) => warnings.push(says),
            unsure @ (Trouble::CannotTell(_) | Trouble::Skipped(_)) => return Err(unsure),
        }
    }
    if !missing.is_empty() {
        return Err(Trouble::Missing(missing.join("; ")));
    }
    if !warnings.is_empty() {
        return Err(Trouble::Warning(warnings.join("; ")));
    }
    Ok(())
}

/// `a`, `b`, `c`, each in backticks.
fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    names.join(", ")
}

/// Helpers of the tables in the files below.
#[cfg(test)]
mod tables {
    use serde_json::Value;

    use super::{Finding, Judged, Verdict, answer::Answer, place::Place};

    /// A project in the cloud.
    pub(super) fn cloud() -> Place {
        Place {
            project: "acme-prod".to_owned(),
            region: "us-central1".to_owned(),
            laptop: false,
        }
    }

    /// An answer that came.
    pub(super) fn told(json: Value) -> Answer {
        Answer::Told(json)
    }

    /// Holds a judgement against its verdict and a part of its words.
    #[track_caller]
    pub(super) fn check(judged: Judged, verdict: Verdict, words: &str) {
        let found = Finding::new("it", judged);
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.says.contains(words), "{found:?} without `{words}`");
        assert!(!found.says.contains('\n'), "{found:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_faults_is_told_and_the_lesser_ones_wait() {
        let warning = || Trouble::Warning("w".to_owned());
        let missing = |says: &str| Trouble::Missing(says.to_owned());
        assert_eq!(together(vec![]), Ok(()));
        assert_eq!(together(vec![warning()]), Err(warning()));
        let both = together(vec![warning(), missing("a"), missing("b")]);
        assert_eq!(both, Err(missing("a; b")));
    }
}

//! Where an image comes from: what Cloud Build wrote down of it, held against the build and the
//! sources that a release was asked for.
//!
//! Read is the answer of `gcloud artifacts docker images describe IMAGE --show-provenance
//! --format=json`: <https://cloud.google.com/build/docs/securing-builds/generate-validate-build-provenance>.
//! Judged is the payload that is signed, not the text beside it. Its signature is not checked here:
//! that it is Google's own is known from the note that it hangs on, to which nobody else may attach.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use serde_json::Value;

use crate::images::Image;

/// The project of Google's in which Cloud Build writes down its builds.
const BUILDERS_PROJECT: &str = "projects/verified-builder/";
/// Cloud Build's own machines; before SLSA 1.0 with a version behind `@`.
const BUILDER: &str = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const SLSA_0_1: &str = "https://slsa.dev/provenance/v0.1";
const SLSA_1_0: &str = "https://slsa.dev/provenance/v1";

/// What an image must come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The id of the build.
    pub build: String,
    /// What it was made of.
    pub sources: Sources,
}

/// What a build is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// A commit, which a trigger took from the repository.
    Commit(String),
    /// An archive below this address, which a person submitted: no commit is known of it.
    Archive(String),
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(commit) => write!(f, "commit {commit}"),
            Self::Archive(below) => write!(f, "an archive below {below}"),
        }
    }
}

/// Why an image is not let through. The later ones came nearer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// There is no provenance.
    #[error(
        "nobody says where it comes from: its build has not ended, or did not name it under `images`"
    )]
    Unsaid,
    /// Somebody else's word.
    #[error("it is not Cloud Build that says where it comes from, but `{0}`")]
    Stranger(String),
    /// No statement that is known.
    #[error("what Cloud Build says of it cannot be read: {0}")]
    Unreadable(&'static str),
    /// The statement is about something else.
    #[error("what Cloud Build says is of another image")]
    OtherImage,
    /// Another build made it.
    #[error("it was made by build `{0}`")]
    OtherBuild(String),
    /// The build made it of something else.
    #[error("it was made of {0}")]
    OtherSources(String),
}

/// Holds what is said of `image` against where it must come from.
pub fn judge(answer: &Value, image: &Image, origin: &Origin) -> Result<(), Refusal> {
    let mut nearest = Refusal::Unsaid;
    // An image that did not change is made again by each build, and has the word of each.
    for occurrence in list(answer, "/provenance_summary/provenance") {
        match judge_one(occurrence, image, origin) {
            Ok(()) => return Ok(()),
            Err(refusal) => nearest = nearest.max(refusal),
        }
    }
    Err(nearest)
}

fn judge_one(occurrence: &Value, image: &Image, origin: &Origin) -> Result<(), Refusal> {
    let said = Statement::read(occurrence)?;
    if !said.is_of(image) {
        return Err(Refusal::OtherImage);
    }
    if said.build != origin.build {
        return Err(Refusal::OtherBuild(said.build));
    }
    let made_of = |source: &Source| match &origin.sources {
        Sources::Commit(commit) => source.commit.as_deref() == Some(commit),
        Sources::Archive(below) => source.uri.starts_with(below.as_str()),
    };
    if said.sources.iter().any(made_of) {
        return Ok(());
    }
    let named: Vec<String> = said.sources.iter().map(Source::to_string).collect();
    Err(Refusal::OtherSources(named.join(", ")))
}

/// What one statement says, of either version.
struct Statement {
    subjects: Vec<Value>,
    build: String,
    sources: Vec<Source>,
}

struct Source {
    uri: String,
    commit: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.commit {
            Some(commit) => write!(f, "{} at {commit}", self.uri),
            None => f.write_str(&self.uri),
        }
    }
}

impl Statement {
    fn read(occurrence: &Value) -> Result<Self, Refusal> {
        let note = text(occurrence, "/noteName");
        let signatures = list(occurrence, "/envelope/signatures");
        let signed = signatures.iter().any(|it| {
            text(it, "/keyid").starts_with(BUILDERS_PROJECT) && !text(it, "/sig").is_empty()
        });
        if !note.starts_with(BUILDERS_PROJECT) || !signed {
            return Err(Refusal::Stranger(note.to_owned()));
        }
        if text(occurrence, "/envelope/payloadType") != PAYLOAD_TYPE {
            return Err(Refusal::Unreadable("it is no statement of in-toto"));
        }
        let payload = decode(text(occurrence, "/envelope/payload"));
        let payload = payload.ok_or(Refusal::Unreadable("its payload is not in base 64"))?;
        let statement: Value = serde_json::from_slice(&payload)
            .map_err(|_not_json| Refusal::Unreadable("its payload is no JSON"))?;
        let (builder, build, sources) = match text(&statement, "/predicateType") {
            SLSA_0_1 => {
                let builder = text(&statement, "/predicate/builder/id");
                (
                    builder.split_once("@v").map_or(builder, |(it, _)| it),
                    text(&statement, "/predicate/metadata/buildInvocationId"),
                    sources(list(&statement, "/predicate/materials"), "/digest/sha1"),
                )
            }
            SLSA_1_0 => {
                let invocation = text(&statement, "/predicate/runDetails/metadata/invocationId");
                let made_of = "/predicate/buildDefinition/resolvedDependencies";
                (
                    text(&statement, "/predicate/runDetails/builder/id"),
                    invocation.rsplit('/').next().unwrap_or_default(),
                    sources(list(&statement, made_of), "/digest/gitCommit"),
                )
            }
            _ => return Err(Refusal::Unreadable("its version of SLSA is not known")),
        };
        if builder != BUILDER {
            return Err(Refusal::Stranger(builder.to_owned()));
        }
        Ok(Self {
            subjects: list(&statement, "/subject").to_vec(),
            build: build.to_owned(),
            sources,
        })
    }

    fn is_of(&self, image: &Image) -> bool {
        let (name, digest) = image.parts();
        self.subjects.iter().any(|subject| {
            let said = text(subject, "/name");
            let said = said.strip_prefix("https://").unwrap_or(said);
            let tag = said.strip_prefix(name);
            let named = tag.is_some_and(|tag| tag.is_empty() || tag.starts_with(':'));
            named && text(subject, "/digest/sha256") == digest
        })
    }
}

fn sources(all: &[Value], commit: &str) -> Vec<Source> {
    let of = |it: &Value| Source {
        uri: text(it, "/uri").to_owned(),
        commit: it
            .pointer(commit)
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    all.iter().map(of).collect()
}

/// The text at a place; none where there is none.
fn text<'a>(value: &'a Value, place: &str) -> &'a str {
    let text = value.pointer(place).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// The list at a place; empty where there is none.
fn list<'a>(value: &'a Value, place: &str) -> &'a [Value] {
    let list = value.pointer(place).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// Base 64 in either alphabet: fields of bytes come in the one for addresses, in some answers.
fn decode(payload: &str) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE]
        .iter()
        .find_map(|it| GeneralPurpose::new(it, lenient).decode(payload).ok())
}

#[cfg(test)]
mod tests;

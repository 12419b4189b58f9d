//! The provenance of an image: what Cloud Build attested, compared with the build and the sources
//! that the release expects.
//!
//! The input is the output of `gcloud artifacts docker images describe IMAGE --show-provenance
//! --format=json`: <https://cloud.google.com/build/docs/securing-builds/generate-validate-build-provenance>.
//! Only the signed payload counts, not the text next to it. The signature is not verified here: the
//! occurrence belongs to a note in Google's own project, to which only Google can attach one.

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

/// Google's project that holds the attestations of Cloud Build.
const BUILDERS_PROJECT: &str = "projects/verified-builder/";
/// Cloud Build's own workers; before SLSA 1.0 with a version after `@`.
const BUILDER: &str = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const SLSA_0_1: &str = "https://slsa.dev/provenance/v0.1";
const SLSA_1_0: &str = "https://slsa.dev/provenance/v1";

/// Where an image must come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The id of the build.
    pub build: String,
    /// The sources that it was built from.
    pub sources: Sources,
}

/// The sources of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// A commit, which a trigger checked out of the repository.
    Commit(String),
    /// An archive below this address, which a person submitted: its commit is not known.
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

/// Why an image is refused, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ProvenanceRefusal {
    /// It has no provenance.
    #[error("it has no provenance: its build has not ended, or does not list it under `images`")]
    NoProvenance,
    /// The provenance is not Cloud Build's.
    #[error("expected provenance of Cloud Build, found provenance of `{0}`")]
    OtherSigner(String),
    /// The provenance has an unknown form.
    #[error("its provenance cannot be read: {0}")]
    Unreadable(&'static str),
    /// The provenance is of another image.
    #[error("its provenance is of another image")]
    OtherImage,
    /// Another build built it.
    #[error("it was built by build `{0}`")]
    OtherBuild(String),
    /// It was built from other sources.
    #[error("it was built from {0}")]
    OtherSources(String),
}

/// Checks the provenance of `image` against the origin that it must have.
pub fn verify(answer: &Value, image: &Image, origin: &Origin) -> Result<(), ProvenanceRefusal> {
    let mut nearest = ProvenanceRefusal::NoProvenance;
    // An image that did not change is built again by each build, and has provenance of each: one
    // that matches is enough. The refusal reported is that of the one that passed most checks.
    for occurrence in list(answer, "/provenance_summary/provenance") {
        match verify_one(occurrence, image, origin) {
            Ok(()) => return Ok(()),
            Err(refusal) => nearest = nearest.max(refusal),
        }
    }
    Err(nearest)
}

fn verify_one(occurrence: &Value, image: &Image, origin: &Origin) -> Result<(), ProvenanceRefusal> {
    let statement = Statement::read(occurrence)?;
    if !statement.is_of(image) {
        return Err(ProvenanceRefusal::OtherImage);
    }
    if statement.build != origin.build {
        return Err(ProvenanceRefusal::OtherBuild(statement.build));
    }
    let matches = |source: &NamedSource| match &origin.sources {
        Sources::Commit(commit) => source.commit.as_deref() == Some(commit),
        Sources::Archive(below) => source.uri.starts_with(below.as_str()),
    };
    if statement.sources.iter().any(matches) {
        return Ok(());
    }
    let named: Vec<String> = statement
        .sources
        .iter()
        .map(NamedSource::to_string)
        .collect();
    Err(ProvenanceRefusal::OtherSources(named.join(", ")))
}

/// One in-toto statement, of either version of SLSA.
struct Statement {
    subjects: Vec<Value>,
    build: String,
    sources: Vec<NamedSource>,
}

struct NamedSource {
    uri: String,
    commit: Option<String>,
}

impl fmt::Display for NamedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.commit {
            Some(commit) => write!(f, "{} at {commit}", self.uri),
            None => f.write_str(&self.uri),
        }
    }
}

impl Statement {
    fn read(occurrence: &Value) -> Result<Self, ProvenanceRefusal> {
        let note = text(occurrence, "/noteName");
        let signatures = list(occurrence, "/envelope/signatures");
        let signed = signatures.iter().any(|it| {
            text(it, "/keyid").starts_with(BUILDERS_PROJECT) && !text(it, "/sig").is_empty()
        });
        if !note.starts_with(BUILDERS_PROJECT) || !signed {
            return Err(ProvenanceRefusal::OtherSigner(note.to_owned()));
        }
        if text(occurrence, "/envelope/payloadType") != PAYLOAD_TYPE {
            return Err(ProvenanceRefusal::Unreadable("not an in-toto statement"));
        }
        let payload = decode(text(occurrence, "/envelope/payload"));
        let payload = payload.ok_or(ProvenanceRefusal::Unreadable("its payload is not base64"))?;
        let statement: Value = serde_json::from_slice(&payload)
            .map_err(|_not_json| ProvenanceRefusal::Unreadable("its payload is not JSON"))?;
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
                let dependencies = "/predicate/buildDefinition/resolvedDependencies";
                (
                    text(&statement, "/predicate/runDetails/builder/id"),
                    invocation.rsplit('/').next().unwrap_or_default(),
                    sources(list(&statement, dependencies), "/digest/gitCommit"),
                )
            }
            _ => return Err(ProvenanceRefusal::Unreadable("unknown version of SLSA")),
        };
        if builder != BUILDER {
            return Err(ProvenanceRefusal::OtherSigner(builder.to_owned()));
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
            let full_name = text(subject, "/name");
            let full_name = full_name.strip_prefix("https://").unwrap_or(full_name);
            let tag = full_name.strip_prefix(name);
            let named = tag.is_some_and(|tag| tag.is_empty() || tag.starts_with(':'));
            named && text(subject, "/digest/sha256") == digest
        })
    }
}

fn sources(all: &[Value], commit: &str) -> Vec<NamedSource> {
    let of = |it: &Value| NamedSource {
        uri: text(it, "/uri").to_owned(),
        commit: it
            .pointer(commit)
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    all.iter().map(of).collect()
}

/// The string at a pointer; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// The array at a pointer; empty where there is none.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// Base64 in either alphabet: some of Google's answers use the URL-safe one for fields of bytes.
fn decode(payload: &str) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE]
        .iter()
        .find_map(|it| GeneralPurpose::new(it, lenient).decode(payload).ok())
}

#[cfg(test)]
mod tests;

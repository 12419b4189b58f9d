//! `images.json`: the image of each function, by digest.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use crate::chain::FunctionSpec;

/// Hexadecimal digits of a SHA-256.
const DIGEST_CHARS: usize = 64;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a JSON object of strings.
    #[error("images.json does not parse: expected an object of function to image")]
    Parse(#[from] serde_json::Error),
    /// An image is named by a tag, which can move.
    #[error("the image of `{function}` is `{image}`: name it by digest, `…@sha256:…`")]
    NoDigest {
        /// The function.
        function: String,
        /// What was named.
        image: String,
    },
    /// It names an unknown function.
    #[error("images.json names the unknown function `{0}`")]
    Unknown(String),
    /// It names no image.
    #[error("images.json names no image")]
    Empty,
}

/// An image, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image(String);

impl Image {
    /// Parses a reference that ends in a digest.
    pub fn parse(reference: &str) -> Option<Self> {
        let (name, digest) = reference.split_once("@sha256:")?;
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let whole = digest.len() == DIGEST_CHARS && digest.chars().all(hex);
        (whole && !name.is_empty()).then(|| Self(reference.to_owned()))
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the digest, and the digest in hexadecimal digits.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once("@sha256:").unwrap_or_default()
    }

    /// The first eight digits of the digest: enough for a person to distinguish two images.
    pub fn short(&self) -> &str {
        self.parts().1.get(..8).unwrap_or_default()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses the file: an image for some of `functions`.
pub fn parse(text: &str, functions: &[FunctionSpec]) -> Result<BTreeMap<String, Image>, Error> {
    let named: BTreeMap<String, String> = serde_json::from_str(text)?;
    if named.is_empty() {
        return Err(Error::Empty);
    }
    let mut images = BTreeMap::new();
    for (function, image) in named {
        if !functions.iter().any(|spec| spec.name == function) {
            return Err(Error::Unknown(function));
        }
        match Image::parse(&image) {
            Some(image) => images.insert(function, image),
            None => return Err(Error::NoDigest { function, image }),
        };
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::functions;

    #[track_caller]
    fn check(text: &str, expected: Result<usize, &str>) {
        let read = parse(text, &functions().unwrap());
        match (read, expected) {
            (Ok(images), Ok(count)) => assert_eq!(images.len(), count, "{text}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{text}: {error}");
            }
            (read, _) => panic!("{text}: {read:?}"),
        }
    }

    #[test]
    fn images_are_named_by_digest() {
        let digest = "0123456789abcdef".repeat(4);
        let one = |function: &str, image: &str| format!(r#"{{"{function}":"{image}"}}"#);
        check(&one("clean", &format!("r/clean@sha256:{digest}")), Ok(1));
        check(&one("clean", "r/clean:latest"), Err("by digest"));
        check(&one("clean", "r/clean@sha256:0123"), Err("by digest"));
        check(
            &one("clean", &format!("@sha256:{digest}")),
            Err("by digest"),
        );
        let upper = digest.to_uppercase();
        check(
            &one("clean", &format!("r@sha256:{upper}")),
            Err("by digest"),
        );
        check(&one("paint", &format!("r@sha256:{digest}")), Err("`paint`"));
        check("{}", Err("no image"));
        check("[]", Err("does not parse"));
    }
}

//! Files that a row refers to: where they may be, how many there may be, and of which types.
//!
//! Source: the dataset formats of supervised tuning on images, documents, audio and video
//! (docs.cloud.google.com, "Image tuning" and its neighbours, 2026-11): a URI in Cloud Storage or a
//! public `https://` URL; at most 30 images in a row.

use std::borrow::Cow;

use crate::{
    example::Part,
    json::{Node, Object, Text, Value},
};

/// Gemini's key for a file.
pub(crate) const FILE: &str = "fileData";

/// Most images in a row.
pub(crate) const IMAGES_MAX: usize = 30;

/// Types by the ending of a file's name.
const ENDINGS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
    ("mov", "video/mov"),
    ("avi", "video/avi"),
    ("flv", "video/x-flv"),
    ("webm", "video/webm"),
    ("wmv", "video/wmv"),
    ("3gp", "video/3gpp"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("aiff", "audio/aiff"),
    ("aac", "audio/aac"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("m4a", "audio/m4a"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
];

/// Whether the service can fetch a file from `uri`.
pub(crate) fn is_reachable(uri: &str) -> bool {
    uri.starts_with("gs://") || uri.starts_with("https://")
}

/// Whether files of this type are read by the service: its main type, as single formats are added
/// often.
pub(crate) fn is_known_type(mime: &str) -> bool {
    let mime = mime.to_ascii_lowercase();
    let main = ["image/", "video/", "audio/", "text/"];
    mime == "application/pdf"
        || main
            .iter()
            .any(|main| mime.len() > main.len() && mime.starts_with(main))
}

/// The part for the file at `uri`; `None` where the service cannot fetch it, or its type is
/// unknown.
pub(crate) fn file_part(uri: &Text<'_>, mime: Option<Text<'_>>) -> Option<Part<'static>> {
    let plain = uri.plain();
    if !is_reachable(&plain) {
        return None;
    }
    let mime = match mime {
        Some(mime) => mime.plain().into_owned(),
        None => type_of(&plain)?.to_owned(),
    };
    let member = |key: &'static str, text: &str| {
        let value = Value::Text(Text::of(text));
        (Cow::Borrowed(key), Node { at: 0, value })
    };
    let members = vec![member("mimeType", &mime), member("fileUri", &plain)];
    Some(Part::other(FILE, Value::Object(Object { members })))
}

/// The type of a file by the ending of its name.
fn type_of(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let name = path.rsplit('/').next()?;
    let (_, ending) = name.rsplit_once('.')?;
    let mut known = ENDINGS.iter();
    let (_, mime) = known.find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
    Some(mime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_the_ending_of_a_name() {
        for (uri, expected) in [
            ("gs://b/o.png", Some("image/png")),
            ("https://example.org/a.JPG?width=7", Some("image/jpeg")),
            ("gs://b/o.d/p", None),
            ("gs://b/o", None),
            ("gs://b/o.exe", None),
        ] {
            assert_eq!(type_of(uri), expected, "{uri}");
        }
        assert!(file_part(&Text::of("a.jpg"), None).is_none());
        assert!(file_part(&Text::of("http://a/b.jpg"), None).is_none());
    }
}

//! A row has more images than the service accepts.

use crate::{
    example::Part,
    json::Value,
    media::{FILE, IMAGES_MAX},
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "too_many_files",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row has more images than the service accepts",
    fix: "leave at most 30 images in a row (docs.cloud.google.com, image tuning)",
    check: Check::Parts(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let parts = row.example.turns.iter().flat_map(|turn| &turn.parts);
    let images = parts.filter(|part| is_image(part)).count();
    (images > IMAGES_MAX).then(|| {
        let message = format!("the row has {images} images, expected at most {IMAGES_MAX}");
        Fault::new(&RULE).with_message(message)
    })
}

fn is_image(part: &Part<'_>) -> bool {
    let Part::Other(FILE, object) = part else {
        return false;
    };
    let mime = object
        .get(FILE)
        .and_then(|node| node.value.member("mimeType"));
    let mime = mime.and_then(Value::text);
    mime.is_some_and(|mime| mime.escaped().starts_with("image/"))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn thirty_images_are_accepted() {
        let row = |images: usize, mime: &str| {
            let file = format!(r#"{{"fileData":{{"mimeType":"{mime}","fileUri":"gs://b/o"}}}},"#);
            format!(
                r#"{{"contents":[{{"role":"user","parts":[{}{{"text":"a"}}]}},{{"role":"model","parts":[{{"text":"one two three"}}]}}]}}"#,
                file.repeat(images)
            )
        };
        check(&row(30, "image/png"), &[]);
        check(&row(31, "image/png"), &["too_many_files"]);
        check(&row(31, "audio/mp3"), &[]);
    }
}

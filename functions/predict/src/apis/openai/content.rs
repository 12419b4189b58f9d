//! The parts of messages: texts, images and sounds to Gemini's parts.

use serde_json::{Value, json};

/// The parts of a message's `content`, which is a text or a list of parts.
pub(super) fn parts(content: &Value, at: &str) -> Result<Vec<Value>, String> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![json!({ "text": text })]),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| part(item, &format!("{at}[{index}]")))
                .collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(format!("`{at}` must be a text or a list of parts"))
        }
    }
}

/// The text of a content that must be text only.
pub(super) fn text(content: &Value, at: &str) -> Result<String, String> {
    let parts = parts(content, at)?;
    let texts = parts.iter().map(|part| {
        let text = part.get("text").and_then(Value::as_str);
        text.ok_or_else(|| format!("`{at}` may hold text only"))
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.concat())
}

fn part(item: &Value, at: &str) -> Result<Value, String> {
    let string = |pointer: &str| {
        let found = item.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| format!("`{at}{}` must be a text", pointer.replace('/', ".")))
    };
    match string("/type")? {
        "text" => Ok(json!({ "text": string("/text")? })),
        "refusal" => Ok(json!({ "text": string("/refusal")? })),
        "image_url" => data_url(string("/image_url/url")?, at),
        "file" => data_url(string("/file/file_data")?, at),
        "input_audio" => {
            let mime_type = format!("audio/{}", string("/input_audio/format")?);
            let data = string("/input_audio/data")?;
            Ok(json!({ "inlineData": { "mimeType": mime_type, "data": data } }))
        }
        other => Err(format!(
            "`{at}.type` is `{other}`; known are text, image_url, input_audio and file"
        )),
    }
}

/// `data:image/png;base64,…` as inline data.
fn data_url(url: &str, at: &str) -> Result<Value, String> {
    let parts = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    let (mime_type, data) = parts.ok_or_else(|| {
        format!("`{at}` must hold its content as data:TYPE;base64,DATA; addresses are not fetched")
    })?;
    Ok(json!({ "inlineData": { "mimeType": mime_type, "data": data } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_translated() {
        let content = json!([
            { "type": "text", "text": "See" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
            { "type": "input_audio", "input_audio": { "data": "BBBB", "format": "wav" } },
        ]);
        let expected = [
            json!({ "text": "See" }),
            json!({ "inlineData": { "mimeType": "image/png", "data": "AAAA" } }),
            json!({ "inlineData": { "mimeType": "audio/wav", "data": "BBBB" } }),
        ];
        assert_eq!(parts(&content, "c").unwrap(), expected);
        assert_eq!(parts(&json!("Hi"), "c").unwrap(), [json!({ "text": "Hi" })]);
        assert!(parts(&Value::Null, "c").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_passed_on_is_named() {
        for (content, words) in [
            (json!(7), "`c` must be a text or a list"),
            (json!([{ "type": "video" }]), "`c[0].type` is `video`"),
            (json!([{}]), "`c[0].type` must be a text"),
            (
                json!([{ "type": "image_url", "image_url": { "url": "https://a/b.png" } }]),
                "addresses are not fetched",
            ),
        ] {
            let error = parts(&content, "c").unwrap_err();
            assert!(error.contains(words), "{content}: {error}");
        }
    }
}

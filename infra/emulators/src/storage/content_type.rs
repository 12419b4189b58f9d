//! The parameters of a `Content-Type` header.

/// The value of the parameter `name`, without its quotes; the name's case is ignored.
///
/// RFC 9110 has tokens and quoted strings. gcloud uses single quotes, which are part of the value by
/// RFC 9110; Cloud Storage removes them.
pub(super) fn parameter(content_type: &str, name: &str) -> Option<String> {
    let (_, mut rest) = content_type.split_once(';')?;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start())?;
        // A parameter without a value, such as `; a; boundary=b`, is skipped with its semicolon.
        let key = key.rsplit(';').next().unwrap_or_default();
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after.split_once(';')?.1;
    }
}

/// The value at the start of `text`, and the text after it.
fn value(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted_string(quoted);
    }
    if let Some((inner, after)) = text.strip_prefix('\'').and_then(|s| s.split_once('\'')) {
        return Some((inner.to_owned(), after));
    }
    let end = text.find(';').unwrap_or(text.len());
    let (token, after) = text.split_at(end);
    Some((token.trim().to_owned(), after))
}

/// The string up to its closing quote, unescaped, and the text after it; `None` without that quote.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, boundary: Option<&str>) {
        let got = parameter(content_type, "boundary");
        assert_eq!(got.as_deref(), boundary, "{content_type}");
    }

    #[test]
    fn a_boundary_is_parsed_in_every_form() {
        check("multipart/related; boundary=b", Some("b"));
        check("multipart/related;BOUNDARY=b ; type=x", Some("b"));
        check("multipart/related; boundary=\"==0==\"", Some("==0=="));
        check("multipart/related; boundary='==0=='", Some("==0=="));
        check("multipart/related; boundary=\"a;b\"; x=y", Some("a;b"));
        check("multipart/related; boundary='a;b'; x=y", Some("a;b"));
        check(r#"multipart/related; boundary="a\"\\b""#, Some(r#"a"\b"#));
        check(
            "multipart/related; type=\"x; boundary=no\"; boundary=b",
            Some("b"),
        );
        check("multipart/related; flag; boundary=b", Some("b"));
        check("multipart/related; boundary=it's", Some("it's"));
    }

    #[test]
    fn an_incomplete_boundary_is_not_parsed() {
        check("multipart/related", None);
        check("multipart/related; type=x", None);
        check("multipart/related; xboundary=b", None);
        check("multipart/related; boundary=\"open", None);
        check("multipart/related; boundary=", Some(""));
    }
}

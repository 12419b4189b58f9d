//! The parts of a tracked file that people read: comments and string literals of Rust, all of the rest.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::checkout::TrackedFile;

/// Stands for code, so that no phrase reaches across it.
const CODE: char = '\u{1}';

/// The files, apart from Rust, whose text people read.
const EXTENSIONS: [&str; 6] = ["md", "tf", "json", "yaml", "py", "sh"];

/// What people read of `file`, in the lines in which it stands; `None` where they read nothing.
/// Markers of comments are blanked, so that a phrase may go on in the next line.
pub(crate) fn readable(file: &TrackedFile) -> Option<String> {
    let (_, extension) = file.path.rsplit_once('.')?;
    let text = file.text.as_ref()?;
    match extension {
        "rs" => Some(of_rust(text)),
        _ if EXTENSIONS.contains(&extension) => Some(without_markers(text)),
        _ => None,
    }
}

/// Keeps comments and string literals.
pub(crate) fn of_rust(source: &str) -> String {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        let comment = r"(?<comment>//[^\n]*|/\*.*?\*/)";
        let raw = r###"b?r##".*?"##|b?r#".*?"#|b?r"[^"]*""###;
        let string = r#"b?"(?:[^"\\]|\\.)*""#;
        // Only so that a quotation mark in it opens no string; a lifetime has no second mark.
        let character = r"(?<character>b?'(?:[^'\\\n]|\\.[^'\n]{0,8})')";
        Regex::new(&format!(
            "(?s){comment}|(?<string>{raw}|{string})|{character}"
        ))
        .unwrap()
    });
    let mut kept = String::with_capacity(source.len());
    let mut end = 0;
    for token in TOKEN.captures_iter(source) {
        let whole = token.get(0).unwrap();
        kept.push_str(&hidden(&source[end..whole.start()]));
        end = whole.end();
        kept.push_str(&readable_token(&token));
    }
    kept + &hidden(&source[end..])
}

fn readable_token(token: &Captures<'_>) -> String {
    if let Some(comment) = token.name("comment") {
        let text = comment.as_str();
        let marker = text.len() - text.trim_start_matches(['/', '*', '!']).len();
        return " ".repeat(marker) + &text[marker..];
    }
    match token.name("string") {
        // A literal goes on after a backslash at the end of its line.
        Some(literal) => format!("{CODE}{}{CODE}", literal.as_str().replace("\\\n", " \n")),
        None => CODE.to_string(),
    }
}

/// Code of which only the white space is left.
fn hidden(code: &str) -> String {
    let hide = |it: char| if it.is_whitespace() { it } else { CODE };
    code.chars().map(hide).collect()
}

/// Blanks the marker at the start of each line of a comment.
fn without_markers(text: &str) -> String {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^[ \t]*#+").unwrap());
    MARKER.replace_all(text, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kept: &str) -> Vec<&str> {
        let apart = |it: char| it.is_whitespace() || it == CODE;
        kept.split(apart).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn comments_and_literals_are_kept_and_code_is_not() {
        let source = "//! One\nfn two<'a>(three: &'a str) -> char { // Four\n    print(\"five \\\" six\", '\"', \
                      r#\"seven \" eight\"#, b\"nine\");\n    '\\u{41}' /* ten */\n}\n";
        let kept = of_rust(source);
        let expected = [
            "One",
            "Four",
            "\"five",
            "\\\"",
            "six\"",
            "r#\"seven",
            "\"",
            "eight\"#",
            "b\"nine\"",
            "ten",
            "*/",
        ];
        assert_eq!(words(&kept), expected);
        assert_eq!(kept.lines().count(), source.lines().count());
    }

    #[test]
    fn a_phrase_goes_on_in_the_next_line_and_never_across_code() {
        let joins = |source: &str| words(&of_rust(source)) == ["this", "is"];
        let one_run = |source: &str| !of_rust(source).trim().contains(CODE);
        assert!(joins("/// this\n    /// is\n") && one_run("/// this\n    /// is\n"));
        assert!(joins("// this\nfn f() {} // is") && !one_run("// this\nfn f() {} // is"));
        let continued = of_rust("\"this \\\n   is\"");
        assert_eq!(words(&continued), ["\"this", "is\""]);
        assert_eq!(
            without_markers("x = 1\n  # this\n  ## is\n"),
            "x = 1\n this\n is\n"
        );
    }
}

//! Untrusted text: object names, messages of services, reasons, whatever people put into documents.

use std::fmt::Write as _;

use maud::{Markup, html};

/// Most characters of one text on a page: an error of a service can be as long as a page.
const TEXT_MAX_CHARS: usize = 2_000;

/// `text` made safe for a page: escaped, cut, and unable to reorder the text around it.
pub(crate) fn untrusted(text: &str) -> Markup {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars();
    for character in characters.by_ref().take(TEXT_MAX_CHARS) {
        if character.is_whitespace() && !is_hidden(character) {
            shown.push(' ');
        } else if is_hidden(character) {
            let _infallible = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    html! { bdi { (shown) } }
}

/// Whether a character is invisible, or changes how the text around it is displayed.
///
/// The bidirectional controls are those of "Trojan Source" (CVE-2021-42574).
fn is_hidden(character: char) -> bool {
    let bidirectional = matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let invisible = matches!(character, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let control = character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    bidirectional || invisible || control
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let expected = format!("<bdi>{expected}</bdi>");
        assert_eq!(untrusted(text).into_string(), expected, "{text:?}");
    }

    #[test]
    fn hostile_text_is_only_text() {
        check("tuned in part", "tuned in part");
        check(
            "<script>alert(1)</script>\"&",
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;",
        );
        check("a\u{202e}lnosj.b", "a⟨U+202E⟩lnosj.b");
        check("a\u{0}b\nc", "a⟨U+0000⟩b c");
        check("שלום 👩‍🔬", "שלום 👩‍🔬");
    }

    #[test]
    fn a_page_of_text_is_cut() {
        let long = untrusted(&"ä".repeat(TEXT_MAX_CHARS + 1)).into_string();
        assert!(long.ends_with("ä…</bdi>"), "{long}");
    }
}

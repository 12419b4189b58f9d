//! Keys as messages show them: shortened, and without personal data.

use crate::detect;

/// Longest key quoted in a message, in characters. Keys are the only text of a dataset that a
/// report shows, and a broken row can have half an answer as its key.
const KEY_CHARS_MAX: usize = 32;

/// Most keys quoted in a message; the rest are counted.
const KEYS_MAX: usize = 3;

/// Digits from which on a key may be a personal number, whatever it looks like.
const KEY_DIGITS_MIN: usize = 6;

/// Lists keys for a message: the first few, shortened, and how many more there are.
pub(crate) fn name_keys<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    let mut named = String::new();
    let mut more = 0_usize;
    for (index, key) in keys.enumerate() {
        if index >= KEYS_MAX {
            more += 1;
            continue;
        }
        if index > 0 {
            named.push_str(", ");
        }
        named.extend(["`", &shown(key), "`"]);
    }
    if more > 0 {
        named.extend([" and ", more.to_string().as_str(), " more"]);
    }
    named
}

/// A key as a message shows it: shortened, on one line, and without personal data, whether or not a
/// recipe asks for a search.
pub(crate) fn shown(key: &str) -> String {
    // A name of a few plain words holds nothing else: most keys are such.
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if key.len() <= KEY_CHARS_MAX && key.bytes().all(is_plain) {
        return key.to_owned();
    }
    let key = detect::masked(key);
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if key.contains('@') || digits >= KEY_DIGITS_MIN {
        return "…".to_owned();
    }
    let more = key.chars().nth(KEY_CHARS_MAX).map(|_| '…');
    let chars = key.chars().take(KEY_CHARS_MAX);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    chars.map(plain).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_up_to_three_and_cut() {
        assert_eq!(name_keys(["a", "b"].into_iter()), "`a`, `b`");
        assert_eq!(
            name_keys(["a", "b", "c", "d"].into_iter()),
            "`a`, `b`, `c` and 1 more"
        );
        let long = "k".repeat(40);
        assert_eq!(
            name_keys([long.as_str()].into_iter()),
            format!("`{}…`", "k".repeat(32))
        );
        assert_eq!(name_keys(["a\nb"].into_iter()), "`a b`");
    }

    #[test]
    fn keys_show_no_personal_data() {
        for (key, expected) in [
            ("anna@acme.io", "`[EMAIL]`"),
            ("mail of anna@acme.io", "`mail of [EMAIL]`"),
            ("+49 30 901820", "`[PHONE]`"),
            ("4111111111111111", "`[CARD]`"),
            ("AKIAA1B2C3D4E5F6G7H8", "`[CLOUD_KEY]`"),
            ("anna@home", "`…`"),
            ("account 123456", "`…`"),
            ("line 12345", "`line 12345`"),
        ] {
            assert_eq!(name_keys([key].into_iter()), expected);
        }
        let far = format!("{} anna@acme.io", "k".repeat(25));
        assert!(!name_keys([far.as_str()].into_iter()).contains("anna"));
    }
}

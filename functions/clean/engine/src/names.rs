//! Maps strings read from a file back to the static strings of the code.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    container::guess_text,
    formats::{FORMATS, preference},
    rules::rules,
};

/// Rows that look like each kind of text that [`guess_text`] knows.
const LOOKS: [&[u8]; 4] = [b"{", b"\t", b",", b""];

/// The static string equal to `text`, if the code has it.
pub(crate) fn interned(text: &str) -> Option<&'static str> {
    let codes = rules().map(|rule| rule.code);
    let formats = FORMATS.iter().map(|format| format.name);
    let looks = LOOKS.into_iter().map(guess_text);
    let mut all = codes
        .chain(formats)
        .chain([preference::NAME, ""])
        .chain(looks);
    all.find(|word| *word == text)
}

/// Reads a map whose keys are such strings.
pub(crate) fn interned_keys<'de, D, T>(from: D) -> Result<BTreeMap<&'static str, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let map = BTreeMap::<String, T>::deserialize(from)?;
    let known = |(name, value): (String, T)| {
        let name = interned(&name).ok_or_else(|| D::Error::custom("unknown name"))?;
        Ok((name, value))
    };
    map.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_the_code_are_known_and_others_are_not() {
        for word in [
            "invalid_json",
            "input_output",
            "preference",
            "plain text",
            "",
        ] {
            assert_eq!(interned(word), Some(word));
        }
        assert_eq!(interned("made up"), None);
    }
}

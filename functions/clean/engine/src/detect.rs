//! Finds personal data and secrets in a text, and masks them.
//!
//! Texts are searched in their escaped form: rare bytes and words are located first, and only
//! their surroundings are parsed, so that a text without hits costs little more than a `memchr`.
//! Which hits matter, and what happens to the row, is for the layers above.

mod email;
mod number;
mod secret;

use std::{cmp::Reverse, ops::Range, sync::LazyLock};

use crate::json::Text;

/// The kinds of data that are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HitKind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A payment card number.
    Card,
    /// A bank account number.
    Iban,
    /// A public IP address.
    Ip,
    /// A national ID number.
    NationalId,
    /// A cloud credential.
    CloudKey,
    /// An access token.
    Token,
    /// A private key.
    PrivateKey,
}

impl HitKind {
    /// Every kind, in the order of their rules.
    pub(crate) const ALL: [Self; 9] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::Ip,
        Self::NationalId,
        Self::CloudKey,
        Self::Token,
        Self::PrivateKey,
    ];

    /// Whether it is a key or a token, and not personal data.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::CloudKey | Self::Token | Self::PrivateKey)
    }

    /// The replacement for a masked value, which no search finds again.
    fn mask(self) -> &'static str {
        match self {
            Self::Email => "[EMAIL]",
            Self::Phone => "[PHONE]",
            Self::Card => "[CARD]",
            Self::Iban => "[IBAN]",
            Self::Ip => "[IP]",
            Self::NationalId => "[NATIONAL_ID]",
            Self::CloudKey => "[CLOUD_KEY]",
            Self::Token => "[TOKEN]",
            Self::PrivateKey => "[PRIVATE_KEY]",
        }
    }
}

/// Something found in an escaped text; its range never cuts an escape in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) kind: HitKind,
    pub(crate) range: Range<usize>,
}

/// Finds some kinds of personal data and secrets.
pub(crate) struct Detector {
    /// For each of [`HitKind::ALL`], whether it is wanted.
    wanted: [bool; HitKind::ALL.len()],
    secrets: Option<secret::SecretScanner>,
}

impl Detector {
    /// A detector of the kinds that are `wanted`, in the order of [`HitKind::ALL`].
    pub(crate) fn new(wanted: [bool; HitKind::ALL.len()]) -> Self {
        let [_, _, _, _, _, _, secrets @ ..] = wanted;
        Self {
            wanted,
            secrets: secrets.contains(&true).then(secret::SecretScanner::new),
        }
    }

    /// The same without secrets, for texts that have no run that may be one; `None` where nothing
    /// else is wanted.
    pub(crate) fn without_secrets(&self) -> Option<Self> {
        let mut wanted = self.wanted;
        for (wanted, kind) in wanted.iter_mut().zip(HitKind::ALL) {
            *wanted &= !kind.is_secret();
        }
        wanted.contains(&true).then(|| Self::new(wanted))
    }

    /// The matches in an escaped text, in order, without overlaps.
    pub(crate) fn find(&self, escaped: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        let bytes = escaped.as_bytes();
        let [email, numbers @ .., _, _, _] = self.wanted;
        if let Some(secrets) = &self.secrets {
            secrets.find(bytes, &mut hits);
        }
        if email {
            email::find(bytes, &mut hits);
        }
        if numbers.contains(&true) {
            number::find(bytes, &mut hits);
        }
        if hits.is_empty() {
            return hits;
        }
        hits.retain(|hit| self.wants(hit.kind));
        hits.sort_by_key(|hit| (hit.range.start, Reverse(hit.range.end)));
        let mut end = 0;
        hits.retain(|hit| {
            let apart = hit.range.start >= end;
            if apart {
                end = hit.range.end;
            }
            apart
        });
        hits
    }

    fn wants(&self, kind: HitKind) -> bool {
        let mut all = HitKind::ALL.into_iter().zip(self.wanted);
        all.any(|(other, wanted)| other == kind && wanted)
    }
}

/// Replaces `hits`, which are in order and do not overlap, by their masks.
pub(crate) fn mask(text: &mut Text<'_>, hits: &[Hit]) {
    let masks = hits.iter().map(|hit| (hit.range.clone(), hit.kind.mask()));
    text.replace(masks);
}

/// `plain` with everything masked that can be found in it.
pub(crate) fn masked(plain: &str) -> String {
    static ALL: LazyLock<Detector> = LazyLock::new(|| Detector::new([true; HitKind::ALL.len()]));
    let mut text = Text::of(plain);
    loop {
        let hits = ALL.find(text.escaped());
        if hits.is_empty() {
            return text.plain().into_owned();
        }
        // Repeat: text that followed a masked number may now itself look like a number.
        mask(&mut text, &hits);
    }
}

/// Whether a word may begin at `at`: the byte before belongs to an escape, or not to a word.
pub(crate) fn begins_word(bytes: &[u8], at: usize) -> bool {
    match bytes.get(..at).unwrap_or_default() {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] | [] => true,
        [.., before] => !is_word(*before),
    }
}

/// Whether a word may end before `at`.
fn ends_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|after| !is_word(*after))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes from `at` on satisfy `is`.
fn count(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| is(**byte)).count()
}

#[cfg(test)]
mod corpus;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(HitKind, String)> {
        let text = Text::of(text);
        let hits = Detector::new([true; HitKind::ALL.len()]).find(text.escaped());
        let plain = |range: Range<usize>| {
            let quoted = format!("\"{}\"", &text.escaped()[range]);
            serde_json::from_str(&quoted).unwrap()
        };
        hits.into_iter()
            .map(|hit| (hit.kind, plain(hit.range)))
            .collect()
    }

    /// Checks what is found in `text`.
    #[track_caller]
    pub(crate) fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = found(text).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, expected, "{text}");
    }

    /// Checks that `expected` is all that is found in `text`.
    #[track_caller]
    pub(crate) fn check_kind(text: &str, kind: HitKind, expected: &str) {
        assert_eq!(found(text), [(kind, expected.to_owned())], "{text}");
    }

    #[test]
    fn adjacent_numbers_are_all_found() {
        check(
            "415-555-2671,415-555-2672, 81.2.69.142:81.2.69.143",
            &["415-555-2671", "415-555-2672", "81.2.69.142", "81.2.69.143"],
        );
    }
}

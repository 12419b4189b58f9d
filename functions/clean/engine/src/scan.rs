//! Searches the texts of a row for personal data and secrets, if a recipe asks for it.
//!
//! Texts are searched in their escaped form: rare bytes and words are located first, and only their
//! surroundings are parsed. Findings are named and never shown.

mod email;
pub(crate) mod language;
mod number;
mod secret;
pub(crate) mod sketch;

use std::{borrow::Cow, collections::HashSet, ops::Range, sync::LazyLock};

use memchr::memchr_iter;

use crate::{
    Rule, Settings, Severity,
    example::{Example, Part, Place},
    finding::Fault,
    json::{Object, Text, Value},
    rules,
};

/// The kinds of data that are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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

impl Kind {
    /// Every kind, in the order of their rules.
    const ALL: [Self; 9] = [
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

    fn rule(self) -> &'static Rule {
        match self {
            Self::Email => &rules::pii_email::RULE,
            Self::Phone => &rules::pii_phone::RULE,
            Self::Card => &rules::pii_card::RULE,
            Self::Iban => &rules::pii_iban::RULE,
            Self::Ip => &rules::pii_ip::RULE,
            Self::NationalId => &rules::pii_national_id::RULE,
            Self::CloudKey => &rules::secret_cloud_key::RULE,
            Self::Token => &rules::secret_token::RULE,
            Self::PrivateKey => &rules::secret_private_key::RULE,
        }
    }

    /// The replacement for a redacted value; it is never found by a search itself.
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

/// A match in an escaped text; it never splits an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    kind: Kind,
    range: Range<usize>,
}

/// Searches rows as the settings ask.
pub(crate) struct Search {
    severities: [Severity; Kind::ALL.len()],
    emails: bool,
    numbers: bool,
    secrets: Option<secret::Search>,
}

impl Search {
    /// A search as `settings` ask; `None` if they ask for none.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let severities = Kind::ALL.map(|kind| settings.severity(kind.rule()));
        let [email, numbers @ .., cloud_key, token, private_key] = severities;
        let on = |severity: &Severity| *severity != Severity::Off;
        let secrets = [cloud_key, token, private_key].iter().any(on);
        severities.iter().any(on).then(|| Self {
            severities,
            emails: on(&email),
            numbers: numbers.iter().any(on),
            secrets: secrets.then(secret::Search::new),
        })
    }

    /// A search that redacts everything.
    fn of_all() -> Self {
        Self {
            severities: Kind::ALL.map(|_| Severity::Repair),
            emails: true,
            numbers: true,
            secrets: Some(secret::Search::new()),
        }
    }

    /// Searches `example` and redacts what must be; returns whether the original contained anything
    /// that must not be written to any file.
    pub(crate) fn row(&self, example: &mut Example<'_>, faults: &mut Vec<Fault>) -> bool {
        let mut tally = Tally::default();
        if let Some(system) = &mut example.system {
            self.text(system, None, &mut tally);
        }
        for turn in &mut example.turns {
            let place = Some(turn.place);
            for part in &mut turn.parts {
                match part {
                    Part::Text(text) => self.text(text, place, &mut tally),
                    Part::Other(_, part) => self.object(part, place, &mut tally),
                }
            }
        }
        for (_, value) in &mut example.extras {
            self.value(value, None, &mut tally);
        }
        faults.extend(tally.faults());
        Kind::ALL
            .into_iter()
            .zip(tally.counts)
            .any(|(kind, (count, _))| count > 0 && self.is_secret(kind))
    }

    /// Whether a row that could not be parsed contains nothing that must not be written, in its raw
    /// form or with its numeric escapes decoded.
    pub(crate) fn is_quotable(&self, raw: &[u8]) -> bool {
        let text = String::from_utf8_lossy(raw);
        let is_secret = |text: &str| self.find(text).iter().any(|hit| self.is_secret(hit.kind));
        !is_secret(&text) && !unescaped(&text).is_some_and(|text| is_secret(&text))
    }

    fn value(&self, value: &mut Value<'_>, place: Option<Place>, tally: &mut Tally) {
        match value {
            Value::Text(text) => self.text(text, place, tally),
            Value::List(nodes) => {
                for node in nodes {
                    self.value(&mut node.value, place, tally);
                }
            }
            Value::Object(object) => self.object(object, place, tally),
            Value::Number(number) => {
                let mut text = Text::of(number);
                self.text(&mut text, place, tally);
                if text.escaped() != number.as_ref() {
                    *value = Value::Text(text);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&self, object: &mut Object<'_>, place: Option<Place>, tally: &mut Tally) {
        for (_, node) in &mut object.members {
            self.value(&mut node.value, place, tally);
        }
        self.keys(object, place, tally);
    }

    /// Searches the keys of `object`; keys remain distinct after redaction.
    fn keys(&self, object: &mut Object<'_>, place: Option<Place>, tally: &mut Tally) {
        let is_found = |key: &str| !self.find(key).is_empty();
        if !object.keys().any(is_found) {
            return;
        }
        let mut taken: HashSet<String> = object.keys().map(str::to_owned).collect();
        let mut more = 1_u32;
        for (key, _) in &mut object.members {
            let mut text = Text::of(key);
            self.text(&mut text, place, tally);
            let masked = text.plain();
            if masked == *key {
                continue;
            }
            let mut name = masked.clone().into_owned();
            while !taken.insert(name.clone()) {
                more += 1;
                name = format!("{masked} {more}");
            }
            *key = Cow::Owned(name);
        }
    }

    fn text(&self, text: &mut Text<'_>, place: Option<Place>, tally: &mut Tally) {
        let hits = self.find(text.escaped());
        if hits.is_empty() {
            return;
        }
        for hit in &hits {
            tally.add(hit.kind, place);
        }
        let mut redacted = self.redacted(hits);
        while !redacted.is_empty() {
            let masks = redacted
                .iter()
                .map(|hit| (hit.range.clone(), hit.kind.mask()));
            text.replace(masks);
            // Text that followed a redacted number may now itself look like a number.
            redacted = self.redacted(self.find(text.escaped()));
            for hit in &redacted {
                tally.add(hit.kind, place);
            }
        }
    }

    /// The `hits` that are to be redacted.
    fn redacted(&self, mut hits: Vec<Hit>) -> Vec<Hit> {
        hits.retain(|hit| self.severity(hit.kind) == Severity::Repair);
        hits
    }

    /// The matches in an escaped text, in order, without overlaps.
    fn find(&self, escaped: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        let bytes = escaped.as_bytes();
        if let Some(secrets) = &self.secrets {
            secrets.find(bytes, &mut hits);
        }
        if self.emails {
            email::find(bytes, &mut hits);
        }
        if self.numbers {
            number::find(bytes, &mut hits);
        }
        if hits.is_empty() {
            return hits;
        }
        hits.retain(|hit| self.severity(hit.kind) != Severity::Off);
        hits.sort_by_key(|hit| hit.range.start);
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

    fn severity(&self, kind: Kind) -> Severity {
        let mut all = Kind::ALL.into_iter().zip(self.severities);
        all.find(|(other, _)| *other == kind)
            .map_or(Severity::Off, |(_, severity)| severity)
    }

    /// Whether data of this `kind` is to be removed from the dataset, and so must not be in any
    /// file.
    fn is_secret(&self, kind: Kind) -> bool {
        matches!(self.severity(kind), Severity::Repair | Severity::Reject)
    }
}

/// The text with everything masked that any search could find.
pub(crate) fn masked(plain: &str) -> String {
    static ALL: LazyLock<Search> = LazyLock::new(Search::of_all);
    let mut text = Text::of(plain);
    ALL.text(&mut text, None, &mut Tally::default());
    text.plain().into_owned()
}

/// The row with numeric escapes such as `\u0040` decoded, however many times it was encoded; `None`
/// if there are none.
fn unescaped(raw: &str) -> Option<String> {
    let mut read: Option<String> = None;
    let mut from = 0;
    for at in memchr_iter(b'\\', raw.as_bytes()) {
        let units = raw
            .get(at + 2..at + 6)
            .filter(|_| raw.as_bytes().get(at + 1) == Some(&b'u'));
        let Some(code) = units.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            continue;
        };
        let read = read.get_or_insert_default();
        let before = raw.get(from..at).unwrap_or_default();
        read.push_str(before.trim_end_matches('\\'));
        // A surrogate is not a letter, digit or mark of anything searched for.
        read.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        from = at + 6;
    }
    read.map(|read| read + raw.get(from..).unwrap_or_default())
}

/// The number of matches in a row, and the position of the first.
#[derive(Default)]
struct Tally {
    counts: [(u32, Option<Place>); Kind::ALL.len()],
}

impl Tally {
    fn add(&mut self, kind: Kind, place: Option<Place>) {
        for (other, (count, first)) in Kind::ALL.into_iter().zip(&mut self.counts) {
            if other == kind {
                if *count == 0 {
                    *first = place;
                }
                *count += 1;
            }
        }
    }

    fn faults(&self) -> impl Iterator<Item = Fault> {
        let found = Kind::ALL.into_iter().zip(self.counts);
        found
            .filter(|(_, (count, _))| *count > 0)
            .map(|(kind, (count, place))| {
                let fault = Fault::new(kind.rule()).within(place);
                match count {
                    1 => fault,
                    count => fault.saying(format!("{}; {count} in total", kind.rule().doc)),
                }
            })
    }
}

/// Whether a word may start at `at`: the byte before is not part of a word, or it ends an escape.
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

/// The number of consecutive bytes from `at` on for which `is` holds.
fn count(bytes: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| is(**byte)).count()
}

#[cfg(test)]
pub(crate) mod tests;

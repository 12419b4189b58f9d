//! Classes of bytes that occur in the texts of a row. They are collected while the row is parsed.
//! Most rows have no byte that most rules look for, so those rules need not scan them at all.

use std::ops::{BitOr, BitOrAssign};

/// A set of byte classes. A class in the set means that a scan may find something, no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ByteClasses(u8);

impl ByteClasses {
    /// A possible marker of a prompt template.
    pub(crate) const MARKER: Self = Self(1);
    /// Three backticks in a row, or an escaped one.
    pub(crate) const FENCE: Self = Self(2);
    /// A control character other than a line end or a tab.
    pub(crate) const CONTROL: Self = Self(4);
    /// Adjacent accented letters, which double encoding leaves behind, or U+FFFD.
    pub(crate) const MOJIBAKE: Self = Self(8);
    /// A possible placeholder.
    pub(crate) const PLACEHOLDER: Self = Self(16);
    /// A run of letters and digits that may be a key or a token.
    pub(crate) const TOKEN: Self = Self(32);
    /// All classes, for texts that were not examined.
    pub(crate) const ALL: Self = Self(63);

    /// The classes of a character that was escaped.
    pub(crate) fn of_char(c: char) -> Self {
        match c {
            // First, since rows that are escaped to ASCII are full of these.
            '\u{100}'..='\u{fffc}' | '\n' | '\r' | '\t' => Self::default(),
            '{' | '[' | '<' | '#' => Self::MARKER | Self::PLACEHOLDER,
            '`' => Self::FENCE,
            // A token may be escaped in part or in whole.
            c if c.is_ascii_alphanumeric() => Self::TOKEN,
            c if c.is_control() => Self::CONTROL | Self::MOJIBAKE,
            '\u{a0}'..='\u{ff}' | '\u{fffd}' => Self::MOJIBAKE,
            _ => Self::default(),
        }
    }

    /// The classes of a text that continues with `rest`, which is escaped and begins with `{`, `[`,
    /// `<` or `#`. The byte after it rules most brackets out.
    pub(crate) fn of_markup(rest: &[u8]) -> Self {
        match rest {
            // The escaped character can be anything.
            [_, b'\\', b'u', ..] => Self::MARKER | Self::PLACEHOLDER,
            [b'<', b'I' | b'Y' | b'i' | b'y', ..]
            | [b'{', b'{' | b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => Self::PLACEHOLDER,
            [b'<', next, ..] => match next.to_ascii_lowercase() {
                b'|' | b'/' | b'<' | b'a' | b'b' | b'e' | b'h' | b's' | b'u' => Self::MARKER,
                _ => Self::default(),
            },
            [b'[', b'/' | b'i' | b'I', ..] | [b'#', b'#', ..] => Self::MARKER,
            _ => Self::default(),
        }
    }

    /// These classes, if any of `bits` is set.
    pub(crate) const fn if_any(self, bits: u64) -> Self {
        if bits == 0 { Self(0) } else { self }
    }

    /// Both sets, where a constant is needed.
    pub(crate) const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether the two sets have a class in common.
    pub(crate) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl BitOr for ByteClasses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for ByteClasses {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

//! What kinds of bytes the texts of a row hold. They are seen while the row is read, and most rows
//! have nothing of what most rules look for: those need not look through all of it themselves.

use std::ops::{BitOr, BitOrAssign};

/// A set of signs. That one is there says that a look is worth it, and no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ByteClasses(u8);

impl ByteClasses {
    /// What may be a marker of a prompt template.
    pub(crate) const MARKER: Self = Self(1);
    /// Three backticks in a row, or one that is escaped.
    pub(crate) const FENCE: Self = Self(2);
    /// A control character that is no line end and no tab.
    pub(crate) const CONTROL: Self = Self(4);
    /// Accented letters side by side, as text has that was encoded twice, or U+FFFD.
    pub(crate) const MOJIBAKE: Self = Self(8);
    /// What may be a placeholder.
    pub(crate) const PLACEHOLDER: Self = Self(16);
    /// All of them: what is not known may be there.
    pub(crate) const ALL: Self = Self(31);

    /// What a character that was escaped may be a sign of.
    pub(crate) fn of_char(c: char) -> Self {
        match c {
            // First, since rows that are escaped down to ASCII are full of these.
            '\u{100}'..='\u{fffc}' | '\n' | '\r' | '\t' => Self::default(),
            '{' | '[' | '<' | '#' => Self::MARKER | Self::PLACEHOLDER,
            '`' => Self::FENCE,
            c if c.is_control() => Self::CONTROL | Self::MOJIBAKE,
            '\u{a0}'..='\u{ff}' | '\u{fffd}' => Self::MOJIBAKE,
            _ => Self::default(),
        }
    }

    /// What a text may have that goes on with `rest`, which is escaped and begins with `{`, `[`, `<` or
    /// `#`: most brackets are seen off by the byte after them.
    pub(crate) fn of_markup(rest: &[u8]) -> Self {
        match rest {
            // What is escaped here may be anything.
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

    /// These signs, if any of `bits` is set.
    pub(crate) const fn if_any(self, bits: u64) -> Self {
        if bits == 0 { Self(0) } else { self }
    }

    /// Whether any of `others` is among these.
    pub(crate) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

impl BitOr for ByteClasses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ByteClasses {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

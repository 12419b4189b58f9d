//! Classifies a row's bytes in one pass before parsing: where the parser must stop within strings,
//! and which rules' patterns the strings may contain.

use std::{cell::Cell, mem};

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

use crate::{
    blocks::{BLOCK, Blocks},
    byte_classes::ByteClasses,
};

/// Positions in a text, one bit per byte.
#[derive(Debug)]
pub(super) struct Stops {
    words: Vec<u64>,
}

thread_local! {
    /// The buffer of the last row: allocating it again for every row takes a fiftieth of all the
    /// work.
    static ROOM: Cell<Vec<u64>> = const { Cell::new(Vec::new()) };
}

impl Drop for Stops {
    fn drop(&mut self) {
        ROOM.set(mem::take(&mut self.words));
    }
}

impl Stops {
    /// Where a text must be escaped: quotes, backslashes, control characters below U+0020.
    pub(super) fn of_plain(text: &str) -> Self {
        let mut words = room(text);
        dispatch!(Level::new(), simd => look_plain(simd, text.as_bytes(), &mut words));
        Self { words }
    }

    /// Where a JSON parser must stop within strings, and the byte classes in them. It must stop at
    /// opening and closing quotes, at control characters below U+0020, and at the byte *after* the
    /// backslash of any escape except `\n`, `\t`, `\r`, `\"` and `\\`, which the engine writes in
    /// the same way.
    ///
    /// For invalid JSON, the stops up to its first fault are correct.
    pub(super) fn of_json(text: &str) -> (Self, ByteClasses) {
        let mut words = room(text);
        let byte_classes =
            dispatch!(Level::new(), simd => look_json(simd, text.as_bytes(), &mut words));
        (Self { words }, byte_classes)
    }

    /// The first stop at or after `at`.
    #[inline]
    pub(super) fn next(&self, at: usize) -> Option<usize> {
        let mut index = at / BLOCK;
        let mut word = self.words.get(index)? & (u64::MAX << (at % BLOCK));
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        // At most 63.
        Some(index * BLOCK + word.trailing_zeros() as usize)
    }
}

fn room(text: &str) -> Vec<u64> {
    let mut words = ROOM.take();
    // The previous content is overwritten.
    words.resize(text.len().div_ceil(BLOCK), 0);
    words
}

#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn look_plain<S: Simd>(simd: S, bytes: &[u8], words: &mut [u64]) {
    let mut words = words.iter_mut();
    for piece in Blocks::of(bytes).pieces() {
        for (block, word) in piece.iter().zip(&mut words) {
            let bytes = u8x64::from_slice(simd, block);
            // Zero for each of those bytes. Comparing with each of them costs as much, and the
            // compiler turns it into byte-by-byte table lookups.
            let stops = (bytes ^ b'"').min(bytes ^ b'\\').min(bytes & 0xE0);
            *word = at(stops, 0);
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn look_json<S: Simd>(simd: S, text: &[u8], words: &mut [u64]) -> ByteClasses {
    // Whether the next byte is escaped, and whether it is inside a string: 1 or 0.
    let (mut escaped, mut inside) = (0, 0);
    let letters = u8x64::from_slice(simd, &LETTERS);
    let marks = u8x64::from_slice(simd, &MARKS);
    let rarities = u8x64::from_slice(simd, &RARITIES);
    let mut seen = ClassBits::default();
    let mut start = 0;
    let mut words = words.iter_mut();
    for piece in Blocks::of(text).pieces() {
        for (block, word) in piece.iter().zip(&mut words) {
            let bytes = u8x64::from_slice(simd, block);
            let (quote, backslash) = (at(bytes, b'"'), at(bytes, b'\\'));
            let after_backslash = escapes(backslash, &mut escaped);
            let quotes = quote & !after_backslash;
            let usual = among(bytes, letters) | quote | backslash;
            *word = quotes | at(bytes & 0xE0, 0) | after_backslash & !usual;
            // `[` maps to `{` here, and `@` to the backtick, which only costs an extra check.
            let mark = among(bytes | 0x20, marks);
            let telling = mark | among(bytes, rarities) | at(bytes, 0x7F);
            if telling | seen.before.bits() != 0 {
                let within = prefix_xor(quotes ^ inside);
                seen.look_at(bytes, within, text, start);
            }
            seen.runs
                .look_at(token_bytes(bytes), (bytes - b'0').simd_le(9).to_bitmask());
            inside ^= u64::from(quotes.count_ones()) & 1;
            start += BLOCK;
        }
    }
    seen.byte_classes()
}

/// The letters of common escapes, by their low nibbles.
const LETTERS: [u8; BLOCK] = by_low_half(b"nrt");

/// The characters that open markup, a template or a code block, by their low nibbles.
const MARKS: [u8; BLOCK] = by_low_half(b"<#{`");

/// The lead bytes of control characters beyond ASCII, of mojibake and of U+FFFD, by their low
/// nibbles. Most letters of most scripts have other lead bytes.
const RARITIES: [u8; BLOCK] = by_low_half(b"\xC2\xC3\xEF");

/// A table with each of `bytes` at the index of its low nibble: looking a byte up and comparing
/// shows whether it is one of them. The lookup instruction works on 16 bytes, so the table is
/// repeated four times.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
const fn by_low_half(bytes: &[u8]) -> [u8; BLOCK] {
    // A byte that occurs in no UTF-8 text.
    let mut table = [0xFF; BLOCK];
    let mut index = 0;
    while index < bytes.len() {
        let mut at = (bytes[index] & 0x0F) as usize;
        while at < BLOCK {
            table[at] = bytes[index];
            at += 16;
        }
        index += 1;
    }
    table
}

/// The bytes that are escaped, given the `backslashes`. `carry` says whether the first byte is
/// escaped, and afterwards whether the byte after the last one is.
///
/// In a run of backslashes, every second one is escaped by the previous. An addition carries from
/// the start of a run to its end; the parity of the end relative to the start gives the parity of
/// the run's length.
#[inline]
fn escapes(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let starting = backslashes & !*carry;
    // Backslashes that escape, and the bytes after the runs that they escape.
    let pairs = (starting << 1 | ODD).wrapping_sub(starting) ^ ODD;
    let escaped = pairs ^ (backslashes | *carry);
    *carry = (pairs & backslashes) >> (BLOCK - 1);
    escaped
}

/// The byte classes seen in strings so far: any set bit means yes. See [`ByteClasses`].
#[derive(Default)]
struct ClassBits {
    before: ScanCarry,
    fence: u64,
    control: u64,
    mojibake: u64,
    markup: ByteClasses,
    runs: TokenRuns,
}

/// Runs of bytes that may be a key or a token: long ones with a digit, and very long ones.
#[derive(Default)]
struct TokenRuns {
    seen: bool,
    /// Length of the run at the end of the previous block, up to its length.
    open: u32,
    /// Whether that part of it has a digit.
    open_digit: bool,
}

impl TokenRuns {
    /// Bytes of a run that has a digit. The shortest secret that is looked for is a password of so
    /// many, after its name.
    const WITH_DIGIT_MIN: u32 = 12;

    /// Bytes of a run without a digit: tokens of letters alone are rare, and longer.
    const MIN: u32 = 24;

    /// Examines a block, given the bytes of runs and the digits in it.
    #[inline]
    fn look_at(&mut self, tokens: u64, digits: u64) {
        let first = tokens.trailing_ones();
        let joined = self.open + first;
        // Where runs of 2, 4, 8 and 12 start.
        let two = tokens & tokens >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        let twelve = eight & four >> 8;
        if (twelve != 0 || joined >= Self::WITH_DIGIT_MIN) && !self.seen {
            let near = digits | digits >> 1;
            let near = near | near >> 2;
            let near = near | near >> 4 | near >> 8;
            let has_digit = self.open_digit || digits & !(u64::MAX << first.min(63)) != 0;
            self.seen = twelve & near != 0
                || twelve & twelve >> Self::WITH_DIGIT_MIN != 0
                || joined >= Self::WITH_DIGIT_MIN && has_digit
                || joined >= Self::MIN;
        }
        let last = tokens.leading_ones();
        self.open_digit = digits != 0 && last != 0 && digits >> (u64::BITS - last) != 0;
        self.open = last;
    }
}

/// The bytes of keys and tokens, and of addresses with passwords: letters, digits, and `-./:;<=@_`.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn token_bytes<S: Simd>(simd_bytes: u8x64<S>) -> u64 {
    let folded = simd_bytes | 0x20;
    // `@` folds to the backtick before the letters, `_` to the last byte of ASCII.
    let letters = (folded - b'`').simd_le(26);
    let others = (folded - b'-').simd_le(b'=' - b'-');
    (letters | others | folded.simd_eq(0x7F)).to_bitmask()
}

/// What the previous block's last bytes may continue as, in the lowest bits.
#[derive(Default)]
struct ScanCarry {
    c2: u64,
    c3: u64,
    ef: u64,
    bf: u64,
    /// For the last byte, and for the last two bytes.
    tick: u64,
    ticks: u64,
}

impl ScanCarry {
    /// Whether any bit is set: then the next block must be examined, whatever it contains.
    #[inline]
    fn bits(&self) -> u64 {
        self.c2 | self.c3 | self.ef | self.bf | self.ticks
    }
}

impl ClassBits {
    /// Examines the `bytes` of `text` from `start` on, of which those in `within` are in strings.
    #[expect(
        clippy::inline_always,
        reason = "inlined so that it is compiled for each instruction set"
    )]
    #[inline(always)]
    fn look_at<S: Simd>(&mut self, bytes: u8x64<S>, within: u64, text: &[u8], start: usize) {
        let ticks = at(bytes, b'`');
        let fence = ticks & (ticks << 1 | self.before.tick) & (ticks << 2 | self.before.ticks);
        self.before.tick = ticks >> (BLOCK - 1);
        self.before.ticks = ticks >> (BLOCK - 2);
        self.fence |= fence & within;
        let markup = at(no_markup(bytes), 0) & within;
        if markup != 0 {
            self.markup |= classes_of_markup(text, start, markup);
        }
        let (control, mojibake) = beyond_ascii(bytes, &mut self.before);
        self.control |= control & within;
        self.mojibake |= mojibake & within;
    }

    fn byte_classes(&self) -> ByteClasses {
        self.markup
            | ByteClasses::FENCE.if_any(self.fence)
            | ByteClasses::CONTROL.if_any(self.control)
            | ByteClasses::MOJIBAKE.if_any(self.mojibake)
            | ByteClasses::TOKEN.if_any(u64::from(self.runs.seen))
    }
}

/// The classes of the markup at `places`, counted from `start`.
#[inline(never)]
fn classes_of_markup(text: &[u8], start: usize, mut places: u64) -> ByteClasses {
    let mut byte_classes = ByteClasses::default();
    while places != 0 {
        // At most 63.
        let at = start + places.trailing_zeros() as usize;
        byte_classes |= ByteClasses::of_markup(text.get(at..).unwrap_or_default());
        places &= places - 1;
    }
    byte_classes
}

/// For each bit, whether the number of set bits up to it is odd.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The classes that need bytes beyond printable ASCII: control characters and mojibake.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn beyond_ascii<S: Simd>(bytes: u8x64<S>, before: &mut ScanCarry) -> (u64, u64) {
    let (c2, c3) = (at(bytes, 0xC2), at(bytes, 0xC3));
    let (ef, bf) = (at(bytes, 0xEF), at(bytes, 0xBF));
    // U+0080 to U+009F are 0xC2 followed by a byte up to 0x9F.
    let low = bytes.simd_le(0x9F).to_bitmask();
    let control = at(bytes, 0x7F) | (c2 << 1 | before.c2) & low;
    // U+00C0 to U+00FF are 0xC3 and a byte; mojibake has another such character, or punctuation,
    // next.
    let lead = bytes.simd_ge(0xC2).to_bitmask();
    let lost = (ef << 2 | before.ef) & (bf << 1 | before.bf) & at(bytes, 0xBD);
    let mojibake = (c3 << 2 | before.c3) & lead | lost;
    *before = ScanCarry {
        c2: c2 >> (BLOCK - 1),
        c3: c3 >> (BLOCK - 2),
        ef: ef >> (BLOCK - 2),
        bf: bf >> (BLOCK - 1),
        ..*before
    };
    (control, mojibake)
}

/// Zero for bytes that open markup or a template.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn no_markup<S: Simd>(bytes: u8x64<S>) -> u8x64<S> {
    // `[` and `{` differ in one bit.
    (bytes ^ b'<').min(bytes ^ b'#').min((bytes | 0x20) ^ b'{')
}

/// The positions of bytes that are in `table`, by their low nibbles.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn among<S: Simd>(bytes: u8x64<S>, table: u8x64<S>) -> u64 {
    let likely = table.swizzle_dyn_within_blocks(bytes & 0x0F);
    likely.simd_eq(bytes).to_bitmask()
}

/// The positions of `byte`.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn at<S: Simd>(bytes: u8x64<S>, byte: u8) -> u64 {
    bytes.simd_eq(byte).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stops: &Stops) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(stop) = stops.next(at) {
            found.push(stop);
            at = stop + 1;
        }
        found
    }

    /// The stops within JSON, found byte by byte.
    fn plain_walk(json: &[u8]) -> Vec<usize> {
        let (mut stops, mut escaped) = (Vec::new(), false);
        for (at, byte) in json.iter().enumerate() {
            let is_usual = escaped && matches!(byte, b'n' | b't' | b'r' | b'"' | b'\\');
            if *byte < 0x20 || (escaped && !is_usual) || (*byte == b'"' && !escaped) {
                stops.push(at);
            }
            escaped = *byte == b'\\' && !escaped;
        }
        stops
    }

    proptest! {
        #[test]
        fn every_byte_that_must_be_escaped_is_a_stop(text in r#"[ -~"\\\n\x00-\x1fé😀]{0,300}"#) {
            let must_be = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
            let bytes = text.as_bytes();
            let expected: Vec<usize> = (0..bytes.len()).filter(|at| must_be(bytes[*at])).collect();
            prop_assert_eq!(all(&Stops::of_plain(&text)), expected);
        }

        #[test]
        fn stops_within_json_match_a_byte_by_byte_walk(text in r#"([ntrub"/é \x01]|\\{1,5}|[a-z]{50,70}|\\{60,70}){0,40}"#) {
            let (stops, _) = Stops::of_json(&text);
            let mut found = all(&stops);
            // A position beyond the end of the text does not matter.
            found.retain(|at| *at < text.len());
            prop_assert_eq!(found, plain_walk(text.as_bytes()));
        }
    }

    /// The classes of `text` at any position within a string, and outside of strings.
    #[track_caller]
    fn check(text: &str, expected: ByteClasses) {
        for before in 0..130 {
            let around = "!".repeat(before);
            let within = format!("{around}\"\\\\{text} and \\\" more\"{around}");
            assert_eq!(Stops::of_json(&within).1, expected, "{within:?}");
            let beside = format!("\"{around}\"{text} and more\"{around}\\\"\"{text}");
            assert_eq!(
                Stops::of_json(&beside).1,
                ByteClasses::default(),
                "{beside:?}"
            );
        }
    }

    #[test]
    fn every_class_is_seen_at_every_position() {
        for (texts, sign) in [
            (
                &["[/", "[INST]", "<|", "<User", "##"][..],
                ByteClasses::MARKER,
            ),
            (
                &["{{", "{name", "{Name", "<YOUR", "<your", "<insert"],
                ByteClasses::PLACEHOLDER,
            ),
            (&["```", "````"], ByteClasses::FENCE),
            (&["\u{7f}", "\u{80}", "\u{9f}"], ByteClasses::CONTROL),
            (&["Ã©", "â€", "ï»", "ðŸ", "\u{fffd}"], ByteClasses::MOJIBAKE),
        ] {
            for text in texts {
                check(text, sign);
            }
        }
    }

    #[test]
    fn runs_that_may_be_tokens_are_seen_at_every_position() {
        for text in [
            "AKIAA1B2C3D4E5F6G7H8",
            "abcdefghijk1",
            "1abcdefghijk",
            "hf_QwErTyUiOpAsDfGhJkLzXcVb",
            "//app:hunter2@db.internal",
        ] {
            for before in 0..130 {
                let around = " ".repeat(before);
                let json = format!("{{\"input\":\"{around}{text}\"}}");
                let (_, classes) = Stops::of_json(&json);
                assert_eq!(classes, ByteClasses::TOKEN, "{json}");
            }
        }
    }

    #[test]
    fn plain_texts_have_no_class() {
        for text in [
            "",
            "{ } [1, 2] <3 # {\\\"a\\\": 1} <Name> {\\n [\\t",
            "the internationalization of 12 words 2024-01-15 a1b2c3d4e5",
            "São Tomé — naïve, ‘привет’, 数据 😀; 100 % | ~ ^ * _ / ﻿￥",
        ] {
            check(text, ByteClasses::default());
        }
    }
}

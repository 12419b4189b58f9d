//! What the bytes of a row are, found in one walk before it is read: where reading must stop within
//! its texts, and what a rule might look for in them.

use std::{cell::Cell, mem};

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

use crate::{
    blocks::{BLOCK, Blocks},
    byte_classes::ByteClasses,
};

/// Places in a text, a bit for each of its bytes.
#[derive(Debug)]
pub(super) struct Stops {
    words: Vec<u64>,
}

thread_local! {
    /// The room that the last row's words took: to ask for it anew, for each row, is a fiftieth of
    /// all the work.
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

    /// Where a reader of JSON must stop within texts, and what these hold. It must stop at quotes
    /// that open or close, at control characters below U+0020, and at the byte *after* the backslash
    /// of any escape but `\n`, `\t`, `\r`, `\"` and `\\`, which are written so here as well.
    ///
    /// Of what is no JSON, the stops up to its first fault are right.
    pub(super) fn of_json(text: &str) -> (Self, ByteClasses) {
        let mut words = room(text);
        let byte_classes =
            dispatch!(Level::new(), simd => look_json(simd, text.as_bytes(), &mut words));
        (Self { words }, byte_classes)
    }

    /// The first stop at `at` or after it.
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
    // What earlier texts left there is written over.
    words.resize(text.len().div_ceil(BLOCK), 0);
    words
}

#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn look_plain<S: Simd>(simd: S, bytes: &[u8], words: &mut [u64]) {
    let mut words = words.iter_mut();
    for piece in Blocks::of(bytes).pieces() {
        for (block, word) in piece.iter().zip(&mut words) {
            let bytes = u8x64::from_slice(simd, block);
            // Zero where a byte is one of those. Comparing with each and joining that is as much
            // work, and the compiler makes table lookups of it, byte by byte.
            let stops = (bytes ^ b'"').min(bytes ^ b'\\').min(bytes & 0xE0);
            *word = at(stops, 0);
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn look_json<S: Simd>(simd: S, text: &[u8], words: &mut [u64]) -> ByteClasses {
    // Whether the byte to come is escaped, and whether it is within a text: 1 or 0.
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
            // `[` is `{` then, and `@` is the tick, which costs a look and no more.
            let mark = among(bytes | 0x20, marks);
            let telling = mark | among(bytes, rarities) | at(bytes, 0x7F);
            if telling | seen.before.bits() != 0 {
                let within = prefix_xor(quotes ^ inside);
                seen.look_at(bytes, within, text, start);
            }
            inside ^= u64::from(quotes.count_ones()) & 1;
            start += BLOCK;
        }
    }
    seen.byte_classes()
}

/// The letters of usual escapes, by their low halves.
const LETTERS: [u8; BLOCK] = by_low_half(b"nrt");

/// What opens markup, a template or a block of code, by its low half.
const MARKS: [u8; BLOCK] = by_low_half(b"<#{`");

/// What control characters beyond ASCII, mojibake and U+FFFD begin with, by its low half. Most letters
/// of most scripts begin otherwise.
const RARITIES: [u8; BLOCK] = by_low_half(b"\xC2\xC3\xEF");

/// A table that has each of `bytes` at the place of its low half: to look a byte up and compare it tells
/// whether it is any of them. Sixteen bytes are looked up in sixteen, so the table is there four times.
#[expect(
    clippy::indexing_slicing,
    reason = "it is all done while this is compiled"
)]
const fn by_low_half(bytes: &[u8]) -> [u8; BLOCK] {
    // What is no byte of any text.
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

/// Which bytes are escaped by a backslash, where `backslashes` are. `carry` tells whether the first
/// one is, and then whether the one behind the last is.
///
/// Of backslashes in a row every second one is escaped by the one before. A sum carries from the
/// start of a row to its end: whether that is an even or an odd place, compared with the start,
/// tells how many there are.
#[inline]
fn escapes(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let starting = backslashes & !*carry;
    // Backslashes that escape, and the bytes at the ends of the rows that they escape.
    let pairs = (starting << 1 | ODD).wrapping_sub(starting) ^ ODD;
    let escaped = pairs ^ (backslashes | *carry);
    *carry = (pairs & backslashes) >> (BLOCK - 1);
    escaped
}

/// What was seen within texts so far: bits are set where there was one. See [`ByteClasses`].
#[derive(Default)]
struct ClassBits {
    before: Carry,
    fence: u64,
    control: u64,
    mojibake: u64,
    markup: ByteClasses,
}

/// What the last bytes of the block before lead on to, at the first bits.
#[derive(Default)]
struct Carry {
    c2: u64,
    c3: u64,
    ef: u64,
    bf: u64,
    /// The last byte's, and the last two bytes'.
    tick: u64,
    ticks: u64,
}

impl Carry {
    /// Whether there is anything: then the next block must be looked at, whatever it has.
    #[inline]
    fn bits(&self) -> u64 {
        self.c2 | self.c3 | self.ef | self.bf | self.ticks
    }
}

impl ClassBits {
    /// Looks at the `bytes` of `text` from `start` on, of which those are `within` texts.
    #[expect(
        clippy::inline_always,
        reason = "only so it is made for each processor"
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
            self.markup |= signs_of_markup(text, start, markup);
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
    }
}

/// What markup at `places`, counted from `start`, may be a sign of.
#[inline(never)]
fn signs_of_markup(text: &[u8], start: usize, mut places: u64) -> ByteClasses {
    let mut byte_classes = ByteClasses::default();
    while places != 0 {
        // At most 63.
        let at = start + places.trailing_zeros() as usize;
        byte_classes |= ByteClasses::of_markup(text.get(at..).unwrap_or_default());
        places &= places - 1;
    }
    byte_classes
}

/// At each bit, whether an odd number of bits is set up to it.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The signs that only blocks beyond printable ASCII can have: control characters and mojibake.
#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn beyond_ascii<S: Simd>(bytes: u8x64<S>, before: &mut Carry) -> (u64, u64) {
    let (c2, c3) = (at(bytes, 0xC2), at(bytes, 0xC3));
    let (ef, bf) = (at(bytes, 0xEF), at(bytes, 0xBF));
    // U+0080 to U+009F are 0xC2 and a byte up to 0x9F.
    let low = bytes.simd_le(0x9F).to_bitmask();
    let control = at(bytes, 0x7F) | (c2 << 1 | before.c2) & low;
    // U+00C0 to U+00FF are 0xC3 and a byte; another such character, or a sign, comes after.
    let lead = bytes.simd_ge(0xC2).to_bitmask();
    let lost = (ef << 2 | before.ef) & (bf << 1 | before.bf) & at(bytes, 0xBD);
    let mojibake = (c3 << 2 | before.c3) & lead | lost;
    *before = Carry {
        c2: c2 >> (BLOCK - 1),
        c3: c3 >> (BLOCK - 2),
        ef: ef >> (BLOCK - 2),
        bf: bf >> (BLOCK - 1),
        ..*before
    };
    (control, mojibake)
}

/// Zero where a byte opens markup or a template.
#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn no_markup<S: Simd>(bytes: u8x64<S>) -> u8x64<S> {
    // `[` and `{` are one bit apart.
    (bytes ^ b'<').min(bytes ^ b'#').min((bytes | 0x20) ^ b'{')
}

/// Where any of those bytes is that are in `table` by their low halves.
#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn among<S: Simd>(bytes: u8x64<S>, table: u8x64<S>) -> u64 {
    let likely = table.swizzle_dyn_within_blocks(bytes & 0x0F);
    likely.simd_eq(bytes).to_bitmask()
}

/// Where `byte` is.
#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
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

    /// The stops within JSON, one byte after the other.
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
        fn stops_within_json_are_those_of_a_plain_walk(text in r#"([ntrub"/é \x01]|\\{1,5}|[a-z]{50,70}|\\{60,70}){0,40}"#) {
            let (stops, _) = Stops::of_json(&text);
            let mut found = all(&stops);
            // What would be escaped is behind the end.
            found.retain(|at| *at < text.len());
            prop_assert_eq!(found, plain_walk(text.as_bytes()));
        }
    }

    /// What is seen in `text` wherever it stands in a text of a row, and what beside it.
    #[track_caller]
    fn check(text: &str, expected: ByteClasses) {
        for before in 0..130 {
            let around = "n".repeat(before);
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
    fn every_sign_is_seen_wherever_it_stands() {
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
    fn plain_texts_have_none() {
        for text in [
            "",
            "{ } [1, 2] <3 # {\\\"a\\\": 1} <Name> {\\n [\\t",
            "São Tomé — naïve, ‘привет’, 数据 😀; 100 % | ~ ^ * _ / ﻿￥",
        ] {
            check(text, ByteClasses::default());
        }
    }
}

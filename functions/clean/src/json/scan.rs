//! What the bytes of a row are, found in one walk before it is read: where a run of plain text
//! ends, and what a rule might look for.

use std::{cell::Cell, mem, ops::Range};

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

use crate::{
    blocks::{BLOCK, Blocks},
    signs::Signs,
};

/// A row, looked at.
#[derive(Debug)]
pub(super) struct Scan {
    blocks: Vec<Block>,
}

/// What 64 bytes are; their bits are in the order of the bytes.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Quotes, backslashes and control characters below U+0020.
    marks: u64,
    /// See [`Signs`].
    markup: u64,
    backtick: u64,
    control: u64,
    mojibake: u64,
}

thread_local! {
    /// The room that the last row's blocks took: to ask for it anew, for each row, is a fiftieth of
    /// all the work.
    static ROOM: Cell<Vec<Block>> = const { Cell::new(Vec::new()) };
}

impl Drop for Scan {
    fn drop(&mut self) {
        ROOM.set(mem::take(&mut self.blocks));
    }
}

impl Scan {
    pub(super) fn of(text: &str) -> Self {
        let mut blocks = ROOM.take();
        blocks.clear();
        blocks.reserve(text.len().div_ceil(BLOCK));
        dispatch!(Level::new(), simd => look(simd, text.as_bytes(), &mut blocks));
        Self { blocks }
    }

    /// The first mark at `at` or after it.
    pub(super) fn mark(&self, at: usize) -> Option<usize> {
        let mut index = at / BLOCK;
        let mut marks = self.blocks.get(index)?.marks & (u64::MAX << (at % BLOCK));
        while marks == 0 {
            index += 1;
            marks = self.blocks.get(index)?.marks;
        }
        // At most 63.
        Some(index * BLOCK + marks.trailing_zeros() as usize)
    }

    /// What is within `range`.
    pub(super) fn signs(&self, range: Range<usize>) -> Signs {
        let Some(last) = range.end.checked_sub(1).filter(|last| range.start <= *last) else {
            return Signs::default();
        };
        let (first, end) = (range.start / BLOCK, last / BLOCK);
        let blocks = self.blocks.get(first..=end).unwrap_or_default();
        let [mut markup, mut backtick, mut control, mut mojibake] = [0; 4];
        for (index, block) in (first..).zip(blocks) {
            let mut within = u64::MAX;
            if index == first {
                within &= u64::MAX << (range.start % BLOCK);
            }
            if index == end {
                within &= u64::MAX >> (BLOCK - 1 - last % BLOCK);
            }
            markup |= block.markup & within;
            backtick |= block.backtick & within;
            control |= block.control & within;
            mojibake |= block.mojibake & within;
        }
        Signs::MARKUP.if_any(markup)
            | Signs::BACKTICK.if_any(backtick)
            | Signs::CONTROL.if_any(control)
            | Signs::MOJIBAKE.if_any(mojibake)
    }
}

#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn look<S: Simd>(simd: S, bytes: &[u8], blocks: &mut Vec<Block>) {
    let mut before = Before::default();
    for block in Blocks::of(bytes).iter() {
        blocks.push(look_at(simd, block, &mut before));
    }
}

/// What the last bytes of the block before lead on to, at the first bits.
#[derive(Default)]
struct Before {
    c2: u64,
    c3: u64,
    ef: u64,
    bf: u64,
}

#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn look_at<S: Simd>(simd: S, block: &[u8; BLOCK], before: &mut Before) -> Block {
    let bytes = u8x64::from_slice(simd, block);
    // Zero where a byte is one of those. Comparing with each and joining that is as much work, and
    // the compiler makes table lookups of it, byte by byte.
    let mark = (bytes ^ b'"').min(bytes ^ b'\\').min(bytes & 0xE0);
    // `[` and `{` are one bit apart.
    let markup = (bytes ^ b'<').min(bytes ^ b'#').min((bytes | 0x20) ^ b'{');
    let (control, mojibake) = if bytes.simd_ge(0x7F).to_bitmask() == 0 {
        (0, 0)
    } else {
        beyond_ascii(block, before)
    };
    Block {
        marks: at(mark, 0),
        markup: at(markup, 0),
        backtick: at(bytes, b'`'),
        control,
        mojibake,
    }
}

/// The signs that only blocks beyond printable ASCII can have: control characters and mojibake.
#[inline(never)]
fn beyond_ascii(block: &[u8; BLOCK], before: &mut Before) -> (u64, u64) {
    dispatch!(Level::new(), simd => look_beyond_ascii(simd, block, before))
}

#[expect(
    clippy::inline_always,
    reason = "only so it is made for each processor"
)]
#[inline(always)]
fn look_beyond_ascii<S: Simd>(simd: S, block: &[u8; BLOCK], before: &mut Before) -> (u64, u64) {
    let bytes = u8x64::from_slice(simd, block);
    let (c2, c3) = (at(bytes, 0xC2), at(bytes, 0xC3));
    let (ef, bf) = (at(bytes, 0xEF), at(bytes, 0xBF));
    // U+0080 to U+009F are 0xC2 and a byte up to 0x9F.
    let low = bytes.simd_le(0x9F).to_bitmask();
    let control = at(bytes, 0x7F) | (c2 << 1 | before.c2) & low;
    // U+00C0 to U+00FF are 0xC3 and a byte; another such character, or a sign, comes after.
    let lead = bytes.simd_ge(0xC2).to_bitmask();
    let lost = (ef << 2 | before.ef) & (bf << 1 | before.bf) & at(bytes, 0xBD);
    let mojibake = (c3 << 2 | before.c3) & lead | lost;
    *before = Before {
        c2: c2 >> (BLOCK - 1),
        c3: c3 >> (BLOCK - 2),
        ef: ef >> (BLOCK - 2),
        bf: bf >> (BLOCK - 1),
    };
    (control, mojibake)
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

    proptest! {
        #[test]
        fn every_mark_is_found_in_order(text in r#"[ -~"\\\n\x00-\x1fé😀]{0,300}"#) {
            let is_mark = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
            let bytes = text.as_bytes();
            let expected: Vec<usize> = (0..bytes.len()).filter(|at| is_mark(bytes[*at])).collect();
            let scan = Scan::of(&text);
            let mut found = Vec::new();
            let mut at = 0;
            while let Some(mark) = scan.mark(at) {
                found.push(mark);
                at = mark + 1;
            }
            prop_assert_eq!(found, expected);
        }
    }

    /// What is seen in `text` wherever it stands, and what in what is around it.
    #[track_caller]
    fn check(text: &str, expected: Signs) {
        for before in 0..130 {
            let row = format!("{}{text} and more", "n".repeat(before));
            let scan = Scan::of(&row);
            assert_eq!(scan.signs(0..row.len()), expected, "{row:?}");
            let within = before..before + text.len();
            assert_eq!(scan.signs(within.clone()), expected, "{row:?}");
            let around = scan.signs(0..within.start) | scan.signs(within.end..row.len());
            assert_eq!(around, Signs::default(), "{row:?}");
        }
    }

    #[test]
    fn every_sign_is_seen_wherever_it_stands() {
        for (texts, sign) in [
            (&["{", "[", "<", "#"][..], Signs::MARKUP),
            (&["`"], Signs::BACKTICK),
            (&["\u{7f}", "\u{80}", "\u{9f}"], Signs::CONTROL),
            (&["Ã©", "â€", "ï»", "ðŸ", "\u{fffd}"], Signs::MOJIBAKE),
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
            "São Tomé — naïve, ‘привет’, 数据 😀; 100 % | ~ ^ * _ / ﻿￥",
        ] {
            check(text, Signs::default());
        }
    }
}

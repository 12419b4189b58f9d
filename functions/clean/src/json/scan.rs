//! Finds the bytes that end a run of plain text within a JSON string, 64 bytes at a time.

use wide::u8x16;

/// Bytes looked at together: a bit of a word each.
const BLOCK: usize = 64;

/// The quotes, backslashes and control characters of a row, in order.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    bytes: &'a [u8],
    /// Where the block in `found` starts.
    base: usize,
    /// A bit for every mark of the block that is still to come.
    found: u64,
}

impl<'a> Marks<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            base: 0,
            found: block(bytes, 0),
        }
    }

    /// The first mark at `at` or after it; `at` never goes back.
    pub(super) fn next(&mut self, at: usize) -> Option<usize> {
        if at - self.base < BLOCK {
            self.found &= u64::MAX << (at - self.base);
        } else {
            self.base = at;
            self.found = block(self.bytes, at);
        }
        while self.found == 0 {
            self.base += BLOCK;
            if self.base >= self.bytes.len() {
                return None;
            }
            self.found = block(self.bytes, self.base);
        }
        // At most 63.
        Some(self.base + self.found.trailing_zeros() as usize)
    }
}

/// A bit for every mark among the 64 bytes from `at`.
fn block(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return marks(block);
    }
    let mut block = [b' '; BLOCK];
    for (place, byte) in block.iter_mut().zip(rest) {
        *place = *byte;
    }
    marks(&block)
}

fn marks(block: &[u8; BLOCK]) -> u64 {
    let quote = u8x16::splat(b'"');
    let backslash = u8x16::splat(b'\\');
    let control = u8x16::splat(0x1F);
    let (lanes, _) = block.as_chunks::<16>();
    lanes.iter().rev().fold(0, |found, lane| {
        let bytes = u8x16::new(*lane);
        let hits =
            bytes.simd_eq(quote) | bytes.simd_eq(backslash) | bytes.min(control).simd_eq(bytes);
        found << 16 | u64::from(hits.to_bitmask())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_mark_is_found_in_order(bytes in prop::collection::vec(prop_oneof![3 => 0x20..=0xFF_u8, 1 => any::<u8>()], 0..300)) {
            let is_mark = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
            let expected: Vec<usize> = (0..bytes.len()).filter(|at| is_mark(bytes[*at])).collect();
            let mut marks = Marks::new(&bytes);
            let mut found = Vec::new();
            let mut at = 0;
            while let Some(mark) = marks.next(at) {
                found.push(mark);
                at = mark + 1;
            }
            prop_assert_eq!(found, expected);
        }
    }
}

//! Bytes in blocks of 64, so that one bit of a word stands for each.

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// Bytes, cut into blocks; the last one is padded with spaces.
pub(crate) struct Blocks<'b> {
    whole: &'b [[u8; BLOCK]],
    last: Option<[u8; BLOCK]>,
}

impl<'b> Blocks<'b> {
    pub(crate) fn of(bytes: &'b [u8]) -> Self {
        let (whole, rest) = bytes.as_chunks();
        let mut last = (!rest.is_empty()).then_some([b' '; BLOCK]);
        // In one copy: filled byte by byte, the block would not stay in a register.
        if let Some(start) = last.as_mut().and_then(|last| last.get_mut(..rest.len())) {
            start.copy_from_slice(rest);
        }
        Self { whole, last }
    }

    /// The blocks, in order.
    ///
    /// In two slices: one loop over both would test at each block which one it is in.
    #[inline]
    pub(crate) fn pieces(&self) -> [&[[u8; BLOCK]]; 2] {
        [self.whole, self.last.as_slice()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_once_and_blanks_after_the_last() {
        for length in 0..200_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte | 0x80).collect();
            let blocks = Blocks::of(&bytes);
            let all: Vec<u8> = blocks.pieces().concat().concat();
            let (own, blanks) = all.split_at(bytes.len());
            assert_eq!(own, bytes);
            assert!(blanks.len() < BLOCK && blanks.iter().all(|byte| *byte == b' '));
        }
    }
}

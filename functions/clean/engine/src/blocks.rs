//! Bytes, 64 at a time: a bit of a word for each.

/// Bytes looked at together.
pub(crate) const BLOCK: usize = 64;

/// Some bytes, cut into blocks; after the last there are blanks.
pub(crate) struct Blocks<'b> {
    whole: &'b [[u8; BLOCK]],
    last: Option<[u8; BLOCK]>,
}

impl<'b> Blocks<'b> {
    pub(crate) fn of(bytes: &'b [u8]) -> Self {
        let (whole, rest) = bytes.as_chunks();
        let mut last = (!rest.is_empty()).then_some([b' '; BLOCK]);
        // At once: the compiler takes a block to pieces that is filled byte by byte.
        if let Some(start) = last.as_mut().and_then(|last| last.get_mut(..rest.len())) {
            start.copy_from_slice(rest);
        }
        Self { whole, last }
    }

    /// The blocks, in order.
    ///
    /// In two pieces: one loop over both would ask at each block which one it is in.
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

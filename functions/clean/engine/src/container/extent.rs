//! Finds the end of a row that may be longer than the bytes read so far.

use std::io;

use super::window::Window;
use crate::row_span::{LINE_MAX_BYTES, RowStatus};

/// The length of the row at the window's start; an overlong row is already consumed.
///
/// `feed` takes the next bytes of the row, each once, and returns where among them it ends.
pub(super) fn find_end(
    window: &mut Window<'_>,
    mut feed: impl FnMut(&[u8]) -> Option<usize>,
) -> io::Result<(u64, RowStatus)> {
    let mut searched = 0;
    let mut passed = 0_u64;
    loop {
        let available = window.available();
        let end = feed(available.get(searched..).unwrap_or_default());
        let length = end.map_or(available.len(), |end| searched + end);
        if passed > 0 || length > LINE_MAX_BYTES {
            passed += u64::try_from(length).unwrap_or_default();
            window.consume(length);
            searched = 0;
            if end.is_some() || !window.fill()? {
                return Ok((passed, RowStatus::TooLong));
            }
            continue;
        }
        let whole = u64::try_from(length).unwrap_or_default();
        if end.is_some() {
            return Ok((whole, RowStatus::Whole));
        }
        searched = length;
        if !window.fill()? {
            return Ok((whole, RowStatus::Last));
        }
    }
}

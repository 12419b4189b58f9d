//! Rows that are lines.

use std::io;

use memchr::memchr;

use super::{Body, Head, LINE_MAX_BYTES, window::Window};

/// Goes to the next line that is not blank.
pub(super) fn advance(window: &mut Window<'_>) -> io::Result<Option<Head>> {
    window.settle_line();
    loop {
        let Some(line) = find_line(window)? else {
            return Ok(None);
        };
        let (length, body) = match line {
            Line::Whole(length) => (length, Body::Whole),
            Line::Last(length) => (length, Body::Last),
            Line::TooLong(length) => {
                let head = Head {
                    line: window.line() - 1,
                    column: 1,
                    length,
                    body: Body::TooLong,
                };
                return Ok(Some(head));
            }
        };
        let bytes = window.available().get(..length).unwrap_or_default();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            if body == Body::Whole || length > 0 {
                window.count_blank_line();
            }
            let end = usize::from(body == Body::Whole);
            window.consume_line(length + end);
            continue;
        }
        let head = Head {
            line: window.line(),
            column: 1,
            length: u64::try_from(length).unwrap_or(u64::MAX),
            body,
        };
        let carriage = usize::from(bytes.ends_with(b"\r"));
        window.hold(length - carriage, length);
        return Ok(Some(head));
    }
}

/// A line's length, its end not counted.
enum Line {
    Whole(usize),
    /// The file ends without ending the line.
    Last(usize),
    /// Consumed already.
    TooLong(u64),
}

fn find_line(window: &mut Window<'_>) -> io::Result<Option<Line>> {
    let mut searched = 0;
    loop {
        let available = window.available();
        let rest = available.get(searched..).unwrap_or_default();
        if let Some(found) = memchr(b'\n', rest) {
            let length = searched + found;
            if length <= LINE_MAX_BYTES {
                return Ok(Some(Line::Whole(length)));
            }
        }
        searched = available.len();
        if searched > LINE_MAX_BYTES {
            return pass_over(window).map(Some);
        }
        if !window.fill()? {
            return Ok((searched > 0).then_some(Line::Last(searched)));
        }
    }
}

/// Consumes a line without holding it.
fn pass_over(window: &mut Window<'_>) -> io::Result<Line> {
    let mut length = 0_u64;
    loop {
        let available = window.available();
        if let Some(end) = memchr(b'\n', available) {
            window.consume_line(end + 1);
            return Ok(Line::TooLong(
                length + u64::try_from(end).unwrap_or_default(),
            ));
        }
        let count = available.len();
        length += u64::try_from(count).unwrap_or_default();
        window.consume(count);
        if !window.fill()? {
            // So that the line's number is the last one's in every case.
            window.consume_line(0);
            return Ok(Line::TooLong(length));
        }
    }
}

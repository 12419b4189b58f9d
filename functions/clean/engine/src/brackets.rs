//! Finds the end of a bracketed JSON value by its brackets and quotes alone.

use memchr::memchr2;

/// The depth and the quoting state after the bytes fed so far.
#[derive(Debug, Default)]
pub(crate) struct BracketScanner {
    depth: u64,
    quoted: bool,
    escaped: bool,
}

impl BracketScanner {
    /// Takes the next bytes; returns the offset after the value's last byte, if it is among them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.quoted {
                let rest = bytes.get(at..).unwrap_or_default();
                at += memchr2(b'"', b'\\', rest)?;
                self.escaped = bytes.get(at) == Some(&b'\\');
                self.quoted = self.escaped;
                at += 1;
                if !self.quoted && self.depth == 0 {
                    return Some(at);
                }
            } else {
                at += 1;
                match byte {
                    b'"' => self.quoted = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, end: Option<usize>) {
        assert_eq!(
            BracketScanner::default().feed(bytes.as_bytes()),
            end,
            "{bytes}"
        );
        let mut brackets = BracketScanner::default();
        let dripped = (0..bytes.len())
            .find(|at| brackets.feed(&bytes.as_bytes()[*at..=*at]).is_some())
            .map(|at| at + 1);
        assert_eq!(dripped, end, "{bytes} byte by byte");
    }

    #[test]
    fn brackets_within_strings_do_not_count() {
        check("{}x", Some(2));
        check(r#"{"a":"}\"}"}]"#, Some(12));
        check(r#""a\\"b"#, Some(5));
        check("[[]", None);
        check(r#"{"a"#, None);
    }
}

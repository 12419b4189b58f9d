//! Knows a question again although it is written differently: in another case, with other
//! punctuation, hyphens or spaces, in another Unicode form.
//!
//! Only the order of the words counts, each without its case. Words are runs of letters, digits and
//! mathematical signs, among them a hyphen before a digit and not after a letter: `3+4` and `3-4` are different
//! questions, `GPT-4` and `GPT 4` are not.
//! Text beyond ASCII is normalised by NFKC first. What else the model sees, such as the tools that it
//! may call, files, and calls of functions, counts byte by byte.
//!
//! Every row of a dataset passes here, so a text is not taken apart into words: its blocks of 64 bytes
//! are made lower-case, and what is kept of them is moved together and hashed.

use fearless_simd::{Level, dispatch, mask8x64, prelude::*, u8x64};
use twox_hash::XxHash3_64;
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    blocks::{BLOCK, Blocks},
    example::{Example, Part, Role, Turn},
    json::{self, Text},
    sketch::mix,
};

/// Signs that are part of what is said, in ASCII and beyond.
const SIGNS: &[u8; 10] = b"+*/=<>%^&|";
const FURTHER_SIGNS: &[char] = &['−', '×', '÷', '≤', '≥', '≠', '±', '√', '€', '£', '¥'];

/// Characters within words that are not shown: the soft hyphen, and spaces without width.
const UNSEEN: &[char] = &['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}'];

/// Members that the model sees besides the conversation.
const SEEN: &[&str] = &["tools", "toolConfig"];

/// Separates turns, roles and kinds of parts from each other.
const USER: u64 = 0x5DEE_CE66_D151_7C01;
const MODEL: u64 = 0x2545_F491_4F6C_DD1D;
const OTHER: u64 = 0x9E37_79B9_7F4A_7C15;

/// What an example asks, each time before the model answers.
#[derive(Debug, Default)]
pub(crate) struct FoldedQuestions {
    /// The digest of everything before the last turn.
    pub(crate) question: u64,
    /// The digests of everything before the other turns of the model, which is trained on them too.
    pub(crate) earlier: Vec<u64>,
}

/// The letters, digits and signs of a name, in lower case: names that fold alike read alike.
pub(crate) fn folded_name(name: &str) -> String {
    let folded = name.nfkc().flat_map(char::to_lowercase);
    folded.filter(|c| is_kept(*c)).collect()
}

/// Whether `c` is a letter, a digit or a sign.
fn is_kept(c: char) -> bool {
    let is_sign = u8::try_from(c).is_ok_and(|byte| SIGNS.contains(&byte));
    c.is_alphanumeric() || is_sign || FURTHER_SIGNS.contains(&c)
}

/// Room to fold texts in, for many rows.
#[derive(Debug, Default)]
pub(crate) struct FoldBuffer(Vec<u8>);

impl FoldedQuestions {
    /// The questions of `example`, in which `system` is the instruction.
    pub(crate) fn of(
        example: &Example<'_>,
        system: Option<&Text<'_>>,
        buffer: &mut FoldBuffer,
    ) -> Self {
        let mut state = FoldedHash::new(&mut buffer.0);
        for (key, value) in &example.extras {
            if SEEN.contains(key) {
                let mut written = key.as_bytes().to_vec();
                json::write(value, &mut written);
                state.add(XxHash3_64::oneshot(&written));
            }
        }
        if let Some(system) = system {
            state.text(system);
            state.close();
        }
        let mut questions = Self::default();
        let last = example.turns.len().saturating_sub(1);
        for (index, turn) in example.turns.iter().enumerate() {
            if index == last {
                break;
            }
            if turn.role == Role::Model && index > 0 {
                questions.earlier.push(state.digest());
            }
            state.turn(turn);
        }
        questions.question = state.digest();
        questions
    }
}

/// A running digest of words.
#[derive(Debug)]
struct FoldedHash<'b> {
    hash: u64,
    /// The words of the turn so far, in lower case, with a space after each. What follows them is
    /// of earlier texts.
    bytes: &'b mut Vec<u8>,
    length: usize,
    /// The room that is kept after them: as much as the rest of the text can take.
    room: usize,
}

/// A word that goes on in the next block.
#[derive(Debug, Clone, Copy, Default)]
struct OpenWord {
    /// Whether there is one, as a bit.
    is_open: u64,
    /// Whether a letter of it may change, in a block that was read.
    is_high: bool,
    /// Where it starts in the text.
    start: usize,
    /// Where it starts among the words that are kept.
    kept: usize,
}

/// The bits from `bit` on.
fn bits_from(bit: u32) -> u64 {
    u64::MAX.checked_shl(bit).unwrap_or_default()
}

impl<'b> FoldedHash<'b> {
    fn new(bytes: &'b mut Vec<u8>) -> Self {
        Self {
            hash: 0,
            bytes,
            length: 0,
            room: 0,
        }
    }

    fn digest(&self) -> u64 {
        mix(self.hash)
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        self.add(match turn.role {
            Role::User => USER,
            Role::Model => MODEL,
        });
        for part in &turn.parts {
            match part {
                Part::Text(text) => self.text(text),
                Part::Other(key, object) => {
                    self.close();
                    self.add(OTHER);
                    let mut written = key.as_bytes().to_vec();
                    for (key, node) in &object.members {
                        json::write_key(key, &mut written);
                        json::write(&node.value, &mut written);
                    }
                    self.add(XxHash3_64::oneshot(&written));
                }
            }
        }
        self.close();
    }

    /// Adds the words that were kept to the digest.
    fn close(&mut self) {
        if self.length > 0 {
            let words = self.bytes.get(..self.length).unwrap_or_default();
            let words = XxHash3_64::oneshot(words);
            self.add(words);
            self.length = 0;
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        let escaped = text.escaped();
        let before = self.length;
        self.room = escaped.len() + 3 * BLOCK;
        self.make_room(0);
        dispatch!(Level::new(), simd => self.words(simd, escaped));
        // A question of signs only: there is nothing else to know it by.
        if self.length == before && !escaped.is_empty() {
            self.put(b"\0");
            self.put(escaped.as_bytes());
        }
    }

    fn make_room(&mut self, further: usize) {
        let least = self.length + further + self.room;
        if self.bytes.len() < least {
            self.bytes.resize(least, 0);
        }
    }

    /// Keeps `piece` as it is.
    fn put(&mut self, piece: &[u8]) {
        self.make_room(piece.len());
        let end = self.length + piece.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(piece);
        }
        self.length = end;
    }

    /// Keeps the bytes of `block` that have a bit in `kept`.
    fn keep(&mut self, block: &[u8; BLOCK], mut kept: u64) {
        while kept != 0 {
            let start = kept.trailing_zeros();
            let end = start + (kept >> start).trailing_ones();
            let piece = block.get(start as usize..end as usize);
            self.put(piece.unwrap_or_default());
            kept &= bits_from(end);
        }
    }

    /// Keeps the words of a run of letters in which some are beyond ASCII and may change.
    fn run(&mut self, run: &str) {
        match lower_letters(run) {
            Some((letters, length)) => {
                self.put(letters.get(..length).unwrap_or_default());
            }
            None => self.unicode(run),
        }
    }

    /// Keeps the words of a text beyond ASCII, character by character.
    fn unicode(&mut self, text: &str) {
        let mut run = String::new();
        let folded = text.nfkc().flat_map(char::to_lowercase);
        let mut folded = folded.chain(std::iter::once(' ')).peekable();
        let mut before = ' ';
        while let Some(c) = folded.next() {
            let joins = std::mem::replace(&mut before, c).is_ascii_alphabetic();
            if UNSEEN.contains(&c) {
                continue;
            }
            let is_minus = c == '-' && !joins && folded.peek().is_some_and(char::is_ascii_digit);
            if is_kept(c) || is_minus {
                run.push(c);
            } else if !run.is_empty() {
                run.push(' ');
                self.put(run.as_bytes());
                run.clear();
            }
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "inlined so that it is compiled for each instruction set"
    )]
    #[inline(always)]
    fn words<S: Simd>(&mut self, simd: S, text: &str) {
        let bytes = text.as_bytes();
        let mut open = OpenWord::default();
        let (mut base, mut escape_before) = (0, 0);
        let mut leads = Leads::default();
        let blocks = Blocks::of(bytes);
        for block in blocks.pieces().into_iter().flatten() {
            let bytes_of = u8x64::from_slice(simd, block);
            let letters = ((bytes_of | 0x20) - b'a').simd_le(b'z' - b'a');
            let beyond = bytes_of.simd_ge(0x80);
            // The signs of `SIGNS` and the digits, of which `/` is the neighbour.
            let signs = (bytes_of - b'/').simd_le(b'9' - b'/')
                | (bytes_of - b'%').simd_le(b'&' - b'%')
                | (bytes_of - b'*').simd_le(b'+' - b'*')
                | (bytes_of - b'<').simd_le(b'>' - b'<')
                | bytes_of.simd_eq(b'^')
                | bytes_of.simd_eq(b'|');
            let backslash = bytes_of.simd_eq(b'\\').to_bitmask();
            // The letter of an escape is not part of a word.
            let escaped = backslash << 1 | escape_before;
            escape_before = backslash >> (BLOCK - 1);
            let hyphens = bytes_of.simd_eq(b'-').to_bitmask();
            let minus = minus(hyphens, bytes, base);
            let words = ((letters | signs | beyond).to_bitmask() | minus) & !escaped;
            let high = match beyond.to_bitmask() {
                0 if leads == Leads::default() => 0,
                beyond => changing(bytes_of, beyond, &mut leads),
            };
            let spaces = u8x64::splat(simd, b' ');
            let lower = letters.select(bytes_of | 0x20, bytes_of);
            let lower = mask8x64::from_bitmask(simd, words).select(lower, spaces);
            self.block(simd, (text, base), lower, (words, high), &mut open);
            base += BLOCK;
        }
        if open.is_high {
            self.length = open.kept;
            self.run(text.get(open.start..).unwrap_or_default());
        } else if open.is_open != 0 {
            self.put(b" ");
        }
    }

    /// Keeps the words of the block at `base` of `text`, which is `lower` in lower case: `words` are
    /// the bits of its letters, and `high` those beyond ASCII that change in lower case or in NFKC.
    #[expect(clippy::inline_always, reason = "compiled for each instruction set")]
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        (text, base): (&str, usize),
        lower: u8x64<S>,
        (words, high): (u64, u64),
        open: &mut OpenWord,
    ) {
        // What follows a word is kept as a space; other spaces are not.
        let mut kept = words | words << 1 | open.is_open;
        if high != 0 || open.is_high {
            let mut stored = [0; BLOCK];
            lower.store_slice(&mut stored);
            match self.beyond_ascii((text, base), &stored, (words, kept, high), open) {
                Some(done) => kept &= bits_from(done),
                None => return,
            }
        }
        let place = self.bytes.get_mut(self.length..);
        if let Some(place) = place.and_then(<[u8]>::first_chunk_mut::<BLOCK>) {
            let kept = mask8x64::from_bitmask(simd, kept);
            lower.compress(kept).store_slice(place);
        }
        self.length += kept.count_ones() as usize;
        let goes_on = words >> (BLOCK - 1);
        if goes_on != 0 {
            let length = words.leading_ones();
            if open.is_open == 0 || length < 64 {
                open.start = base + BLOCK - length as usize;
                open.kept = self.length - length as usize;
            }
        }
        open.is_open = goes_on;
    }

    /// Keeps the words of a block up to the last one that has a letter that may change; returns the bit
    /// after it, or nothing where that word goes on in the next block.
    #[inline(never)]
    fn beyond_ascii(
        &mut self,
        (text, base): (&str, usize),
        lower: &[u8; BLOCK],
        (words, kept, high): (u64, u64, u64),
        open: &mut OpenWord,
    ) -> Option<u32> {
        let mut done = 0;
        if open.is_open != 0 {
            let end = words.trailing_ones();
            if open.is_high || high & !bits_from(end) != 0 {
                open.is_high = true;
                if end == 64 {
                    return None;
                }
                self.length = open.kept;
                let run = text.get(open.start..base + end as usize);
                self.run(run.unwrap_or_default());
                (open.is_open, open.is_high, done) = (0, false, end + 1);
            }
        }
        loop {
            let next = (high & bits_from(done)).trailing_zeros();
            if next == 64 {
                return Some(done);
            }
            let before = !words & !bits_from(next);
            let start = 64 - before.leading_zeros();
            self.keep(lower, kept & bits_from(done) & !bits_from(start));
            let end = start + (words >> start).trailing_ones();
            if end >= 64 {
                *open = OpenWord {
                    is_open: 1,
                    is_high: true,
                    start: base + start as usize,
                    kept: self.length,
                };
                return None;
            }
            let run = text.get(base + start as usize..base + end as usize);
            self.run(run.unwrap_or_default());
            open.is_open = 0;
            done = end + 1;
        }
    }

    #[inline]
    fn add(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// Lead bytes of letters whose last byte is in the next block, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Leads {
    latin: u64,
    cyrillic: u64,
    cyrillic_further: u64,
    ideographs: u64,
}

/// Those of the letters `beyond` ASCII in a block that are not the same in lower case and in every
/// Unicode form, or of which that is not certain. Those that are need no second look: the small letters
/// of `lower_letters`, and ideographs.
#[expect(clippy::inline_always, reason = "compiled for each instruction set")]
#[inline(always)]
fn changing<S: Simd>(bytes: u8x64<S>, beyond: u64, before: &mut Leads) -> u64 {
    let is = |byte: u8| bytes.simd_eq(byte).to_bitmask();
    let leads = Leads {
        latin: is(0xC3),
        cyrillic: is(0xD0),
        cyrillic_further: is(0xD1),
        ideographs: is(0xE4),
    };
    // E5 to E9 lead ideographs, whatever follows.
    let further_ideographs = (bytes - 0xE5).simd_le(0xE9 - 0xE5).to_bitmask();
    let known = leads.latin | leads.cyrillic | leads.cyrillic_further | leads.ideographs;
    let unknown = bytes.simd_ge(0xC0).to_bitmask() & !(known | further_ideographs);
    let after = |now: u64, before: u64| now << 1 | before >> (BLOCK - 1);
    let below = |byte: u8| !bytes.simd_ge(byte).to_bitmask();
    let changed = after(leads.latin, before.latin) & (below(0xA0) | is(0xB7))
        | after(leads.cyrillic, before.cyrillic) & below(0xB0)
        | after(leads.cyrillic_further, before.cyrillic_further) & !below(0x90)
        | after(leads.ideographs, before.ideographs) & below(0xB8);
    *before = leads;
    (unknown | changed) & beyond
}

/// Which of the `hyphens` in the block at `base` stand before a digit, and not after a letter.
#[inline]
fn minus(mut hyphens: u64, bytes: &[u8], base: usize) -> u64 {
    let mut minus = 0;
    while hyphens != 0 {
        let at = hyphens.trailing_zeros();
        let at_text = base + at as usize;
        let next = bytes.get(at_text + 1);
        let before = at_text.checked_sub(1).and_then(|before| bytes.get(before));
        // After a letter it joins a name and a number.
        let joins = before.is_some_and(u8::is_ascii_alphabetic);
        if next.is_some_and(u8::is_ascii_digit) && !joins {
            minus |= 1 << at;
        }
        hyphens &= hyphens - 1;
    }
    minus
}

/// Longest run that is made lower-case in place: four words of most languages.
const RUN_MAX: usize = 64;

/// The words of a run of letters in lower case, with a space after each, and their length in bytes;
/// `None` where that takes more than a look at each letter. These letters are the same in every Unicode
/// form, alone and side by side.
fn lower_letters(run: &str) -> Option<([u8; RUN_MAX], usize)> {
    let mut letters = [0; RUN_MAX];
    let (mut length, mut in_word) = (0, false);
    for letter in run.chars().chain(std::iter::once(' ')) {
        let lower = match letter {
            'a'..='z' | '0'..='9' | 'ß'..='ö' | 'ø'..='ÿ' | 'а'..='я'
            // Kana, and the characters of Chinese, Japanese and Korean.
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' => letter,
            'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'А'..='Я' => {
                char::from_u32(u32::from(letter) + 0x20)?
            }
            // Dashes, quotes and dots; pictures and what joins them.
            ' ' | '\u{2010}'..='\u{2027}' | '\u{200d}' | '\u{fe0f}' | '\u{1f300}'..='\u{1faff}' => ' ',
            _ => return None,
        };
        if lower != ' ' || in_word {
            let room = letters.get_mut(length..length + lower.len_utf8())?;
            length += lower.encode_utf8(room).len();
        }
        in_word = lower != ' ';
    }
    Some((letters, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::location::Location;

    fn of(text: &str) -> u64 {
        let location = Location::of("input", 0);
        let mut buffer = Vec::new();
        let mut state = FoldedHash::new(&mut buffer);
        state.turn(&Turn::text(Role::User, Text::of(text), location));
        state.digest()
    }

    #[test]
    fn case_punctuation_hyphens_and_forms_do_not_count() {
        let expected = of("My top up number 7 has not gone through");
        for text in [
            "my top-up number 7 has not gone through?",
            "  My top  up\nnumber 7 -- has not gone through!",
            "MY “TOP–UP” NUMBER 7 HAS NOT GONE THROUGH…",
            "My ｔｏｐ up number ７ has not gone through",
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(of("café"), of("CAFE\u{301}"));
        assert_eq!(of("straße 5"), of("Straße, 5"));
    }

    #[test]
    fn words_and_their_order_count() {
        let texts = [
            "My top up number 7",
            "My top up number 8",
            "My number 7 top up",
            "My topup number 7",
            "",
            "?",
            "!!",
            "7",
            "a considerably longer-than-usual word: internationalisation",
            "a considerably longer-than-usual word: internationalization",
            "What is 3+4?",
            "What is 3-4?",
            "What is 3 4?",
            "What is 3×4?",
            "данные модель",
            "модель данные",
            "дaнныe модель",
            "数据",
            "数掮",
        ];
        for (index, text) in texts.iter().enumerate() {
            for other in &texts[..index] {
                assert_ne!(of(text), of(other), "{text:?} {other:?}");
            }
        }
    }

    /// The words of `text`, by the way of `fold`.
    fn words(text: &str, fold: impl Fn(&mut FoldedHash<'_>, &str)) -> String {
        // Whatever earlier texts left behind does not count.
        let mut buffer = vec![b'#'; 100];
        let mut state = FoldedHash::new(&mut buffer);
        state.room = text.len() + 3 * BLOCK;
        state.make_room(0);
        fold(&mut state, text);
        let length = state.length;
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn fast(text: &str) -> String {
        words(
            text,
            |state, text| dispatch!(Level::new(), simd => state.words(simd, text)),
        )
    }

    fn slow(text: &str) -> String {
        words(text, |state, text| {
            state.unicode(text);
        })
    }

    #[test]
    fn tools_are_part_of_the_question() {
        let row = |tools: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"b"}}]{tools}}}"#
            )
        };
        let of = |tools| {
            crate::identity::Identity::of_row(row(tools).as_bytes())
                .unwrap()
                .question
        };
        let ours = of(r#","tools":[{"name":"f"}]"#);
        assert_eq!(
            ours,
            of(r#","tools":[{"type":"function","function":{"name":"f"}}]"#)
        );
        assert_ne!(ours, of(r#","tools":[{"name":"g"}]"#));
        assert_ne!(ours, of(""));
    }

    #[test]
    fn every_letter_is_read_alike_by_both_ways() {
        for letter in '\u{80}'..=char::MAX {
            let text = format!("a{letter}b {letter}");
            assert_eq!(fast(&text), slow(&text), "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn letters_are_read_alike_by_both_ways(
            text in "[a-zA-Z0-9À-ÖØ-öø-ÿА-яぁ-ゖァ-ヺ一-鿿]{1,24}",
        ) {
            if let Some((letters, length)) = lower_letters(&text) {
                let letters = String::from_utf8(letters[..length].to_vec()).unwrap();
                prop_assert_eq!(letters, slow(&text));
            }
        }

        #[test]
        fn any_text_is_read_alike_wherever_it_begins(
            text in "[a-zAéÉдД\u{301}“数🚀 .-]{0,200}|[a-z]{0,200}é?[a-z]{0,150}", before in 0..70_usize,
        ) {
            let expected = slow(&text);
            prop_assert_eq!(fast(&text), expected.as_str());
            prop_assert_eq!(fast(&format!("{}{text}", ".".repeat(before))), expected);
        }

        #[test]
        fn ascii_is_read_alike_by_both_ways(text in "[a-zA-Z0-9 \"\n\t.+<^-]{0,200}") {
            prop_assert_eq!(fast(&text), slow(&text));
        }
    }
}

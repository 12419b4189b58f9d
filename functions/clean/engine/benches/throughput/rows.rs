//! Generated rows with the faults of real exports: the same for the same arguments, on any machine.

use std::{
    fmt::{self, Write as _},
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

/// Words by frequency: the n-th occurs about 1/n as often as the first.
const WORDS: &[&str] = &[
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "is",
    "you",
    "that",
    "it",
    "he",
    "was",
    "for",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
    "this",
    "have",
    "from",
    "or",
    "one",
    "had",
    "by",
    "word",
    "but",
    "not",
    "what",
    "all",
    "were",
    "we",
    "when",
    "your",
    "can",
    "said",
    "there",
    "use",
    "an",
    "each",
    "which",
    "she",
    "do",
    "how",
    "their",
    "if",
    "will",
    "up",
    "order",
    "account",
    "invoice",
    "delivery",
    "password",
    "security",
    "policy",
    "customer",
    "refund",
    "payment",
    "document",
    "analysis",
    "quarter",
    "revenue",
    "growth",
    "market",
    "product",
    "release",
    "version",
    "engineer",
    "project",
    "deadline",
    "decision",
    "contract",
    "treatment",
    "hospital",
    "research",
    "function",
    "parameter",
    "transaction",
    "throughput",
    "bandwidth",
    "protocol",
    "conditional",
    "generalization",
    "communication",
    "representative",
];

/// Words in other scripts.
const FOREIGN: &[&str] = &[
    "café",
    "naïve",
    "Zürich",
    "привет",
    "данные",
    "модель",
    "数据",
    "分析",
    "東京",
    "価格",
    "😀",
    "🚀",
];

/// Rows per thousand that are broken, blank, short, repeated, or repeated in other words.
const BROKEN: u64 = 20;
const BLANK: u64 = 30;
const SHORT: u64 = 30;
const REPEATED: u64 = 40;
const REWRITTEN: u64 = 10;

/// Writes about `bytes` of rows, the shortest of `row_bytes`.
pub(crate) fn write(path: &Path, bytes: u64, row_bytes: u32) -> io::Result<()> {
    let made = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&made)?);
    let mut dice = Dice(0x1A91_DA27);
    let mut written = 0;
    let mut earlier: Vec<(String, String)> = Vec::new();
    while written < bytes {
        let line = line(&mut dice, row_bytes, &mut earlier);
        out.write_all(line.as_bytes())?;
        written += u64::try_from(line.len()).unwrap_or_default();
    }
    out.flush()?;
    std::fs::rename(made, path)
}

fn line(dice: &mut Dice, row_bytes: u32, earlier: &mut Vec<(String, String)>) -> String {
    // Lengths are uniform on a logarithmic scale, up to forty times the shortest.
    let length = f64::from(row_bytes) * 40_f64.powf(dice.share());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few kilobytes"
    )]
    let length = length as usize;
    let mut kind = dice.below(1000);
    let mut is = |share: u64| {
        let hit = kind < share;
        kind = kind.saturating_sub(share);
        hit && {
            kind = 1000;
            true
        }
    };
    if is(BROKEN) {
        let mut row = row(
            &text(dice, length / 3),
            &text(dice, length / 2),
            false,
            false,
        );
        row.truncate(
            (0..=row.len() / 2)
                .rev()
                .find(|at| row.is_char_boundary(*at))
                .unwrap_or(0),
        );
        return row + "\n";
    }
    if is(BLANK) {
        return row("", &text(dice, length), false, false) + "\n";
    }
    if is(SHORT) {
        return row(&text(dice, length), "Yes.", false, false) + "\n";
    }
    let pick = usize::try_from(dice.below(64)).unwrap_or_default();
    if is(REPEATED)
        && let Some((asked, answered)) = earlier.get(pick)
    {
        return row(asked, answered, false, false) + "\n";
    }
    if is(REWRITTEN)
        && let Some((asked, answered)) = earlier.get(pick)
    {
        return row(asked, answered, true, true) + "\r\n";
    }
    let (asked, answered) = (text(dice, length / 3), text(dice, length * 2 / 3));
    let line = row(&asked, &answered, dice.below(4) == 0, dice.below(5) == 0);
    if earlier.len() < 64 {
        earlier.push((asked, answered));
    } else if let Some(place) = earlier.get_mut(pick) {
        *place = (asked, answered);
    }
    line + if dice.below(10) == 0 { "\r\n" } else { "\n" }
}

/// A row, optionally escaped to ASCII, optionally with members that no format reads.
fn row(asked: &str, answered: &str, ascii: bool, more: bool) -> String {
    let json = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        if ascii { escape(&json) } else { json }
    };
    let more = if more {
        r#", "id": 4711, "tags": ["a", "b"], "score": 0.5"#
    } else {
        ""
    };
    format!(
        r#"{{"input": {}, "output": {}{more}}}"#,
        json(asked),
        json(answered)
    )
}

fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` never fails.
            let _written: fmt::Result = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

fn text(dice: &mut Dice, length: usize) -> String {
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        let word = if dice.below(40) == 0 {
            dice.pick(FOREIGN)
        } else {
            // Squaring favours the front of the list.
            let rank = dice.share() * dice.share();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index in a short list"
            )]
            let at = (rank * WORDS.len() as f64) as usize;
            WORDS.get(at).copied().unwrap_or("word")
        };
        text.push_str(word);
        text.push_str(match dice.below(60) {
            0 => ".\n\n",
            1 => ".\n- ",
            2 => " \"quoted\" ",
            3 => ", ",
            4 => ". ",
            _ => " ",
        });
    }
    text
}

/// A pseudo-random generator (SplitMix64): no library guarantees the same numbers across versions.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        let [.., a, b, c, d] = self.next().to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let at = usize::try_from(self.next()).unwrap_or_default() % words.len();
        words.get(at).copied().unwrap_or_default()
    }
}

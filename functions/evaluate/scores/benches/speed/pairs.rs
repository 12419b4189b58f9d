//! Made-up pairs of about 80 words: words as frequent as Zipf's law has it, an answer that keeps three in
//! four words of its reference, punctuation, a few accents.

/// Beginnings and endings of words: together a vocabulary of thousands, with endings that a stemmer works
/// on.
const BEGINNINGS: [&str; 40] = [
    "st", "tr", "pl", "con", "de", "re", "ma", "pro", "in", "sp", "cl", "br", "com", "par", "sen",
    "ter", "vi", "lo", "ca", "fu", "gr", "ho", "ju", "ki", "le", "mo", "ne", "op", "qua", "ri",
    "su", "tu", "un", "va", "wo", "ex", "ye", "zo", "al", "be",
];
const MIDDLES: [&str; 20] = [
    "a", "e", "i", "o", "u", "an", "er", "on", "it", "ad", "el", "ous", "ic", "ent", "al", "or",
    "im", "ab", "ect", "ul",
];
const ENDINGS: [&str; 16] = [
    "", "s", "ed", "ing", "ation", "ly", "er", "ness", "ize", "ful", "ment", "able", "y", "ies",
    "al", "ity",
];

/// Numbers that look random and are the same in every run.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Small numbers are frequent: a word of rank r about 1/r as often as the first.
    fn rank(&mut self) -> usize {
        let bits = self.below(14);
        let rank = (1 << bits) + self.below(1 << bits) - 1;
        usize::try_from(rank).unwrap_or(0)
    }
}

fn word(rank: usize) -> String {
    let part =
        |parts: &[&'static str], at: usize| parts.get(at % parts.len()).copied().unwrap_or("");
    [
        part(&BEGINNINGS, rank * 7),
        part(&MIDDLES, rank / 3),
        part(&MIDDLES, rank / 40),
        part(&ENDINGS, rank / 5),
    ]
    .concat()
}

/// Predictions and references.
pub(crate) fn made_up(count: usize) -> Vec<(String, String)> {
    let mut sequence = Sequence(20);
    (0..count).map(|_| pair(&mut sequence)).collect()
}

fn pair(sequence: &mut Sequence) -> (String, String) {
    let (mut prediction, mut reference) = (String::new(), String::new());
    for at in 0..60 + sequence.below(40) {
        let one = word(sequence.rank());
        let end = match sequence.below(40) {
            0..4 => ", ",
            4..7 => ". ",
            7 => " é ",
            8 => " 1,250.5 ",
            _ => " ",
        };
        reference.extend([&one, end]);
        if sequence.below(4) > 0 || at == 0 {
            prediction.extend([&one, end]);
        } else {
            prediction.extend([&word(sequence.rank()), end]);
        }
    }
    (prediction, reference)
}

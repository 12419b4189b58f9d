//! The moves of TER: blocks of words are moved one at a time, each time the one that saves most.

use super::edits::{EditTable, TextEdit};

/// The longest block.
const BLOCK_MAX: usize = 10;
/// How far a block may move.
const DISTANCE_MAX: usize = 50;
/// Moves that are tried for one pair.
const TRIED_MAX: usize = 1_000;

/// A move, and the words after it. Of two moves the better is the one that saves more; then the longer
/// block, the earlier one, and the earlier target.
#[derive(Debug)]
struct Move {
    saved: i64,
    length: usize,
    start: usize,
    target: usize,
    words: Vec<u32>,
}

/// The number of edits and moves from `prediction` to `reference`.
pub(super) fn edits(prediction: &[u32], reference: &[u32]) -> usize {
    if reference.is_empty() {
        return prediction.len();
    }
    let mut table = EditTable::new(prediction, reference);
    let (mut moves, mut tried) = (0, 0);
    loop {
        let best = best_move(&mut table, reference, &mut tried);
        match best {
            Some(best) if best.saved > 0 && tried < TRIED_MAX => {
                moves += 1;
                table.set(&best.words);
            }
            Some(_) | None => break,
        }
    }
    usize::try_from(table.distance()).unwrap_or(usize::MAX) + moves
}

/// Which words the edits get wrong, and where each word of the reference stands.
#[derive(Debug, Default)]
struct Alignment {
    /// For each word of the reference the index in the prediction, less one where there is none before.
    position: Vec<Option<usize>>,
    wrong_in_reference: Vec<bool>,
    wrong_in_prediction: Vec<bool>,
}

impl Alignment {
    fn of(edits: &[TextEdit]) -> Self {
        let mut alignment = Self::default();
        for edit in edits {
            let is_wrong = *edit != TextEdit::Keep;
            if *edit != TextEdit::Insert {
                alignment.wrong_in_prediction.push(is_wrong);
            }
            if *edit != TextEdit::Delete {
                alignment.wrong_in_reference.push(is_wrong);
                let last = alignment.wrong_in_prediction.len().checked_sub(1);
                alignment.position.push(last);
            }
        }
        alignment
    }

    fn allows(&self, start: usize, in_reference: usize, length: usize) -> bool {
        let any = |flags: &[bool], start: usize| {
            let block = flags.iter().skip(start).take(length);
            block.copied().any(|is_wrong| is_wrong)
        };
        let position = self.position.get(in_reference).copied().flatten();
        let is_within = position.is_some_and(|at| (start..start + length).contains(&at));
        any(&self.wrong_in_prediction, start)
            && any(&self.wrong_in_reference, in_reference)
            && !is_within
    }

    /// Where a block may go so that it, or a part of it, stands as in the reference.
    fn targets(&self, in_reference: usize, length: usize) -> Vec<usize> {
        let mut targets: Vec<usize> = Vec::new();
        for offset in 0..=length {
            let target = match (in_reference + offset).checked_sub(1) {
                None => 0,
                Some(before) => match self.position.get(before) {
                    Some(position) => position.map_or(0, |at| at + 1),
                    None => break,
                },
            };
            if targets.last() != Some(&target) {
                targets.push(target);
            }
        }
        targets
    }
}

fn best_move(table: &mut EditTable<'_>, reference: &[u32], tried: &mut usize) -> Option<Move> {
    let words = table.prediction().to_vec();
    let before = table.distance();
    let alignment = Alignment::of(&table.edits());
    let mut best: Option<Move> = None;
    'blocks: for start in 0..words.len() {
        let near = start.saturating_sub(DISTANCE_MAX)..=start + DISTANCE_MAX;
        for in_reference in near.take_while(|at| *at < reference.len()) {
            for length in 1..=common_length(&words, start, reference, in_reference) {
                if !alignment.allows(start, in_reference, length) {
                    continue;
                }
                for target in alignment.targets(in_reference, length) {
                    let moved = moved(&words, start, length, target);
                    table.set(&moved);
                    let candidate = Move {
                        saved: before.cast_signed() - table.distance().cast_signed(),
                        length,
                        start,
                        target,
                        words: moved,
                    };
                    *tried += 1;
                    if best.as_ref().is_none_or(|best| is_better(&candidate, best)) {
                        best = Some(candidate);
                    }
                }
                if *tried >= TRIED_MAX {
                    break 'blocks;
                }
            }
        }
    }
    table.set(&words);
    best
}

fn is_better(one: &Move, other: &Move) -> bool {
    let rank = |it: &Move| {
        let earlier = std::cmp::Reverse((it.start, it.target));
        (it.saved, it.length, earlier)
    };
    rank(one) > rank(other)
}

/// How many words from both starts on are the same, up to the longest block.
fn common_length(words: &[u32], start: usize, reference: &[u32], in_reference: usize) -> usize {
    let pairs = words
        .iter()
        .skip(start)
        .zip(reference.iter().skip(in_reference));
    pairs
        .take(BLOCK_MAX)
        .take_while(|(one, other)| one == other)
        .count()
}

/// The words with the block of `length` from `start` on moved to before `target`. A target within the
/// block moves it by as many words behind itself.
fn moved(words: &[u32], start: usize, length: usize, target: usize) -> Vec<u32> {
    let end = start + length;
    let part = |from: usize, to: usize| {
        let to = to.min(words.len());
        words.get(from.min(to)..to).unwrap_or_default()
    };
    let all = words.len();
    if target < start {
        [
            part(0, target),
            part(start, end),
            part(target, start),
            part(end, all),
        ]
        .concat()
    } else if target > end {
        [
            part(0, start),
            part(end, target),
            part(start, end),
            part(target, all),
        ]
        .concat()
    } else {
        let behind = length + target;
        [
            part(0, start),
            part(end, behind),
            part(start, end),
            part(behind, all),
        ]
        .concat()
    }
}

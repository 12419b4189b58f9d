//! Scores of single sentences and of sets, under every setting.

use super::*;
use crate::golden;

/// `ln` and `exp` may differ in the last bits between math libraries.
const TOLERANCE: f64 = 1e-9;

#[test]
fn sentence_scores_are_those_of_sacrebleu() {
    let over_100 = |score: f64| (score / 100.0).min(1.0);
    golden::check(TOLERANCE, &BLEU, |row| over_100(row.bleu));
    golden::check(TOLERANCE, &BLEU_INTL, |row| over_100(row.bleu_intl));
    golden::check(TOLERANCE, &BLEU_CHAR, |row| over_100(row.bleu_char));
    golden::check(TOLERANCE, &BLEU_NONE, |row| over_100(row.bleu_none));
}

fn settings(name: &str) -> BleuSettings {
    let mut settings = BleuSettings::default();
    for part in name.split(' ') {
        match part {
            "13a" => settings.tokens = BleuTokens::ThirteenA,
            "intl" => settings.tokens = BleuTokens::International,
            "char" => settings.tokens = BleuTokens::Characters,
            "none" => settings.tokens = BleuTokens::Spaces,
            "exp" => settings.smoothing = Smoothing::Exponential,
            "floor" => settings.smoothing = Smoothing::Floor(0.1),
            "add-k" => settings.smoothing = Smoothing::AddK(1.0),
            "unsmoothed" => settings.smoothing = Smoothing::None,
            "effective" => settings.effective_order = true,
            "lowercase" => settings.lowercase = true,
            other => panic!("no setting `{other}`"),
        }
    }
    settings
}

#[test]
fn every_setting_is_that_of_sacrebleu() {
    let golden = golden::read();
    let pairs = golden.pairs();
    assert_eq!(golden.bleu_settings.len(), 64);
    let mut scratch = Scratch::default();
    for (name, expected) in &golden.bleu_settings {
        let settings = settings(name);
        assert_eq!(settings.signature(), expected.signature);
        golden::close(settings.corpus(&pairs), expected.corpus, TOLERANCE, name);
        assert_eq!(pairs.len(), expected.sentences.len());
        for ((prediction, reference), expected) in pairs.iter().zip(&expected.sentences) {
            let score = settings.sentence(&mut scratch, prediction, reference);
            golden::close(score, *expected, TOLERANCE, prediction);
        }
    }
}

#[test]
fn a_corpus_without_four_grams_scores_0() {
    let settings = BleuSettings::default();
    golden::close(settings.corpus(&[("yes", "yes")]), 0.0, TOLERANCE, "yes");
    golden::close(settings.corpus(&[]), 0.0, TOLERANCE, "no rows");
}

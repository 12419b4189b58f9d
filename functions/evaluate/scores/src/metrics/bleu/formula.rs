//! BLEU from its counts. The arithmetic is in the order of sacreBLEU's, for equality to the last bits.

use super::{BleuCounts, BleuSettings, ORDERS};
use crate::metric::count;

/// What the precision of an order is where no n-gram is shared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// 0, and with it the score.
    None,
    /// As if this many n-grams were shared; 0.1 in sacreBLEU.
    Floor(f64),
    /// This many n-grams are added to the shared and to all, from order 2 on; 1 in sacreBLEU.
    AddK(f64),
    /// Half an n-gram, a quarter at the next such order, and so on: NIST's way, and the default.
    Exponential,
}

impl Smoothing {
    /// The part of the signature.
    pub(super) fn signature(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Floor(value) => format!("floor[{value:.2}]"),
            Self::AddK(value) => format!("add-k[{value:.2}]"),
            Self::Exponential => "exp".to_owned(),
        }
    }
}

/// sacreBLEU's logarithm of 0.
const LOG_OF_ZERO: f64 = -9_999_999_999.0;

/// 0 to 100.
pub(super) fn bleu(settings: &BleuSettings, counts: &BleuCounts) -> f64 {
    let shared = counts.ngrams.shared.iter().take(ORDERS);
    let totals = counts.ngrams.prediction.iter().take(ORDERS);
    if shared.clone().all(|shared| *shared == 0) {
        return 0.0;
    }
    let mut precisions = [0.0; ORDERS];
    let mut orders = ORDERS;
    let mut halved = 1.0;
    for (((shared, total), order), precision) in shared.zip(totals).zip(1..).zip(&mut precisions) {
        let added = match settings.smoothing {
            Smoothing::AddK(value) if order > 1 => value,
            Smoothing::None | Smoothing::Floor(_) | Smoothing::AddK(_) | Smoothing::Exponential => {
                0.0
            }
        };
        let (shared, total) = (count(*shared) + added, count(*total) + added);
        // Counts, or counts and a constant: compared without tolerance, as in sacreBLEU.
        if total <= 0.0 {
            break;
        }
        if settings.effective_order {
            orders = order;
        }
        *precision = if shared > 0.0 {
            100.0 * shared / total
        } else {
            match settings.smoothing {
                Smoothing::Exponential => {
                    halved *= 2.0;
                    100.0 / (halved * total)
                }
                Smoothing::Floor(value) => 100.0 * value / total,
                Smoothing::None | Smoothing::AddK(_) => 0.0,
            }
        };
    }
    let logs = precisions.iter().take(orders).map(|precision| {
        if *precision > 0.0 {
            precision.ln()
        } else {
            LOG_OF_ZERO
        }
    });
    brevity(counts) * (logs.sum::<f64>() / count(orders)).exp()
}

/// 1, or less where the answer is shorter than its reference.
fn brevity(counts: &BleuCounts) -> f64 {
    let (ours, theirs) = (counts.prediction_words, counts.reference_words);
    match ours {
        _ if ours >= theirs => 1.0,
        0 => 0.0,
        _ => (1.0 - count(theirs) / count(ours)).exp(),
    }
}

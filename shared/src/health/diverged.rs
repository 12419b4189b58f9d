//! The training loss climbs, and stays up.
//!
//! The level of the newest steps is compared with the best level before it. It must be above by half
//! of the best level, by a share of all that was learned, and by several standard errors; and it
//! must have stayed up for a share of the job, since healthy runs have bumps (of a learning rate that
//! warms up, of a batch of hard rows). The error is the larger one of two estimates, from single
//! steps and from neighbouring levels, since step noise can be correlated.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series::{self, Level, LossSample},
};

/// Training points before a curve is judged at all.
const POINTS_MIN: usize = 8;
/// Levels that a curve is cut into: fewer are blunt, more are noisy.
const LEVELS: [usize; 2] = [14, 7];
/// Fewest and most points of a level.
const WIDTH: (usize, usize) = (4, 80);
/// The smallest loss that counts as one, as a share of the highest: logarithms have no zero.
const SMALLEST: f64 = 1e-4;
/// The level now, as a multiple of the best one.
const FACTOR: f64 = 1.5;
/// How high a level must be to count as "stayed up", as a multiple of the best one.
const FACTOR_LASTING: f64 = 1.25;
/// The share of the fall since the start that must be lost again.
const LOST_SHARE: f64 = 0.05;
/// Standard errors between the level now and the best one. The best of a dozen levels lies some two
/// errors below the middle by chance, and a run is examined some hundred times.
const ERRORS: f64 = 5.4;
/// Points around the best level whose noise is looked at.
const NEAR: usize = 40;
/// How much an error that few levels show is trusted less: its own error is about this, divided by
/// their number.
const FEW: f64 = 3.0;
/// The share of the job's steps for which the loss must have stayed up.
const LASTING_SHARE: f64 = 0.08;
/// The fewest points at which it must have stayed up.
const LASTING_POINTS: usize = 12;
/// The same share, of the steps so far, where the number of steps is not known.
const LASTING_SHARE_SO_FAR: f64 = 0.2;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let train = series::finite(&observed.curve.train);
    let climb = climb(&train, observed.steps_total)?;
    Some(HealthFinding::new(
        HealthCode::Diverged,
        Some(climb.since),
        format!(
            "the training loss has climbed from {:.3} to {:.3} since step {}",
            climb.best, climb.now, climb.since
        ),
        &[
            (EvidenceName::LossBest, climb.best),
            (EvidenceName::LossNow, climb.now),
            (EvidenceName::Error, climb.error),
        ],
    ))
}

/// A loss that has climbed.
struct Climb {
    best: f64,
    now: f64,
    error: f64,
    since: u64,
}

/// Wider levels are less noisy, so a slow climb is looked for with them, too.
fn climb(train: &[LossSample], steps_total: Option<u64>) -> Option<Climb> {
    if train.len() < POINTS_MIN {
        return None;
    }
    let highest = train.iter().map(|it| it.value).fold(0.0, f64::max);
    let smallest = highest * SMALLEST;
    // A share of the loss is a difference of logarithms, and so is the noise of a share.
    let logs: Vec<LossSample> = train
        .iter()
        .map(|it| LossSample {
            value: it.value.max(smallest).ln(),
            ..*it
        })
        .collect();
    LEVELS
        .iter()
        .map(|levels| (train.len() / levels).clamp(WIDTH.0, WIDTH.1))
        .find_map(|width| climb_of(&logs, width, steps_total))
}

fn climb_of(logs: &[LossSample], width: usize, steps_total: Option<u64>) -> Option<Climb> {
    let levels = series::levels(logs, width);
    let (now, before) = levels.split_last()?;
    let (at, best) = before
        .iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| a.value.total_cmp(&b.value))?;
    let since = before
        .iter()
        .skip(at + 1)
        .rev()
        .take_while(|level| level.value > best.value + FACTOR_LASTING.ln())
        .last()?
        .from;
    let error = 2.0_f64.sqrt() * level_error(logs, &levels, best, width);
    let start = levels.first()?.value.exp();
    let (lowest, highest) = (best.value.exp(), now.value.exp());
    let is_high = now.value - best.value > FACTOR.ln().max(ERRORS * error)
        && highest - lowest > LOST_SHARE * (start - lowest);
    let lasted = series::real_step(now.to.saturating_sub(since));
    let needed = match steps_total {
        Some(total) => LASTING_SHARE * series::real_step(total),
        None => {
            let first = levels.first()?.from;
            LASTING_SHARE_SO_FAR * series::real_step(now.to.saturating_sub(first))
        }
    };
    let points = logs.iter().filter(|it| it.step >= since).count();
    let has_lasted = lasted >= needed && points >= LASTING_POINTS;
    (is_high && has_lasted).then_some(Climb {
        best: lowest,
        now: highest,
        error: error * lowest,
        since,
    })
}

/// The standard error of a level, were there no climb: from the noise of single steps, overall and
/// around the best level, and from the changes between levels, which show correlated noise, too.
fn level_error(logs: &[LossSample], levels: &[Level], best: &Level, width: usize) -> f64 {
    let all = series::values(logs);
    let from = logs.partition_point(|it| it.step < best.from);
    let near = logs.iter().skip(from.saturating_sub(NEAR / 2)).take(NEAR);
    let near: Vec<f64> = near.map(|it| it.value).collect();
    let noise = series::noise(&all)
        .max(series::noise_apart(&all, 3))
        .max(series::noise(&near));
    let few = 1.0 + FEW / series::real(levels.len());
    few * series::median_error(noise, width).max(series::batch_error(levels))
}

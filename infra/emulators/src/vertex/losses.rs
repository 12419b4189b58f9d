//! Loss curves that follow from the plan and the data: a caricature of training, not a model of it.
//!
//! It reproduces what early stopping must distinguish: a curve that falls and levels off, one that
//! rises again on the validation rows because there are few rows and many epochs, one that diverges
//! because of a high learning rate, and one that hardly moves because of a tiny learning rate.

use super::number::{Seed, real};

/// Above this learning-rate multiplier, the loss rises after a while.
const DIVERGES_ABOVE: f64 = 4.0;
/// From this multiplier on, the loss becomes NaN.
const NOT_A_NUMBER_FROM: f64 = 10.0;
/// Steps in which the distance to the minimum shrinks by the factor e, at multiplier 1.
const PACE_STEPS: f64 = 60.0;
/// Rows that support one epoch without memorisation.
const ROWS_PER_EPOCH: f64 = 50.0;
/// The minimum of a loss.
const LOSS_MIN: f64 = 0.01;
/// The maximum of a diverging loss, as a multiple of its start.
const DIVERGED_MAX: f64 = 6.0;
/// Noise of one step on the training rows, as a share of the loss.
const TRAIN_NOISE: f64 = 0.03;
/// Noise of one evaluation, as a share of the loss.
const EVAL_NOISE: f64 = 0.006;

/// The inputs of a curve.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrainingPlan {
    /// The seed of the noise.
    pub(super) seed: Seed,
    /// Rows that are trained on.
    pub(super) rows: u64,
    /// Steps of one epoch; at least 1.
    pub(super) epoch_steps: u64,
    /// Steps of the whole run; at least 1.
    pub(super) total_steps: u64,
    /// `learningRateMultiplier`.
    pub(super) multiplier: f64,
    /// The adapter's size.
    pub(super) adapter: u8,
    /// Entropy of the answers, in nats.
    pub(super) entropy: f64,
    /// The share of rows whose answer is not unique, in `0.0..=1.0`.
    pub(super) repeats: f64,
    /// Tokens of a typical answer.
    pub(super) answer_tokens: f64,
}

/// The curves of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curves {
    plan: TrainingPlan,
    start: f64,
    floor: f64,
    /// Epochs after which the validation loss rises.
    turn: f64,
    /// The step from which on the loss diverges; beyond the run if it does not.
    onset: f64,
}

impl Curves {
    /// The curves of `plan`.
    pub(super) fn of(plan: TrainingPlan) -> Self {
        let start = (0.9 + 0.25 * plan.entropy).clamp(0.8, 3.5);
        let capacity = 0.03 * f64::from(plan.adapter.max(1)).log2();
        let floor_share = (0.55 - 0.25 * plan.repeats - capacity).clamp(0.1, 0.6);
        let turn =
            (real(plan.rows) / ROWS_PER_EPOCH).clamp(1.2, 12.0) / plan.multiplier.max(0.25).sqrt();
        let onset = if plan.multiplier > DIVERGES_ABOVE {
            real(plan.total_steps) * 0.35 / (plan.multiplier - DIVERGES_ABOVE + 1.0)
        } else {
            f64::INFINITY
        };
        Self {
            plan,
            start,
            floor: start * floor_share,
            turn,
            onset,
        }
    }

    /// `/train_total_loss` at `step`.
    pub(super) fn train_loss(&self, step: u64) -> f64 {
        let memorised = 1.0 - (-0.25 * self.beyond_the_turn(step)).exp();
        let loss = self.fit(step) * (1.0 - 0.85 * memorised) + self.divergence(step);
        self.noisy(loss, TRAIN_NOISE, 1, step)
    }

    /// `/eval_total_loss` at `step`.
    pub(super) fn eval_loss(&self, step: u64) -> f64 {
        self.noisy(self.eval_trend(step), EVAL_NOISE, 2, step)
    }

    /// `/train_fraction_of_correct_next_step_preds` at `step`.
    pub(super) fn train_accuracy(&self, step: u64) -> f64 {
        accuracy(self.train_loss(step))
    }

    /// `/eval_fraction_of_correct_next_step_preds` at `step`.
    pub(super) fn eval_accuracy(&self, step: u64) -> f64 {
        accuracy(self.eval_loss(step))
    }

    /// `/…_num_predictions` of `examples` at `step`.
    pub(super) fn predictions(&self, step: u64, examples: u64) -> f64 {
        let jitter = self.plan.seed.with(3).with(step).between(0.9, 1.1);
        (self.plan.answer_tokens * real(examples) * jitter)
            .round()
            .max(1.0)
    }

    /// The share of what can be learned that a checkpoint at `step` has learned, in `0.0..=1.0`.
    pub(super) fn skill(&self, step: u64) -> f64 {
        let skill = (self.start - self.eval_trend(step)) / (self.start - self.floor);
        if skill.is_nan() {
            0.0
        } else {
            skill.clamp(0.0, 1.0)
        }
    }

    /// Whether the run has diverged by `step`.
    pub(super) fn has_diverged(&self, step: u64) -> bool {
        let loss = self.eval_trend(step);
        real(step) > self.onset && (loss.is_nan() || loss >= self.start)
    }

    fn eval_trend(&self, step: u64) -> f64 {
        let beyond = self.beyond_the_turn(step);
        let overfit = 0.08 * (self.start - self.floor) * beyond.powf(1.3);
        self.fit(step) + overfit.min(self.start * 2.0) + self.divergence(step)
    }

    fn fit(&self, step: u64) -> f64 {
        let progress = self.plan.multiplier.powf(0.8) * real(step) / PACE_STEPS;
        self.floor + (self.start - self.floor) * (-progress).exp()
    }

    fn beyond_the_turn(&self, step: u64) -> f64 {
        // Where little is learned, little is memorised: a tiny multiplier does not overfit.
        let learned = 1.0 - (self.fit(step) - self.floor) / (self.start - self.floor);
        (real(step) / real(self.plan.epoch_steps) - self.turn).max(0.0) * learned
    }

    fn divergence(&self, step: u64) -> f64 {
        let since = (real(step) - self.onset) / real(self.plan.total_steps);
        if since <= 0.0 {
            return 0.0;
        }
        if self.plan.multiplier >= NOT_A_NUMBER_FROM && since > 0.1 {
            return f64::NAN;
        }
        let rise = (self.plan.multiplier - DIVERGES_ABOVE + 1.0) * (8.0 * since).exp_m1();
        (self.start * 0.3 * rise).min(self.start * DIVERGED_MAX)
    }

    fn noisy(&self, loss: f64, amplitude: f64, series: u64, step: u64) -> f64 {
        let noise = self
            .plan
            .seed
            .with(series)
            .with(step)
            .between(-amplitude, amplitude);
        let value = loss * (1.0 + noise);
        // `max` would turn a NaN into the minimum.
        if value < LOSS_MIN { LOSS_MIN } else { value }
    }
}

fn accuracy(loss: f64) -> f64 {
    (-0.45 * loss).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(rows: u64, epochs: u64, multiplier: f64) -> TrainingPlan {
        let epoch_steps = rows.div_ceil(8).max(1);
        TrainingPlan {
            seed: Seed::of(b"run"),
            rows,
            epoch_steps,
            total_steps: epoch_steps * epochs,
            multiplier,
            adapter: 4,
            entropy: 5.0,
            repeats: 0.1,
            answer_tokens: 30.0,
        }
    }

    fn mean(loss: impl Fn(u64) -> f64, steps: std::ops::Range<u64>) -> f64 {
        let number = real(steps.end - steps.start);
        steps.map(loss).sum::<f64>() / number
    }

    #[test]
    fn a_sound_plan_falls_and_levels_off() {
        let plan = plan(1000, 3, 1.0);
        let curves = Curves::of(plan);
        let eval = |step| curves.eval_loss(step);
        assert!(mean(eval, 350..375) < mean(eval, 0..25) * 0.7);
        assert!(curves.skill(375) > 0.9, "{}", curves.skill(375));
        assert!(curves.skill(1) < 0.1);
    }

    #[test]
    fn many_epochs_on_few_rows_overfit() {
        let curves = Curves::of(plan(100, 30, 1.0));
        let eval: Vec<f64> = (0..390).map(|step| curves.eval_loss(step)).collect();
        let least = eval.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(eval[389] > least * 1.2, "{} after {least}", eval[389]);
        let train = |step| curves.train_loss(step);
        assert!(mean(train, 370..390) < mean(train, 100..120));
    }

    #[test]
    fn a_high_multiplier_diverges_and_a_higher_one_is_nan() {
        let high = Curves::of(plan(500, 5, 6.0));
        assert!(high.eval_loss(300) > high.eval_loss(0));
        assert!(high.has_diverged(300));
        let higher = Curves::of(plan(500, 5, 10.0));
        assert!(higher.train_loss(300).is_nan());
        assert!(higher.skill(300) == 0.0);
    }

    #[test]
    fn a_tiny_multiplier_hardly_moves() {
        let curves = Curves::of(plan(500, 5, 0.001));
        assert!(curves.eval_loss(315) > curves.eval_loss(1) * 0.95);
    }

    proptest! {
        #[test]
        fn losses_are_finite_unless_the_multiplier_is_high(
            rows in 1_u64..100_000, epochs in 1_u64..60, multiplier in 0.0001_f64..9.99,
            adapter in 1_u8..17, entropy in 0.0_f64..12.0, repeats in 0.0_f64..=1.0, part in 0.0_f64..=1.0,
        ) {
            let plan = TrainingPlan { adapter, entropy, repeats, ..plan(rows, epochs, multiplier) };
            let step = super::super::number::whole(real(plan.total_steps) * part);
            let curves = Curves::of(plan);
            for loss in [curves.train_loss(step), curves.eval_loss(step)] {
                prop_assert!(loss.is_finite() && loss >= LOSS_MIN, "{loss}");
                prop_assert!(loss <= curves.start * (DIVERGED_MAX + 4.0), "{loss}");
            }
            for share in [curves.train_accuracy(step), curves.eval_accuracy(step), curves.skill(step)] {
                prop_assert!((0.0..=1.0).contains(&share), "{share}");
            }
        }
    }
}

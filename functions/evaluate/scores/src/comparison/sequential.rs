//! The comparison of two models, row by row.

use super::{
    THRESHOLD,
    bets::{self, Bet, StakeWeights, ZeroBets},
    coin::{self, CoinTable},
    fixed::{self, Direction},
    float,
    not_worse::{self, Tally},
    outlook, pseudo_row,
};

/// The bet at which "not worse" is claimed at any time: a chance of 0.5 % that it is false.
const NOT_WORSE_ANY_TIME: f64 = 200.0;
/// The evidence that rows added after the planned end need where they are right or wrong: the test there has spent
/// four fifths of the error.
const THRESHOLD_PAST_END: f64 = 100.0;
/// Rows before it is asked whether going on is hopeless, and between two such looks.
const HOPELESS_FROM: usize = 100;
/// See [`HOPELESS_FROM`].
const HOPELESS_EVERY: usize = 50;
/// A chance of a verdict below which the rows that are left are not asked.
const HOPELESS_BELOW: f64 = 0.05;

/// What the metric gives for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowScoreKind {
    /// Right or wrong.
    Binary,
    /// A score between 0 and 1.
    Scores,
}

/// When the rows are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// After each row; stops when something is proven.
    Sequential,
    /// Once, when all are answered.
    Fixed,
}

/// What is decided before the first row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparisonPlan {
    /// Rows that are asked at most, unless some are added.
    pub rows: usize,
    /// Rows that are added where those above proved nothing; 0 for none. Only a sequential comparison goes on.
    pub added: usize,
    /// What the metric gives for a row.
    pub kind: RowScoreKind,
    /// When they are looked at.
    pub design: Design,
    /// The largest loss that still counts as not worse, on the scale from 0 to 1.
    pub margin: f64,
    /// Whether "not worse" is all that is asked for, so that it ends the comparison.
    pub accepts_not_worse: bool,
    /// Candidates that are compared on the same rows: each has its share of the error.
    pub candidates: usize,
}

/// What is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenClaim {
    /// The candidate scores higher.
    Better,
    /// It scores at most the margin lower.
    NotWorse,
    /// It scores lower.
    Worse,
}

/// What was proven, and after how many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What.
    pub claim: ProvenClaim,
    /// Rows that were looked at by then.
    pub rows: usize,
}

/// What a comparison has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparisonFinding {
    /// What is proven, if anything.
    pub claim: Option<ProvenClaim>,
    /// Rows that were looked at.
    pub rows: usize,
    /// The mean difference on them.
    pub difference: f64,
    /// The means that are not excluded, at 95 %.
    pub interval: Option<(f64, f64)>,
    /// The rows in all at which a verdict is an even chance, if what was seen is the truth; absent where one is
    /// reached, or where no number of rows is likely to help.
    pub rows_needed: Option<usize>,
}

/// A comparison under way.
#[derive(Clone, Debug)]
pub struct Sequential {
    plan: ComparisonPlan,
    table: CoinTable,
    bets: ZeroBets,
    not_worse: Bet,
    differences: Vec<f64>,
    wins: usize,
    losses: usize,
    is_not_worse: bool,
    settled: Option<Settled>,
    hopeless: bool,
    /// Whether the planned end is behind: its test is made once, so that the rows after it need more evidence.
    is_past_end: bool,
}

impl Sequential {
    /// Before the first row.
    pub fn new(plan: ComparisonPlan) -> Self {
        let weights = weights(plan.kind);
        Self {
            table: CoinTable::new(plan.rows, plan.candidates),
            bets: ZeroBets::new(weights),
            not_worse: Bet::above(-plan.margin.clamp(0.0, 0.99), weights),
            plan,
            differences: Vec::new(),
            wins: 0,
            losses: 0,
            is_not_worse: false,
            settled: None,
            hopeless: false,
            is_past_end: false,
        }
    }

    /// Looks at one more row: the candidate's score less that of the other model. Rows after the end are not
    /// looked at, so that what is proven stays proven.
    pub fn add(&mut self, difference: f64) {
        if self.is_over() {
            return;
        }
        self.differences.push(difference);
        self.wins += usize::from(difference > 0.0);
        self.losses += usize::from(difference < 0.0);
        if self.plan.design == Design::Fixed {
            return;
        }
        self.not_worse.add(difference);
        if self.not_worse.log_wealth() >= NOT_WORSE_ANY_TIME.ln() {
            self.is_not_worse = true;
        }
        if self.plan.kind == RowScoreKind::Scores {
            self.bets.add(difference);
        }
        if self.is_enough() {
            self.settle(self.leader());
        } else if self.is_not_worse && self.plan.accepts_not_worse {
            self.settle(ProvenClaim::NotWorse);
        } else if !self.is_past_end {
            self.hopeless = self.is_hopeless();
            self.pass_end();
        }
    }

    /// Whether the evidence is enough after this row.
    fn is_enough(&self) -> bool {
        let candidates = float(self.plan.candidates.max(1));
        match self.plan.kind {
            RowScoreKind::Binary if self.is_past_end => {
                let threshold = THRESHOLD_PAST_END * candidates;
                coin::log_e(self.wins, self.losses) >= threshold.ln()
            }
            RowScoreKind::Binary => self.table.stops(self.wins, self.losses),
            // Scores have no test at the planned end, which spends nothing for it.
            RowScoreKind::Scores => self.bets.log_e() >= (THRESHOLD * candidates).ln(),
        }
    }

    /// Where rows were added, makes the test of the planned end before the first of them.
    fn pass_end(&mut self) {
        let is_end = self.hopeless || self.differences.len() >= self.plan.rows;
        if self.plan.added == 0 || !is_end {
            return;
        }
        let is_whole = self.differences.len() >= self.plan.rows;
        match is_whole.then(|| self.claim_at_end()).flatten() {
            Some(claim @ (ProvenClaim::Better | ProvenClaim::Worse)) => self.settle(claim),
            Some(ProvenClaim::NotWorse) => self.is_not_worse = true,
            None => {}
        }
        self.hopeless = false;
        self.is_past_end = true;
    }

    /// Whether the rows that are left need not be asked: something is proven, or will hardly be.
    pub fn is_over(&self) -> bool {
        self.settled.is_some() || self.hopeless || self.differences.len() >= self.rows_max()
    }

    fn rows_max(&self) -> usize {
        match self.plan.design {
            Design::Sequential => self.plan.rows.saturating_add(self.plan.added),
            Design::Fixed => self.plan.rows,
        }
    }

    /// What was proven before all rows were looked at.
    pub fn settled(&self) -> Option<Settled> {
        self.settled
    }

    /// What it has come to. The planned end is looked at if all its rows were.
    pub fn finding(&self) -> ComparisonFinding {
        let (rows, claim) = self.claimed();
        let sum: f64 = self.differences.iter().sum();
        let is_open = claim.is_none_or(|claim| claim == ProvenClaim::NotWorse);
        ComparisonFinding {
            claim,
            rows,
            difference: if rows == 0 { 0.0 } else { sum / float(rows) },
            interval: bets::interval(&self.differences, weights(self.plan.kind)),
            rows_needed: if is_open { self.rows_needed() } else { None },
        }
    }

    /// How many rows were looked at, and what they prove.
    pub(super) fn claimed(&self) -> (usize, Option<ProvenClaim>) {
        let rows = self.differences.len();
        let claim = match self.settled {
            Some(settled) => Some(settled.claim),
            None if rows >= self.plan.rows && !self.is_past_end => self.claim_at_end(),
            None => self.is_not_worse.then_some(ProvenClaim::NotWorse),
        };
        (rows, claim)
    }

    fn settle(&mut self, claim: ProvenClaim) {
        self.settled = Some(Settled {
            claim,
            rows: self.differences.len(),
        });
    }

    fn leader(&self) -> ProvenClaim {
        let sum: f64 = match self.plan.kind {
            RowScoreKind::Binary => float(self.wins) - float(self.losses),
            RowScoreKind::Scores => self.differences.iter().sum(),
        };
        if sum > 0.0 {
            ProvenClaim::Better
        } else {
            ProvenClaim::Worse
        }
    }

    fn is_hopeless(&self) -> bool {
        let rows = self.differences.len();
        let is_due = rows >= HOPELESS_FROM && rows.is_multiple_of(HOPELESS_EVERY);
        if !is_due || self.plan.accepts_not_worse || self.plan.kind == RowScoreKind::Scores {
            return false;
        }
        let chance =
            outlook::chance_to_settle(&self.table, self.wins, self.losses, rows, self.plan.rows);
        chance < HOPELESS_BELOW
    }

    fn claim_at_end(&self) -> Option<ProvenClaim> {
        let direction = match (self.plan.design, self.plan.kind) {
            (Design::Sequential, RowScoreKind::Binary) => {
                let is_enough = self.table.is_enough_at_end(self.wins, self.losses);
                return if is_enough {
                    Some(self.leader())
                } else {
                    self.not_worse_at_end()
                };
            }
            // An end test of scores was tried, and gains nothing.
            (Design::Sequential, RowScoreKind::Scores) => None,
            (Design::Fixed, RowScoreKind::Binary) => fixed::of_counts(self.wins, self.losses),
            (Design::Fixed, RowScoreKind::Scores) => fixed::of_scores(&self.differences),
        };
        match direction {
            Some(Direction::Better) => Some(ProvenClaim::Better),
            Some(Direction::Worse) => Some(ProvenClaim::Worse),
            None => self.not_worse_at_end(),
        }
    }

    fn not_worse_at_end(&self) -> Option<ProvenClaim> {
        let is_not_worse = self.is_not_worse
            || match self.plan.kind {
                RowScoreKind::Binary => {
                    let tally = Tally {
                        wins: self.wins,
                        losses: self.losses,
                        rows: self.differences.len(),
                    };
                    not_worse::is_not_worse(tally, self.plan.margin)
                }
                RowScoreKind::Scores => {
                    let chance = pseudo_row::chance_below(&self.differences, -self.plan.margin);
                    chance <= not_worse::ERROR_AT_END
                }
            };
        is_not_worse.then_some(ProvenClaim::NotWorse)
    }

    fn rows_needed(&self) -> Option<usize> {
        let rows = self.differences.len();
        match self.plan.kind {
            RowScoreKind::Binary => {
                let threshold = if self.is_past_end {
                    THRESHOLD_PAST_END
                } else {
                    THRESHOLD
                };
                coin::rows_for_even_chance(self.wins, self.losses, rows, threshold)
            }
            // It is not settled yet, whatever the estimate is.
            RowScoreKind::Scores => {
                outlook::rows_for_scores(&self.differences).map(|needed| needed.max(rows + 1))
            }
        }
        .filter(|needed| *needed > rows)
    }
}

fn weights(kind: RowScoreKind) -> StakeWeights {
    match kind {
        RowScoreKind::Binary => StakeWeights::Binary,
        RowScoreKind::Scores => StakeWeights::Scores,
    }
}

#[cfg(test)]
mod tests;

//! Where the series of jobs are: what is listed once and not at every read of a curve.
//!
//! The way to a curve takes three calls: the experiment's context, its runs, their series. None of them changes
//! once both losses are there, so most reads are one call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::curve;

/// Reads of a curve for which a board counts. After an hour of ticks or less its series are listed again, since
/// the service may have begun another one.
const READS_MAX: u32 = 30;
/// Boards that a process remembers: a hundred times the jobs that a project may run at a time.
const BOARDS_MAX: usize = 1_000;

/// One series of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// Its resource name.
    pub(super) name: String,
    /// The name that the service displays.
    pub(super) display_name: String,
}

/// The series of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Board {
    /// The resource name of the `TensorBoard`.
    pub(super) tensorboard: String,
    /// Those that are numbers.
    pub(super) series: Vec<Series>,
}

impl Board {
    /// Whether no loss is missing. A job without validation rows never has that of evaluation, so its series
    /// are listed each time.
    fn is_whole(&self) -> bool {
        let has = |loss: &str| self.series.iter().any(|it| it.display_name == loss);
        has(curve::TRAIN) && has(curve::EVAL)
    }
}

/// The boards that a process knows, by experiment. It is a cache: what it lacks is read.
#[derive(Clone, Default)]
pub(super) struct Boards(Arc<Mutex<BTreeMap<String, (Board, u32)>>>);

impl Boards {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (Board, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The board of `experiment`, for one more read.
    pub(super) fn read(&self, experiment: &str) -> Option<Board> {
        let mut boards = self.lock();
        let (board, reads) = boards.get_mut(experiment)?;
        *reads += 1;
        if *reads < READS_MAX {
            return Some(board.clone());
        }
        boards.remove(experiment).map(|(board, _)| board)
    }

    /// Remembers `board`, if nothing is missing in it.
    pub(super) fn keep(&self, experiment: &str, board: &Board) {
        if !board.is_whole() {
            return;
        }
        let mut boards = self.lock();
        if boards.len() >= BOARDS_MAX {
            boards.clear();
        }
        boards.insert(experiment.to_owned(), (board.clone(), 0));
    }

    /// Forgets the board of `experiment`, which could not be read.
    pub(super) fn forget(&self, experiment: &str) {
        self.lock().remove(experiment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(series: &[&str]) -> Board {
        let series = series.iter().map(|name| Series {
            name: format!("t/{name}"),
            display_name: (*name).to_owned(),
        });
        Board {
            tensorboard: "t".to_owned(),
            series: series.collect(),
        }
    }

    #[test]
    fn a_board_counts_for_so_many_reads() {
        let (boards, both) = (Boards::default(), board(&[curve::TRAIN, curve::EVAL]));
        assert_eq!(boards.read("e"), None);
        boards.keep("e", &both);
        let known = (0..READS_MAX).filter(|_| boards.read("e").as_ref() == Some(&both));
        assert_eq!(known.count(), 30);
        assert_eq!(boards.read("e"), None, "its series are listed again");
    }

    #[test]
    fn a_board_that_lacks_a_loss_is_listed_each_time() {
        let boards = Boards::default();
        boards.keep("e", &board(&[curve::TRAIN, "/reward"]));
        assert_eq!(boards.read("e"), None);
    }

    #[test]
    fn a_board_that_cannot_be_read_is_forgotten() {
        let boards = Boards::default();
        boards.keep("e", &board(&[curve::TRAIN, curve::EVAL]));
        boards.forget("e");
        assert_eq!(boards.read("e"), None);
    }

    #[test]
    fn the_number_of_boards_is_bounded() {
        let (boards, both) = (Boards::default(), board(&[curve::TRAIN, curve::EVAL]));
        for number in 0..=BOARDS_MAX {
            boards.keep(&number.to_string(), &both);
        }
        assert_eq!(boards.read("0"), None);
        assert_eq!(boards.read(&BOARDS_MAX.to_string()), Some(both));
    }
}

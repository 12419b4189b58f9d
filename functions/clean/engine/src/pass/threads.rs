//! Threads that read in turn and judge side by side.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{batch::Batch, error::Error, judged::Judged, row::Judge};

/// Batches, for each thread, that may wait for an earlier one that takes long: as many as are judged while
/// all that is held is decided about.
const WAITING_PER_THREAD: u64 = 8;

/// Where batches come from.
pub(super) trait Batches: Send {
    /// Fills `batch` with the next rows; `false` after the last.
    fn fill(&mut self, batch: &mut Batch) -> io::Result<bool>;

    /// Bytes read so far.
    fn bytes_read(&self) -> u64;
}

/// Where judged batches go, in order.
pub(super) trait Taker: Send {
    /// Takes the next batch; gives back what can be filled again.
    fn take(&mut self, judged: Judged) -> Result<Judged, Error>;
}

/// The way in: one thread at a time reads.
struct Intake<'i> {
    batches: &'i mut dyn Batches,
    progress: &'i mut (dyn FnMut(u64) + Send),
    /// Number of the next batch.
    next: u64,
}

/// The way out: batches are taken in order, by one thread at a time.
#[derive(Default)]
struct Counter {
    /// Number of the batch to be taken next.
    next: u64,
    /// Whether some thread takes batches, and will take what comes meanwhile.
    is_taking: bool,
    /// Batches that are judged before their turn.
    waiting: BTreeMap<u64, Judged>,
    /// Used up, to be filled again.
    spare: Vec<Judged>,
    failed: Option<Error>,
}

/// The way out, for all threads.
struct Exit<'e> {
    taker: Mutex<&'e mut dyn Taker>,
    counter: Mutex<Counter>,
    /// Told when a batch is taken, or something failed.
    moved: Condvar,
    /// Batches that may wait.
    waiting_max: u64,
}

/// Judges all `batches` on so many `threads`, and hands them to `taker` in their order.
pub(super) fn run(
    batches: &mut dyn Batches,
    judge: &Judge<'_>,
    taker: &mut dyn Taker,
    threads: NonZero<usize>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Error> {
    let intake = Mutex::new(Intake {
        batches,
        progress,
        next: 0,
    });
    let exit = Exit {
        taker: Mutex::new(taker),
        counter: Mutex::default(),
        moved: Condvar::new(),
        waiting_max: WAITING_PER_THREAD * u64::try_from(threads.get()).unwrap_or(1),
    };
    let work = || work(judge, &intake, &exit);
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(work);
        }
        work();
    });
    let counter = exit.counter.into_inner();
    let counter = counter.unwrap_or_else(PoisonError::into_inner);
    counter.failed.map_or(Ok(()), Err)
}

fn work(judge: &Judge<'_>, intake: &Mutex<Intake<'_>>, exit: &Exit<'_>) {
    let _guard = Guard(exit);
    let mut batch = Batch::default();
    loop {
        let number = match lock(intake).read(&mut batch) {
            Ok(Some(number)) => number,
            Ok(None) => return,
            Err(error) => {
                lock(&exit.counter).failed.get_or_insert(error);
                exit.moved.notify_all();
                return;
            }
        };
        let mut judged = lock(&exit.counter).spare.pop().unwrap_or_default();
        judge.judge(&batch, &mut judged);
        if !exit.put(number, judged) {
            return;
        }
    }
}

impl Intake<'_> {
    /// Reads the next batch, and gives it a number.
    fn read(&mut self, batch: &mut Batch) -> Result<Option<u64>, Error> {
        if !self.batches.fill(batch).map_err(Error::Read)? {
            return Ok(None);
        }
        (self.progress)(self.batches.bytes_read());
        let number = self.next;
        self.next += 1;
        Ok(Some(number))
    }
}

/// Sees to it that nobody waits for a thread that panics.
struct Guard<'g, 'e>(&'g Exit<'e>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.counter).failed.get_or_insert(Error::Unending);
            self.0.moved.notify_all();
        }
    }
}

impl Exit<'_> {
    /// Puts a batch down, and takes it if its turn has come, unless another thread is taking: that one
    /// goes on with it. `false` once anything has failed.
    fn put(&self, number: u64, judged: Judged) -> bool {
        let mut counter = lock(&self.counter);
        while counter.failed.is_none() && number >= counter.next + self.waiting_max {
            let moved = self.moved.wait(counter);
            counter = moved.unwrap_or_else(PoisonError::into_inner);
        }
        counter.waiting.insert(number, judged);
        if !counter.is_taking {
            counter.is_taking = true;
            counter = self.take_all(counter);
            counter.is_taking = false;
        }
        counter.failed.is_none()
    }

    /// Takes batches for as long as the next one is there.
    fn take_all<'c>(&'c self, mut counter: MutexGuard<'c, Counter>) -> MutexGuard<'c, Counter> {
        while counter.failed.is_none() {
            let next = counter.next;
            let Some(judged) = counter.waiting.remove(&next) else {
                break;
            };
            // Others may put theirs down meanwhile.
            drop(counter);
            let taken = lock(&self.taker).take(judged);
            counter = lock(&self.counter);
            match taken {
                Ok(spare) => counter.spare.push(spare),
                Err(error) => counter.failed = Some(error),
            }
            counter.next += 1;
            self.moved.notify_all();
        }
        counter
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::{batch::Cut, container::Layout, plan::Plan, settings::Settings};

    /// Rows, one in each batch.
    struct Rows(u32);

    impl Batches for Rows {
        fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
            let Some(left) = self.0.checked_sub(1) else {
                return Ok(false);
            };
            self.0 = left;
            batch.bytes = b"{\"input\":\"a\",\"output\":\"b\"}\n".to_vec();
            let end = batch.bytes.len();
            batch.cut = Cut::Lines { end };
            Ok(true)
        }

        fn bytes_read(&self) -> u64 {
            0
        }
    }

    /// Fails, in one way or another, at the batch that has this number, from 0.
    struct Failing {
        at: u32,
        panics: bool,
    }

    impl Taker for Failing {
        fn take(&mut self, judged: Judged) -> Result<Judged, Error> {
            match self.at.checked_sub(1) {
                Some(at) => self.at = at,
                None if self.panics => panic!("a mistake of ours"),
                None => return Err(Error::TooManyRows),
            }
            Ok(judged)
        }
    }

    fn run_all(rows: u32, taker: &mut dyn Taker) -> Result<(), Error> {
        let (settings, plan) = (Settings::default(), Plan::default());
        let judge = Judge::new(&settings, &plan, Layout::Json, false);
        let threads = NonZero::new(3).unwrap();
        run(&mut Rows(rows), &judge, taker, threads, &mut |_| {})
    }

    #[test]
    fn all_threads_end_where_one_fails() {
        let failing = |panics| Failing { at: 7, panics };
        assert!(run_all(7, &mut failing(false)).is_ok());
        let failed = run_all(10_000, &mut failing(false)).unwrap_err();
        assert!(matches!(failed, Error::TooManyRows), "{failed}");
        let panicked = catch_unwind(AssertUnwindSafe(|| run_all(10_000, &mut failing(true))));
        assert!(panicked.is_err());
    }
}

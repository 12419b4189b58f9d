//! Threads that read in turn and judge side by side.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{Error, batch::Batch, judged::Judged, row::Judge};

/// Batches, for each thread, that may wait for an earlier one that takes long.
const WAITING_PER_THREAD: u64 = 3;

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

/// The way out: batches are taken in order.
struct Counter<'c> {
    taker: &'c mut dyn Taker,
    /// Number of the batch to be taken next.
    next: u64,
    /// Batches that are judged before their turn.
    waiting: BTreeMap<u64, Judged>,
    /// Used up, to be filled again.
    spare: Vec<Judged>,
    failed: Option<Error>,
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
    let counter = Mutex::new(Counter {
        taker,
        next: 0,
        waiting: BTreeMap::new(),
        spare: Vec::new(),
        failed: None,
    });
    let moved = Condvar::new();
    let waiting_max = WAITING_PER_THREAD * u64::try_from(threads.get()).unwrap_or(1);
    let work = || work(judge, &intake, &counter, &moved, waiting_max);
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(work);
        }
        work();
    });
    let counter = counter.into_inner().unwrap_or_else(PoisonError::into_inner);
    counter.failed.map_or(Ok(()), Err)
}

fn work(
    judge: &Judge<'_>,
    intake: &Mutex<Intake<'_>>,
    counter: &Mutex<Counter<'_>>,
    moved: &Condvar,
    waiting_max: u64,
) {
    let mut batch = Batch::default();
    loop {
        let number = match lock(intake).read(&mut batch) {
            Ok(Some(number)) => number,
            Ok(None) => return,
            Err(error) => {
                lock(counter).failed.get_or_insert(error);
                moved.notify_all();
                return;
            }
        };
        let mut judged = lock(counter).spare.pop().unwrap_or_default();
        judge.judge(&batch, &mut judged);
        let mut counter = lock(counter);
        while counter.failed.is_none() && number >= counter.next + waiting_max {
            counter = moved.wait(counter).unwrap_or_else(PoisonError::into_inner);
        }
        if counter.failed.is_some() {
            return;
        }
        counter.put(number, judged);
        drop(counter);
        moved.notify_all();
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

impl Counter<'_> {
    /// Takes a batch, and all whose turn has come with it.
    fn put(&mut self, number: u64, judged: Judged) {
        self.waiting.insert(number, judged);
        while let Some(judged) = self.waiting.remove(&self.next) {
            match self.taker.take(judged) {
                Ok(spare) => self.spare.push(spare),
                Err(error) => {
                    self.failed.get_or_insert(error);
                    return;
                }
            }
            self.next += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Threads that read batches in turn and process them in parallel.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{batch::Batch, error::Error, processed::ProcessedBatch, row_processor::RowProcessor};

/// Batches per thread that may wait for an earlier, slower one. About as many are processed while
/// the buffer is decided about, so that no thread idles meanwhile; the limit bounds memory.
const WAITING_PER_THREAD: u64 = 8;

/// Where batches come from.
pub(super) trait BatchSource: Send {
    /// Fills `batch` with the next rows; `false` after the last.
    fn fill(&mut self, batch: &mut Batch) -> io::Result<bool>;

    /// Bytes read so far.
    fn bytes_read(&self) -> u64;
}

/// Where processed batches go, in order.
pub(super) trait BatchSink: Send {
    /// Takes the next batch; returns an allocation for reuse.
    fn take(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error>;
}

/// The shared input: one thread at a time reads.
struct SharedReader<'i> {
    batches: &'i mut dyn BatchSource,
    progress: &'i mut (dyn FnMut(u64) + Send),
    /// Number of the next batch.
    next: u64,
}

/// The state of the queue to the sink.
#[derive(Default)]
struct QueueState {
    /// Number of the next batch to merge.
    next: u64,
    /// Whether a thread is merging. It will also merge what others queue meanwhile.
    is_merging: bool,
    /// Batches that were processed before their turn.
    waiting: BTreeMap<u64, ProcessedBatch>,
    /// Used allocations, to be filled again.
    spare: Vec<ProcessedBatch>,
    failed: Option<Error>,
}

/// The ordered queue of processed batches, shared by all threads.
struct MergeQueue<'e> {
    sink: Mutex<&'e mut dyn BatchSink>,
    state: Mutex<QueueState>,
    /// Notified when a batch is merged, or something failed.
    moved: Condvar,
    /// Most batches that may wait.
    waiting_max: u64,
}

/// Processes all `batches` on so many `threads`, and hands them to `sink` in order.
pub(super) fn run(
    batches: &mut dyn BatchSource,
    processor: &RowProcessor<'_>,
    sink: &mut dyn BatchSink,
    threads: NonZero<usize>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Error> {
    let reader = Mutex::new(SharedReader {
        batches,
        progress,
        next: 0,
    });
    let queue = MergeQueue {
        sink: Mutex::new(sink),
        state: Mutex::default(),
        moved: Condvar::new(),
        waiting_max: WAITING_PER_THREAD * u64::try_from(threads.get()).unwrap_or(1),
    };
    let work = || work(processor, &reader, &queue);
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            scope.spawn(work);
        }
        work();
    });
    let state = queue.state.into_inner();
    let state = state.unwrap_or_else(PoisonError::into_inner);
    state.failed.map_or(Ok(()), Err)
}

fn work(processor: &RowProcessor<'_>, reader: &Mutex<SharedReader<'_>>, queue: &MergeQueue<'_>) {
    let _guard = Guard(queue);
    let mut batch = Batch::default();
    loop {
        let number = match lock(reader).read(&mut batch) {
            Ok(Some(number)) => number,
            Ok(None) => return,
            Err(error) => {
                lock(&queue.state).failed.get_or_insert(error);
                queue.moved.notify_all();
                return;
            }
        };
        let mut processed = lock(&queue.state).spare.pop().unwrap_or_default();
        processor.processor(&batch, &mut processed);
        if !queue.put(number, processed) {
            return;
        }
    }
}

impl SharedReader<'_> {
    /// Reads the next batch, and numbers it.
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

/// Wakes the other threads if this one panics: they would wait for its batch for ever.
struct Guard<'g, 'e>(&'g MergeQueue<'e>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.state).failed.get_or_insert(Error::Unending);
            self.0.moved.notify_all();
        }
    }
}

impl MergeQueue<'_> {
    /// Queues a batch, and merges it if its turn has come, unless another thread is merging: that
    /// one will merge it. `false` once anything has failed.
    fn put(&self, number: u64, processed: ProcessedBatch) -> bool {
        let mut state = lock(&self.state);
        while state.failed.is_none() && number >= state.next + self.waiting_max {
            let moved = self.moved.wait(state);
            state = moved.unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(number, processed);
        if !state.is_merging {
            state.is_merging = true;
            state = self.merge_all(state);
            state.is_merging = false;
        }
        state.failed.is_none()
    }

    /// Merges batches for as long as the next one is there.
    fn merge_all<'c>(
        &'c self,
        mut state: MutexGuard<'c, QueueState>,
    ) -> MutexGuard<'c, QueueState> {
        while state.failed.is_none() {
            let next = state.next;
            let Some(processed) = state.waiting.remove(&next) else {
                break;
            };
            // Release the lock, so that others can queue theirs meanwhile.
            drop(state);
            let taken = lock(&self.sink).take(processed);
            state = lock(&self.state);
            match taken {
                Ok(spare) => state.spare.push(spare),
                Err(error) => state.failed = Some(error),
            }
            state.next += 1;
            self.moved.notify_all();
        }
        state
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

    impl BatchSource for Rows {
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

    /// Fails or panics at the batch with this number, from 0.
    struct Failing {
        at: u32,
        panics: bool,
    }

    impl BatchSink for Failing {
        fn take(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error> {
            match self.at.checked_sub(1) {
                Some(at) => self.at = at,
                None if self.panics => panic!("a mistake of ours"),
                None => return Err(Error::TooManyRows),
            }
            Ok(processed)
        }
    }

    fn run_all(rows: u32, sink: &mut dyn BatchSink) -> Result<(), Error> {
        let (settings, plan) = (Settings::default(), Plan::default());
        let processor = RowProcessor::new(&settings, &plan, Layout::Json, false);
        let threads = NonZero::new(3).unwrap();
        run(&mut Rows(rows), &processor, sink, threads, &mut |_| {})
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

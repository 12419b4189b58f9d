//! The thread that writes to the store.
//!
//! Changes are queued in the order in which they happen and written by one thread, many in one
//! commit: a commit costs a sync of the disk, and a subscriber acknowledges messages one by one.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};

use tokio::sync::oneshot;
use tonic::Status;

use crate::db::{Db, DbChange};

/// Batches queued for the writer; when the queue is full, callers wait.
const QUEUE_MAX: usize = 1024;
/// Changes in one commit.
const COMMIT_MAX: usize = 4096;

/// The handle of the writer: queues changes, and reports when they are stored.
#[derive(Debug)]
pub(super) struct WriteBehind {
    sender: Option<SyncSender<Batch>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Batch {
    changes: Vec<DbChange>,
    kept: oneshot::Sender<bool>,
}

/// Resolves when changes are stored.
#[derive(Debug)]
#[must_use = "a caller that gets an answer before its change is stored may lose the change"]
pub(super) struct Receipt(Option<oneshot::Receiver<bool>>);

impl WriteBehind {
    /// Starts the writer; it ends with this handle, after the last change.
    pub(super) fn start(db: Db) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        Self {
            sender: Some(sender),
            writer: Some(std::thread::spawn(move || write(&db, &receiver))),
        }
    }

    /// Queues `changes`.
    pub(super) fn write(&self, changes: Vec<DbChange>) -> Receipt {
        if changes.is_empty() {
            return Receipt(None);
        }
        let (kept, receipt) = oneshot::channel();
        if let Some(sender) = &self.sender {
            // A dead writer drops `kept`, which the receipt reports.
            drop(sender.send(Batch { changes, kept }));
        }
        Receipt(Some(receipt))
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes Pub/Sub's store panicked");
        }
    }
}

impl Receipt {
    /// Waits until the changes are stored.
    pub(super) async fn kept(self) -> Result<(), Status> {
        let Some(receipt) = self.0 else {
            return Ok(());
        };
        match receipt.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Status::unavailable("the change could not be stored")),
        }
    }
}

fn write(db: &Db, receiver: &Receiver<Batch>) {
    while let Ok(first) = receiver.recv() {
        let mut changes = first.changes;
        let mut waiting = vec![first.kept];
        while changes.len() < COMMIT_MAX {
            let Ok(next) = receiver.try_recv() else { break };
            changes.extend(next.changes);
            waiting.push(next.kept);
        }
        let result = db.apply(changes);
        if let Err(error) = &result {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "Pub/Sub's changes were lost"
            );
        }
        for kept in waiting {
            // A caller that does not wait has dropped the receipt.
            let _ignored = kept.send(result.is_ok());
        }
    }
}

//! What survives a restart: named tables of bytes, on disk through redb, or as maps in memory.
//!
//! Services keep their state in plain structures and write every change through; when they start,
//! they read their tables back with [`Db::scan`].

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};

/// A write to one table.
#[derive(Debug, Clone)]
pub(crate) enum DbChange {
    /// Stores `value` under `key`.
    Put {
        /// The table's name.
        table: &'static str,
        /// The key; a scan returns rows in its order.
        key: String,
        /// The bytes.
        value: Vec<u8>,
    },
    /// Removes `key` if it exists.
    Delete {
        /// The table's name.
        table: &'static str,
        /// The key.
        key: String,
    },
}

/// Why the store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the emulator's store failed")]
pub(crate) struct Error(#[source] Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error.into()))
    }
}

/// An open store; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Db(Backend);

#[derive(Debug, Clone)]
enum Backend {
    /// Each change is on disk before the call is answered, so it survives a crash.
    Disk(Arc<Disk>),
    /// A map per table: tests write thousands of times and need neither pages nor checksums.
    Memory(Arc<Mutex<Tables>>),
}

/// A file, and a marker that it is open: fields are dropped in this order.
#[derive(Debug)]
struct Disk {
    database: Database,
    open: Arc<()>,
}

type Tables = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

impl Db {
    /// Opens the file at `path`, which is created if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let disk = Disk {
            database: Database::create(path)?,
            open: Arc::default(),
        };
        Ok(Self(Backend::Disk(Arc::new(disk))))
    }

    /// A store in memory.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "one signature for both ways to open"
    )]
    pub(crate) fn in_memory() -> Result<Self, Error> {
        Ok(Self(Backend::Memory(Arc::default())))
    }

    /// A handle that shows whether this store's file is still open; for a store in memory it never is.
    pub(crate) fn hold(&self) -> Hold {
        Hold(match &self.0 {
            Backend::Disk(disk) => Arc::downgrade(&disk.open),
            Backend::Memory(_) => Weak::new(),
        })
    }

    /// Applies all of `changes` or none; on disk this costs one `fsync`, whatever their number.
    pub(crate) fn apply(&self, changes: Vec<DbChange>) -> Result<(), Error> {
        match &self.0 {
            Backend::Disk(_) if changes.is_empty() => Ok(()),
            Backend::Disk(disk) => write(&disk.database, changes),
            Backend::Memory(tables) => {
                let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
                for change in changes {
                    match change {
                        DbChange::Put { table, key, value } => {
                            tables.entry(table).or_default().insert(key, value);
                        }
                        DbChange::Delete { table, key } => {
                            tables.entry(table).or_default().remove(&key);
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// Every row of `table`, in key order.
    pub(crate) fn scan(&self, table: &'static str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        match &self.0 {
            Backend::Disk(disk) => read(&disk.database, table),
            Backend::Memory(tables) => {
                let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
                let rows = tables.get(table).into_iter().flatten();
                Ok(rows
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect())
            }
        }
    }
}

/// Shows whether a store's file is still open, without keeping it open.
#[derive(Debug)]
pub(crate) struct Hold(Weak<()>);

impl Hold {
    /// Whether the file is open or is still being closed.
    pub(crate) fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }
}

fn write(database: &Database, changes: Vec<DbChange>) -> Result<(), Error> {
    // redb commits with `Durability::Immediate` by default.
    let write = database.begin_write()?;
    for change in changes {
        match change {
            DbChange::Put { table, key, value } => {
                let mut table = write.open_table(definition(table))?;
                table.insert(key.as_str(), value.as_slice())?;
            }
            DbChange::Delete { table, key } => {
                let mut table = write.open_table(definition(table))?;
                table.remove(key.as_str())?;
            }
        }
    }
    write.commit()?;
    Ok(())
}

fn read(database: &Database, table: &'static str) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let read = database.begin_read()?;
    let table = match read.open_table(definition(table)) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        other => other?,
    };
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        rows.push((key.value().to_owned(), value.value().to_vec()));
    }
    Ok(rows)
}

fn definition(name: &'static str) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &[u8]) -> DbChange {
        DbChange::Put {
            table: "t",
            key: key.to_owned(),
            value: value.to_vec(),
        }
    }

    #[test]
    fn a_reopened_store_holds_what_was_applied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let db = Db::open(&path).unwrap();
        assert!(db.scan("t").unwrap().is_empty(), "nothing was written yet");
        db.apply(vec![put("b", b"2"), put("a", b"1")]).unwrap();
        let delete = DbChange::Delete {
            table: "t",
            key: "b".to_owned(),
        };
        db.apply(vec![delete]).unwrap();
        drop(db);
        let rows = Db::open(&path).unwrap().scan("t").unwrap();
        assert_eq!(rows, [("a".to_owned(), b"1".to_vec())]);
    }

    #[test]
    fn a_store_in_memory_is_shared_by_its_clones_and_sorted() {
        let db = Db::in_memory().unwrap();
        let clone = db.clone();
        let delete = DbChange::Delete {
            table: "t",
            key: "c".to_owned(),
        };
        let changes = vec![put("b", b"2"), put("c", b"3"), put("a", b"1"), delete];
        clone.apply(changes).unwrap();
        let keys: Vec<_> = db.scan("t").unwrap().into_iter().map(|row| row.0).collect();
        assert_eq!(keys, ["a", "b"]);
    }
}

//! Answers given before, in memory: bounded in entries and in bytes, the least recently asked dropped first, none kept past
//! its time.
//!
//! Exact only: a prompt that merely resembles another gets an answer of its own. Each instance has its own cache; nothing is
//! shared, so nothing can go stale between instances but by time.

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use crate::fingerprint::Fingerprint;

/// How much to remember.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Answers at most. 0 turns the cache off.
    pub entries: usize,
    /// Bytes of all answers with their keys, at most. An answer larger than a tenth of this is not kept, since it would drive
    /// out too many others.
    pub size_bytes: usize,
    /// How long an answer is good.
    pub ttl: TimeDelta,
}

impl Default for CacheLimits {
    /// 64 MiB are an eighth of the smallest instance that serves well.
    fn default() -> Self {
        Self {
            entries: 10_000,
            size_bytes: 64 * 1024 * 1024,
            ttl: TimeDelta::hours(1),
        }
    }
}

/// What an entry takes beside its body: the key, the list's pointers, the table's slot.
const OVERHEAD_BYTES: usize = 256;

/// Answers by fingerprint.
pub struct Cache {
    limits: CacheLimits,
    entries: LruCache<Fingerprint, CachedAnswer>,
    size_bytes: usize,
}

struct CachedAnswer {
    body: Arc<[u8]>,
    expires_at: DateTime<Utc>,
}

impl CachedAnswer {
    fn size_bytes(&self) -> usize {
        self.body.len() + OVERHEAD_BYTES
    }
}

impl Cache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            // Bounded by `put`; a bounded list would reserve its whole table at once.
            entries: LruCache::unbounded(),
            size_bytes: 0,
        }
    }

    /// The answer, if it is remembered and still good at `now`.
    pub fn get(&mut self, key: &Fingerprint, now: DateTime<Utc>) -> Option<Arc<[u8]>> {
        let entry = self.entries.get(key)?;
        if entry.expires_at > now {
            return Some(Arc::clone(&entry.body));
        }
        self.forget(key);
        None
    }

    /// Remembers an answer from `now` on, in place of one with the same fingerprint, and drops others until the limits hold.
    pub fn put(&mut self, key: Fingerprint, body: impl Into<Arc<[u8]>>, now: DateTime<Utc>) {
        self.forget(&key);
        let body = body.into();
        // A time-to-live past the end of the calendar is the end of the calendar.
        let expires_at = now
            .checked_add_signed(self.limits.ttl)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let entry = CachedAnswer { body, expires_at };
        if self.limits.entries == 0 || entry.size_bytes() > self.limits.size_bytes / 10 {
            return;
        }
        self.size_bytes += entry.size_bytes();
        self.entries.put(key, entry);
        while self.entries.len() > self.limits.entries || self.size_bytes > self.limits.size_bytes {
            let Some((_, dropped)) = self.entries.pop_lru() else {
                break;
            };
            self.size_bytes -= dropped.size_bytes();
        }
    }

    /// Forgets everything. Not needed after a promotion or rollback, which changes every fingerprint; it only frees memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.size_bytes = 0;
    }

    /// Answers remembered, those past their time included until they are asked for or dropped.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes held, keys and overhead included.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn forget(&mut self, key: &Fingerprint) {
        if let Some(entry) = self.entries.pop(key) {
            self.size_bytes -= entry.size_bytes();
        }
    }
}

/// Sizes only: the answers are data of users.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("limits", &self.limits)
            .field("entries", &self.entries.len())
            .field("size_bytes", &self.size_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key(n: u64) -> Fingerprint {
        Fingerprint::of(&json!({ "generationConfig": { "seed": n } }), "m", 1).unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn cache(entries: usize, size_bytes: usize) -> Cache {
        Cache::new(CacheLimits {
            entries,
            size_bytes,
            ttl: TimeDelta::seconds(60),
        })
    }

    fn text(body: Option<Arc<[u8]>>) -> Option<String> {
        body.map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn an_answer_is_remembered_for_its_time() {
        let mut cache = cache(10, 100_000);
        cache.put(key(1), *b"yes", at(0));
        assert_eq!(text(cache.get(&key(1), at(59))).as_deref(), Some("yes"));
        assert_eq!(cache.get(&key(2), at(0)), None);
        assert_eq!(cache.get(&key(1), at(60)), None);
        assert_eq!((cache.len(), cache.size_bytes()), (0, 0));
    }

    #[test]
    fn the_least_recently_asked_is_dropped_first() {
        let mut cache = cache(2, 100_000);
        cache.put(key(1), *b"1", at(0));
        cache.put(key(2), *b"2", at(0));
        cache.get(&key(1), at(1));
        cache.put(key(3), *b"3", at(1));
        assert!(cache.get(&key(1), at(1)).is_some());
        assert!(cache.get(&key(2), at(1)).is_none());
    }

    #[test]
    fn an_answer_too_large_is_not_kept_and_the_old_one_is_gone() {
        let mut cache = cache(10, 10_000);
        cache.put(key(1), *b"small", at(0));
        cache.put(key(1), vec![b'x'; 1_000], at(0));
        assert!(cache.is_empty());
        assert_eq!(cache.size_bytes(), 0);
    }

    #[test]
    fn a_cache_without_entries_is_off() {
        let mut cache = cache(0, 10_000);
        cache.put(key(1), *b"yes", at(0));
        assert!(cache.is_empty());
    }

    #[test]
    fn debug_shows_no_text() {
        let mut cache = cache(10, 100_000);
        cache.put(key(1), *b"sesame", at(0));
        assert!(!format!("{cache:?}").contains("sesame"));
    }

    proptest! {
        #[test]
        fn limits_hold_and_the_books_balance(
            steps in proptest::collection::vec((0..12_u64, 0..600_usize, 0..200_i64), 0..100),
        ) {
            let mut cache = cache(5, 6_000);
            for (n, size, second) in steps {
                cache.get(&key(n + 1), at(second));
                cache.put(key(n), vec![0; size], at(second));
                prop_assert!(cache.len() <= 5 && cache.size_bytes() <= 6_000);
                let held: usize = cache.entries.iter().map(|(_, entry)| entry.size_bytes()).sum();
                prop_assert_eq!(held, cache.size_bytes());
            }
            cache.clear();
            prop_assert_eq!(cache.size_bytes(), 0);
        }
    }
}

//! Earlier answers, in memory: bounded in entries and bytes, evicted least recently used first, expired after a time to live.
//!
//! Exact matches only: a prompt that merely resembles another gets its own answer. Each instance has its own cache: instances
//! share nothing, so they may give different answers to the same prompt until the entries expire.

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use crate::fingerprint::Fingerprint;

/// Limits of the cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Most answers. 0 turns the cache off.
    pub entries: usize,
    /// Most bytes of all answers with their keys. An answer larger than a tenth of this is not cached, since it would evict too
    /// many others.
    pub size_bytes: usize,
    /// How long an answer may be served from the cache.
    pub ttl: TimeDelta,
}

impl Default for CacheLimits {
    /// 64 MiB are an eighth of the memory of an instance.
    fn default() -> Self {
        Self {
            entries: 10_000,
            size_bytes: 64 * 1024 * 1024,
            ttl: TimeDelta::hours(1),
        }
    }
}

/// Memory of an entry besides its body: the key, the pointers of the list, the slot of the table.
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
            // `put` enforces the limits; a bounded `LruCache` would allocate its whole table at once.
            entries: LruCache::unbounded(),
            size_bytes: 0,
        }
    }

    /// The answer, if it is cached and not expired at `now`.
    pub fn get(&mut self, key: &Fingerprint, now: DateTime<Utc>) -> Option<Arc<[u8]>> {
        let entry = self.entries.get(key)?;
        if entry.expires_at > now {
            return Some(Arc::clone(&entry.body));
        }
        self.remove(key);
        None
    }

    /// Caches an answer from `now` on, replacing one with the same fingerprint, and evicts others until the limits hold.
    pub fn put(&mut self, key: Fingerprint, body: impl Into<Arc<[u8]>>, now: DateTime<Utc>) {
        self.remove(&key);
        let body = body.into();
        // A time to live that overflows the calendar ends with the calendar.
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
            let Some((_, evicted)) = self.entries.pop_lru() else {
                break;
            };
            self.size_bytes -= evicted.size_bytes();
        }
    }

    /// Removes everything. Not needed after a promotion or rollback, which changes every fingerprint; it only frees memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.size_bytes = 0;
    }

    /// Cached answers, expired ones included until they are requested or evicted.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is cached.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes used, keys and overhead included.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn remove(&mut self, key: &Fingerprint) {
        if let Some(entry) = self.entries.pop(key) {
            self.size_bytes -= entry.size_bytes();
        }
    }
}

/// Sizes only: the answers are user data.
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
    fn an_answer_is_cached_until_it_expires() {
        let mut cache = cache(10, 100_000);
        cache.put(key(1), *b"yes", at(0));
        assert_eq!(text(cache.get(&key(1), at(59))).as_deref(), Some("yes"));
        assert_eq!(cache.get(&key(2), at(0)), None);
        assert_eq!(cache.get(&key(1), at(60)), None);
        assert_eq!((cache.len(), cache.size_bytes()), (0, 0));
    }

    #[test]
    fn the_least_recently_used_is_evicted_first() {
        let mut cache = cache(2, 100_000);
        cache.put(key(1), *b"1", at(0));
        cache.put(key(2), *b"2", at(0));
        cache.get(&key(1), at(1));
        cache.put(key(3), *b"3", at(1));
        assert!(cache.get(&key(1), at(1)).is_some());
        assert!(cache.get(&key(2), at(1)).is_none());
    }

    #[test]
    fn an_answer_too_large_is_not_cached_and_removes_the_old_one() {
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
        fn limits_hold_and_sizes_add_up(
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

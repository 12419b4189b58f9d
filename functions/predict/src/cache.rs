//! Earlier answers, in memory: bounded in entries and bytes, evicted least recently used first, expired after a time to live.
//!
//! Exact matches only: a prompt that merely resembles another gets its own answer. Each instance has its own cache: instances
//! share nothing, so they may give different answers to the same prompt until the entries expire.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use crate::{fingerprint::Fingerprint, serving::Served};

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

/// Memory of an entry besides its answer: the key, the note, the pointers of the list, the slot of the table.
const OVERHEAD_BYTES: usize = 512;

/// Answers by fingerprint.
pub(crate) struct Cache {
    limits: CacheLimits,
    entries: LruCache<Fingerprint, CachedAnswer>,
    size_bytes: usize,
}

struct CachedAnswer {
    served: Served,
    expires_at: DateTime<Utc>,
}

impl CachedAnswer {
    fn size_bytes(&self) -> usize {
        self.served.answer.len() + OVERHEAD_BYTES
    }
}

impl Cache {
    /// An empty cache.
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            // `put` enforces the limits; a bounded `LruCache` would allocate its whole table at once.
            entries: LruCache::unbounded(),
            size_bytes: 0,
        }
    }

    /// The answer, if it is cached and not expired at `now`.
    pub(crate) fn get(&mut self, key: &Fingerprint, now: DateTime<Utc>) -> Option<Served> {
        let entry = self.entries.get(key)?;
        if entry.expires_at > now {
            return Some(entry.served.clone());
        }
        self.remove(key);
        None
    }

    /// Caches an answer from `now` on, replacing one with the same fingerprint, and evicts others until the limits hold.
    pub(crate) fn put(&mut self, key: Fingerprint, served: Served, now: DateTime<Utc>) {
        self.remove(&key);
        // A time to live that overflows the calendar ends with the calendar.
        let expires_at = now
            .checked_add_signed(self.limits.ttl)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let entry = CachedAnswer { served, expires_at };
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
    use std::time::Duration;

    use actix_web::web::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        note::{Note, ServedBy},
        question::ModelQuestion,
    };

    fn key(n: u64) -> Fingerprint {
        let body = format!(r#"{{"contents": [{{}}], "generationConfig": {{"seed": {n}}}}}"#);
        Fingerprint::of(&ModelQuestion::read(Bytes::from(body)).unwrap(), "m", 1).unwrap()
    }

    fn served(answer: impl Into<Bytes>) -> Served {
        Served {
            answer: answer.into(),
            note: Note {
                served_by: ServedBy::Tuned,
                route: Some(1),
                run: None,
                fallback_reason: None,
                base_not_served: None,
                cached: false,
                confidence: None,
            },
            models: Duration::ZERO,
        }
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

    fn text(served: Option<Served>) -> Option<String> {
        served.map(|served| String::from_utf8(served.answer.to_vec()).unwrap())
    }

    #[test]
    fn an_answer_is_cached_until_it_expires() {
        let mut cache = cache(10, 100_000);
        cache.put(key(1), served("yes"), at(0));
        assert_eq!(text(cache.get(&key(1), at(59))).as_deref(), Some("yes"));
        assert_eq!(text(cache.get(&key(2), at(0))), None);
        assert_eq!(text(cache.get(&key(1), at(60))), None);
        assert_eq!((cache.entries.len(), cache.size_bytes), (0, 0));
    }

    #[test]
    fn the_least_recently_used_is_evicted_first() {
        let mut cache = cache(2, 100_000);
        cache.put(key(1), served("1"), at(0));
        cache.put(key(2), served("2"), at(0));
        cache.get(&key(1), at(1));
        cache.put(key(3), served("3"), at(1));
        assert!(cache.get(&key(1), at(1)).is_some());
        assert!(cache.get(&key(2), at(1)).is_none());
    }

    #[test]
    fn an_answer_too_large_is_not_cached_and_removes_the_old_one() {
        let mut cache = cache(10, 10_000);
        cache.put(key(1), served("small"), at(0));
        cache.put(key(1), served(vec![b'x'; 1_000]), at(0));
        assert!(cache.entries.is_empty());
        assert_eq!(cache.size_bytes, 0);
    }

    #[test]
    fn a_cache_without_entries_is_off() {
        let mut cache = cache(0, 10_000);
        cache.put(key(1), served("yes"), at(0));
        assert!(cache.entries.is_empty());
    }

    #[test]
    fn debug_shows_no_text() {
        let mut cache = cache(10, 100_000);
        cache.put(key(1), served("sesame"), at(0));
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
                cache.put(key(n), served(vec![0; size]), at(second));
                prop_assert!(cache.entries.len() <= 5 && cache.size_bytes <= 6_000);
                let held: usize = cache.entries.iter().map(|(_, entry)| entry.size_bytes()).sum();
                prop_assert_eq!(held, cache.size_bytes);
            }
        }
    }
}

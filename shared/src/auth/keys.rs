//! The keys that sign tokens, fetched from their publisher and kept.
//!
//! A token whose key is known never waits for the fetch of another key, and is never refused
//! because the publisher is unavailable. A storm of made-up key ids leads to one fetch a minute.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, JwkSet},
};
use reqwest::header::CACHE_CONTROL;
use tokio::sync::{Mutex, MutexGuard};

use crate::{error::Error, outcome::Source};

/// Longest that the publisher may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Time from an answer until an unknown key leads to another fetch.
const AFTER_ANSWER: Duration = Duration::from_mins(1);
/// Time from a failure until the next attempt.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Shortest and longest time for which keys are fresh, whatever the publisher's `max-age`.
const FRESH: (Duration, Duration) = (Duration::from_mins(5), Duration::from_hours(1));
/// How long they are used while the publisher is unavailable.
const STALE_MAX: Duration = Duration::from_hours(24);
/// Keys kept; Google has two or three.
const KEYS_MAX: usize = 32;

/// The keys of one publisher.
pub(super) struct SigningKeys {
    url: String,
    http: reqwest::Client,
    known: RwLock<Known>,
    /// Held during a fetch; when the next one may be made.
    next: Mutex<Option<Instant>>,
}

/// What was fetched last.
#[derive(Default)]
struct Known {
    by_name: HashMap<String, Arc<DecodingKey>>,
    /// When, and for how long it is fresh.
    fetched: Option<(Instant, Duration)>,
}

impl Known {
    /// The key called `name`, and whether it is time to fetch again.
    fn get(&self, name: &str) -> Option<(Arc<DecodingKey>, bool)> {
        let (at, fresh) = self.fetched?;
        let age = at.elapsed();
        let key = self.by_name.get(name).filter(|_| age < STALE_MAX)?;
        Some((Arc::clone(key), age >= fresh))
    }
}

impl SigningKeys {
    /// The keys published at `url`.
    pub(super) fn new(url: String, http: reqwest::Client) -> Self {
        Self {
            url,
            http,
            known: RwLock::default(),
            next: Mutex::default(),
        }
    }

    /// The key called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if there is no such key, [`Error::Unavailable`] if the publisher
    /// cannot be reached and no keys are known.
    pub(super) async fn get(&self, name: &str) -> Result<Arc<DecodingKey>, Error> {
        match self.known(name) {
            Some((key, false)) => return Ok(key),
            Some((key, true)) => {
                // One request fetches, the others go on with the key they have; so does that one
                // if the fetch fails.
                let Ok(mut next) = self.next.try_lock() else {
                    return Ok(key);
                };
                if self.fetch(&mut next).await.is_err() {
                    return Ok(key);
                }
            }
            None => {
                let mut next = self.next.lock().await;
                if self.known(name).is_none() {
                    self.fetch(&mut next)
                        .await
                        .map_err(Error::unavailable("the keys that sign tokens"))?;
                }
            }
        }
        let known = self.known(name);
        known.map_or(Err(Error::Unauthenticated("an unknown key")), |(key, _)| {
            Ok(key)
        })
    }

    fn known(&self, name: &str) -> Option<(Arc<DecodingKey>, bool)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name)
    }

    /// Fetches the keys, unless that was done a moment ago.
    async fn fetch(&self, next: &mut MutexGuard<'_, Option<Instant>>) -> Result<(), Source> {
        if next.is_some_and(|next| Instant::now() < next) {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let asked = known.fetched.is_some();
            return if asked {
                Ok(())
            } else {
                Err("the last fetch failed a moment ago".into())
            };
        }
        let fetched = self.ask().await;
        let pause = if fetched.is_ok() {
            AFTER_ANSWER
        } else {
            AFTER_FAILURE
        };
        **next = Some(Instant::now() + pause);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(fetched) => *known = fetched,
            // The known keys stay in use.
            Err(_) if known.fetched.is_some() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Known, Source> {
        let request = self.http.get(&self.url).timeout(TIMEOUT);
        let answer = request.send().await?.error_for_status()?;
        let control = answer.headers().get(CACHE_CONTROL);
        let fresh = control
            .and_then(|control| max_age(control.to_str().ok()?))
            .unwrap_or(FRESH.0);
        let set: JwkSet = answer.json().await?;
        let named = |jwk: &Jwk| {
            let key = DecodingKey::from_jwk(jwk).ok()?;
            Some((jwk.common.key_id.clone()?, Arc::new(key)))
        };
        Ok(Known {
            by_name: set.keys.iter().take(KEYS_MAX).filter_map(named).collect(),
            fetched: Some((Instant::now(), fresh.clamp(FRESH.0, FRESH.1))),
        })
    }
}

/// How long an answer is good for, as its `Cache-Control` has it.
fn max_age(control: &str) -> Option<Duration> {
    let mut directives = control.split(',').map(str::trim);
    let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_read_from_among_other_directives() {
        for (control, expected) in [
            ("public, max-age=21600, must-revalidate", Some(21_600)),
            ("max-age=0", Some(0)),
            ("no-store", None),
            ("max-age=soon", None),
        ] {
            assert_eq!(
                max_age(control),
                expected.map(Duration::from_secs),
                "{control}"
            );
        }
    }
}

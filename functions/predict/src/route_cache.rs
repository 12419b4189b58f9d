//! The route of each model, kept in memory and read again in the background, so that no request waits for
//! the store once its model is known.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use shared::{
    error::{Chain, Error},
    google::documents::Documents,
    id::DatasetName,
    route::{GateDecision, Route},
};
use tokio::task::JoinHandle;
use tracing::warn;

/// How long a route may be used while the store cannot be read. Long enough to bridge an outage, short enough
/// that a rollback, which cannot be seen meanwhile, is not ignored for an hour.
const ROUTE_AGE_MAX: Duration = Duration::from_mins(10);
/// Most names that are kept. A project serves a handful; a scan of names must not fill the memory.
const NAMES_MAX: usize = 1_000;
/// Most promotions that are read for the list of models.
const PROMOTED_MAX: u32 = 1_000;
/// A route that was not tried for so many times its time to live belongs to an instance that was idle: it is
/// read before it is used, so that a rollback is seen.
const IDLE_TTLS: u32 = 3;
/// Longest that a request waits for that.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// The routes by name.
#[derive(Debug, Clone)]
pub(crate) struct RouteCache {
    documents: Documents,
    ttl: Duration,
    known: Arc<Mutex<HashMap<DatasetName, KnownRoute>>>,
}

/// What was last read of one name.
#[derive(Debug, Clone)]
struct KnownRoute {
    /// The last reading that succeeded.
    last_good: Option<LastGood>,
    /// When a reading was last begun.
    tried_at: Instant,
}

/// What a reading found.
#[derive(Debug, Clone)]
struct LastGood {
    /// `None` for a name without a route.
    route: Option<Arc<Route>>,
    read_at: Instant,
}

impl LastGood {
    fn lookup(&self, age: Duration) -> RouteLookup {
        match &self.route {
            _ if age > ROUTE_AGE_MAX => RouteLookup::Unreadable,
            Some(route) => RouteLookup::Route(Arc::clone(route)),
            None => RouteLookup::Unknown,
        }
    }
}

/// The result of looking up a route.
#[derive(Debug, Clone)]
pub(crate) enum RouteLookup {
    /// The route.
    Route(Arc<Route>),
    /// There is no model of that name.
    Unknown,
    /// Firestore is unavailable, and the last good copy is too old.
    Unreadable,
}

/// What a request does about the age of what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresh {
    /// It is new.
    Not,
    /// Use it, and read it again meanwhile.
    Meanwhile,
    /// Read it before it is used.
    First,
}

impl Refresh {
    fn of(tried: Option<Duration>, ttl: Duration) -> Self {
        match tried {
            Some(age) if age < ttl => Self::Not,
            Some(age) if age < ttl * IDLE_TTLS => Self::Meanwhile,
            Some(_) | None => Self::First,
        }
    }
}

impl RouteCache {
    pub(crate) fn new(documents: Documents, ttl: Duration) -> Self {
        Self {
            documents,
            ttl,
            known: Arc::default(),
        }
    }

    /// The route of `name`.
    pub(crate) async fn of(&self, name: &DatasetName) -> RouteLookup {
        let (refresh, is_known) = self.begin(name);
        match refresh {
            Refresh::Not => {}
            Refresh::Meanwhile => drop(self.read_aside(name)),
            // Without a time to live every request reads the route, however long that takes.
            Refresh::First if is_known && !self.ttl.is_zero() => {
                // Later than that, the last good copy answers, and the reading goes on.
                drop(tokio::time::timeout(WAIT_MAX, self.read_aside(name)).await);
            }
            Refresh::First => self.read(name).await,
        }
        self.lookup(name)
    }

    /// The names that have been promoted at least once, in order.
    pub(crate) async fn names(&self) -> Result<Vec<DatasetName>, Error> {
        let promoted = self
            .documents
            .with_field::<GateDecision>("promoted", true, PROMOTED_MAX);
        let promoted = promoted.await?;
        let names: BTreeSet<DatasetName> =
            promoted.into_iter().map(|one| one.value.model).collect();
        Ok(names.into_iter().collect())
    }

    /// What to do, and whether an older reading exists. Marks the reading as begun, so that one request reads.
    fn begin(&self, name: &DatasetName) -> (Refresh, bool) {
        let mut known = self.lock();
        let entry = known.get_mut(name);
        let tried = entry.as_ref().map(|entry| entry.tried_at.elapsed());
        let refresh = Refresh::of(tried, self.ttl);
        let is_known = entry
            .as_ref()
            .is_some_and(|entry| entry.last_good.is_some());
        if let (Some(entry), Refresh::Meanwhile | Refresh::First) = (entry, refresh) {
            entry.tried_at = Instant::now();
        }
        (refresh, is_known)
    }

    /// Reads in a task of its own, which goes on where the request does not wait for it.
    fn read_aside(&self, name: &DatasetName) -> JoinHandle<()> {
        let (cache, name) = (self.clone(), name.clone());
        tokio::spawn(async move { cache.read(&name).await })
    }

    async fn read(&self, name: &DatasetName) {
        let read = self.documents.get::<Route>(name.as_str()).await;
        let mut known = self.lock();
        if known.len() >= NAMES_MAX && !known.contains_key(name) {
            known.clear();
        }
        let entry = known.entry(name.clone()).or_insert_with(|| KnownRoute {
            last_good: None,
            tried_at: Instant::now(),
        });
        match read {
            Ok(stored) => {
                let route = stored.map(|stored| Arc::new(stored.value));
                let read_at = Instant::now();
                entry.last_good = Some(LastGood { route, read_at });
            }
            Err(error) => warn!(
                outcome = "route_unreadable",
                "using the last good copy of the route: {}",
                Chain(&error)
            ),
        }
    }

    fn lookup(&self, name: &DatasetName) -> RouteLookup {
        found(self.lock().get(name))
    }

    /// Puts a route there as if it had just been read.
    #[cfg(test)]
    pub(crate) fn insert(&self, name: &str, route: Route) {
        let now = Instant::now();
        let known = KnownRoute {
            last_good: Some(LastGood {
                route: Some(Arc::new(route)),
                read_at: now,
            }),
            tried_at: now,
        };
        self.lock().insert(name.parse().unwrap(), known);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DatasetName, KnownRoute>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found(known: Option<&KnownRoute>) -> RouteLookup {
    let last_good = known.and_then(|known| known.last_good.as_ref());
    last_good.map_or(RouteLookup::Unreadable, |last_good| {
        last_good.lookup(last_good.read_at.elapsed())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_copy_is_used_until_it_is_too_old() {
        let good = |route| LastGood {
            route,
            read_at: Instant::now(),
        };
        let route = good(Some(Arc::new(Route::new("base".to_owned()))));
        let too_old = ROUTE_AGE_MAX + Duration::from_millis(1);
        assert!(matches!(route.lookup(ROUTE_AGE_MAX), RouteLookup::Route(_)));
        assert!(matches!(route.lookup(too_old), RouteLookup::Unreadable));
        assert!(matches!(
            good(None).lookup(Duration::ZERO),
            RouteLookup::Unknown
        ));
        assert!(matches!(
            good(None).lookup(too_old),
            RouteLookup::Unreadable
        ));
    }

    #[test]
    fn only_a_name_that_was_idle_waits_for_the_store() {
        let ttl = Duration::from_secs(5);
        let refresh = |s| Refresh::of(Some(Duration::from_secs(s)), ttl);
        assert_eq!(Refresh::of(None, ttl), Refresh::First);
        assert_eq!(refresh(4), Refresh::Not);
        assert_eq!(refresh(5), Refresh::Meanwhile);
        assert_eq!(refresh(14), Refresh::Meanwhile);
        assert_eq!(refresh(15), Refresh::First);
    }
}

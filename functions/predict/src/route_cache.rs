//! The route of each model, as it was last read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use shared::{
    clock::Clock,
    error::{Chain, Error},
    google::documents::Documents,
    id::DatasetName,
    route::Route,
};
use tracing::warn;

use crate::last_good::{LastGood, ROUTE_AGE_MAX};

/// Most models whose routes are cached. A project serves a handful; a scan of names must not fill the memory.
const MODELS_MAX: usize = 1_000;

/// The cached routes.
#[derive(Debug)]
pub(crate) struct RouteCache {
    documents: Documents,
    clock: Clock,
    ttl: Duration,
    known: Mutex<HashMap<DatasetName, CachedRoute>>,
}

#[derive(Debug, Clone)]
struct CachedRoute {
    last_good: LastGood<Route>,
    read_at: Instant,
}

/// The result of looking up a route.
#[derive(Debug)]
pub(crate) enum RouteLookup {
    /// The route.
    Route(Box<Route>),
    /// There is no model of that name.
    Unknown,
    /// Firestore is unavailable, and the last good copy is too old.
    Unreadable,
}

impl RouteCache {
    pub(crate) fn new(documents: Documents, clock: Clock, ttl: Duration) -> Self {
        Self {
            documents,
            clock,
            ttl,
            known: Mutex::default(),
        }
    }

    /// The route of `model`: from memory for a few seconds, or longer while Firestore is unavailable.
    pub(crate) async fn of(&self, model: &DatasetName) -> RouteLookup {
        let known = self.lock().get(model).cloned();
        if let Some(known) = &known
            && known.read_at.elapsed() < self.ttl
            && let Some(route) = known.last_good.within(ROUTE_AGE_MAX, self.clock.now())
        {
            return RouteLookup::Route(Box::new(route.clone()));
        }
        match self.documents.get::<Route>(model.as_str()).await {
            Ok(Some(stored)) => {
                self.store(model, &stored.value);
                RouteLookup::Route(Box::new(stored.value))
            }
            Ok(None) => RouteLookup::Unknown,
            Err(error) => self.last_good(known, &error),
        }
    }

    fn last_good(&self, known: Option<CachedRoute>, error: &Error) -> RouteLookup {
        warn!(
            outcome = "route_unreadable",
            "using the last good copy of the route: {}",
            Chain(error)
        );
        let route = known.and_then(|known| {
            let route = known.last_good.within(ROUTE_AGE_MAX, self.clock.now());
            route.cloned()
        });
        route.map_or(RouteLookup::Unreadable, |route| {
            RouteLookup::Route(Box::new(route))
        })
    }

    fn store(&self, model: &DatasetName, route: &Route) {
        let mut known = self.lock();
        if known.len() >= MODELS_MAX {
            known.clear();
        }
        let now = CachedRoute {
            last_good: LastGood::new(route.clone(), self.clock.now()),
            read_at: Instant::now(),
        };
        known.insert(model.clone(), now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DatasetName, CachedRoute>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

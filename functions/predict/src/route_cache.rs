//! Where each model leads, as it was last read.

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

/// Models that are remembered; a project serves a handful, and a scan must not fill memory.
const MODELS_MAX: usize = 1_000;

/// The routes.
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

/// What is known of a route.
#[derive(Debug)]
pub(crate) enum RouteLookup {
    /// It leads here.
    Route(Box<Route>),
    /// No model has that name.
    Unknown,
    /// Firestore is away, and was for too long.
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

    /// The route of `model`: from memory for a few seconds, or longer while Firestore is away.
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
                self.remember(model, &stored.value);
                RouteLookup::Route(Box::new(stored.value))
            }
            Ok(None) => RouteLookup::Unknown,
            Err(error) => self.fall_back(known, &error),
        }
    }

    fn fall_back(&self, known: Option<CachedRoute>, error: &Error) -> RouteLookup {
        warn!(
            outcome = "route_unreadable",
            "serves from memory: {}",
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

    fn remember(&self, model: &DatasetName, route: &Route) {
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
